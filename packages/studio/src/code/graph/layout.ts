// Where the boxes of a tape stand: each open module is a drawing of its own, placed in the one around it.

import { Graph, layout as dagreLayout } from '@dagrejs/dagre';
import type { TapeBox, TapeDrawing, TapeEdge, TapeFrame } from '../code-messages.ts';

/** A point, in pixels from the top left. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where a box stands: its top left, and its size. */
export interface Place extends Point {
  readonly width: number;
  readonly height: number;
}

/** The places of all boxes and frames by id, and the ways of the edges. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly places: ReadonlyMap<string, Place>;
  readonly edges: readonly (TapeEdge & { readonly points: readonly Point[] })[];
}

/** Sizes in pixels. A letter is as wide as those of the page's monospace font at 12 pixels. */
const SIZE = {
  letter: 7.25,
  most: 260,
  least: 96,
  line: 17,
  inset: 10,
  round: 16,
  frame: 14,
  title: 26,
};

/** Pixels between boxes. */
const GAP = { nodes: 22, ranks: 34 };

/** The lines of text of a box, as wide as the page shows them. */
function linesOf({ title, spec, value, cotangent, kind }: TapeBox): readonly string[] {
  return [kind === 'folded' ? `▸ ${title}` : title, spec, `y ${value}`, `ȳ ${cotangent ?? 'none'}`];
}

function sizeOf(box: TapeBox): Pick<Place, 'width' | 'height'> {
  const lines = linesOf(box);
  const longest = Math.max(...lines.map((line) => line.length));
  const width = Math.min(SIZE.most, Math.max(SIZE.least, longest * SIZE.letter + 2 * insetOf(box)));
  return { width, height: lines.length * SIZE.line + 12 };
}

/** Pixels left and right of the text; leaves are round. */
function insetOf({ kind }: TapeBox): number {
  return kind === 'leaf' ? SIZE.round : SIZE.inset;
}

/** A drawing of one level: places relative to its own top left. */
interface Level {
  readonly width: number;
  readonly height: number;
  readonly places: ReadonlyMap<string, Place>;
  readonly ways: ReadonlyMap<string, readonly Point[]>;
}

/** Places all boxes. */
export function layoutOf(drawing: TapeDrawing): Layout {
  const around = new Map<string, readonly string[]>(); // the frames around a box, the outermost first
  const boxes = intoFrames(drawing, around);
  // At each level an edge leads from what holds its start to what holds its end.
  const edgesAt = new Map<
    string,
    { readonly level: string; readonly edges: Map<string, TapeEdge> }
  >();
  const routed = drawing.edges.map((edge) => {
    const from = [...(around.get(edge.from) ?? []), edge.from];
    const to = [...(around.get(edge.to) ?? []), edge.to];
    const depth = from.findIndex((id, i) => id !== to[i]);
    const level = depth <= 0 ? '' : from[depth - 1];
    const way = { from: from[Math.max(0, depth)], to: to[Math.max(0, depth)] };
    const there = edgesAt.get(level) ?? { level, edges: new Map<string, TapeEdge>() };
    there.edges.set(keyOf(way), way);
    edgesAt.set(level, there);
    return { ...edge, level, way };
  });
  const places = new Map<string, Place>();
  const ways = new Map<string, readonly Point[]>();
  const arrange = (level: string, inside: readonly (TapeBox | TapeFrame)[]): Level => {
    const inner = new Map<string, Level>();
    const sizes = new Map<string, Pick<Place, 'width' | 'height'>>();
    for (const box of inside) {
      if (box.kind !== 'open') sizes.set(box.id, sizeOf(box));
      else {
        const own = arrange(box.id, box.boxes);
        inner.set(box.id, own);
        const least = box.title.length * SIZE.letter + 70;
        sizes.set(box.id, {
          width: Math.max(own.width + 2 * SIZE.frame, least),
          height: own.height + SIZE.title + SIZE.frame,
        });
      }
    }
    const placed = place(sizes, [...(edgesAt.get(level)?.edges.values() ?? [])]);
    const all = new Map(placed.places);
    const allWays = new Map([...placed.ways].map(([key, way]) => [`${level} ${key}`, way]));
    for (const [id, own] of inner) {
      const frame = placed.places.get(id);
      if (frame === undefined) continue;
      const left = frame.x + (frame.width - own.width) / 2;
      const top = frame.y + SIZE.title;
      for (const [each, at] of own.places) all.set(each, { ...at, ...moved(at, left, top) });
      for (const [key, way] of own.ways)
        allWays.set(
          key,
          way.map((at) => moved(at, left, top)),
        );
    }
    return { ...placed, places: all, ways: allWays };
  };
  const whole = arrange('', boxes);
  for (const [id, at] of whole.places) places.set(id, at);
  for (const [key, way] of whole.ways) ways.set(key, way);
  const edges = routed.map(({ from, to, level, way }) => {
    const points = [...(ways.get(`${level} ${keyOf(way)}`) ?? [])];
    const [start, end] = [places.get(from), places.get(to)];
    if (way.from !== from && start !== undefined) points.unshift(bottomOf(start));
    if (way.to !== to && end !== undefined) points.push(topOf(end));
    return { from, to, points };
  });
  return { width: whole.width, height: whole.height, places, edges };
}

/** Moves leaves into the innermost frame that holds all their readers, and notes the frames around each box. */
function intoFrames(
  { boxes, edges }: TapeDrawing,
  around: Map<string, readonly string[]>,
): readonly (TapeBox | TapeFrame)[] {
  const visit = (level: readonly (TapeBox | TapeFrame)[], frames: readonly string[]): void => {
    for (const box of level) {
      around.set(box.id, frames);
      if (box.kind === 'open') visit(box.boxes, [...frames, box.id]);
    }
  };
  visit(boxes, []);
  const guests = new Map<string, TapeBox[]>();
  const readers = new Map<string, string[]>();
  for (const { from, to } of edges) readers.set(from, [...(readers.get(from) ?? []), to]);
  const staying = boxes.filter((box) => {
    if (box.kind !== 'leaf') return true;
    const frames = (readers.get(box.id) ?? []).map((id) => around.get(id) ?? []);
    if (frames.length === 0) return true;
    const common = frames.reduce((a, b) => a.slice(0, lengthOfCommon(a, b)));
    const host = common.at(-1);
    if (host === undefined) return true;
    guests.set(host, [...(guests.get(host) ?? []), box]);
    around.set(box.id, common);
    return false;
  });
  const fill = (box: TapeBox | TapeFrame): TapeBox | TapeFrame =>
    box.kind === 'open'
      ? { ...box, boxes: [...(guests.get(box.id) ?? []), ...box.boxes.map(fill)] }
      : box;
  return staying.map(fill);
}

function lengthOfCommon(a: readonly string[], b: readonly string[]): number {
  const end = a.findIndex((id, i) => id !== b[i]);
  return end < 0 ? a.length : end;
}

function keyOf({ from, to }: TapeEdge): string {
  return `${from} ${to}`;
}

/** Places the boxes of one level: parts that no edge connects stand side by side, in rows. */
function place(
  sizes: ReadonlyMap<string, Pick<Place, 'width' | 'height'>>,
  edges: readonly TapeEdge[],
): Level {
  const parts = connectedParts([...sizes.keys()], edges).map((ids) => placePart(ids, sizes, edges));
  const area = parts.reduce((sum, { width, height }) => sum + width * height, 0);
  const widest = Math.max(1.6 * Math.sqrt(area), ...parts.map(({ width }) => width));
  const places = new Map<string, Place>();
  const ways = new Map<string, readonly Point[]>();
  let [left, top, rowHeight, width] = [0, 0, 0, 0];
  for (const part of parts) {
    if (left > 0 && left + part.width > widest) {
      [left, top, rowHeight] = [0, top + rowHeight + GAP.ranks, 0];
    }
    for (const [id, at] of part.places) places.set(id, { ...at, ...moved(at, left, top) });
    for (const [key, way] of part.ways)
      ways.set(
        key,
        way.map((at) => moved(at, left, top)),
      );
    width = Math.max(width, left + part.width);
    left += part.width + GAP.nodes;
    rowHeight = Math.max(rowHeight, part.height);
  }
  return { width, height: top + rowHeight, places, ways };
}

/** Groups ids that edges connect, in the order of their first ids. */
function connectedParts(ids: readonly string[], edges: readonly TapeEdge[]): string[][] {
  const neighbours = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const { from, to } of edges) {
    neighbours.get(from)?.push(to);
    neighbours.get(to)?.push(from);
  }
  const seen = new Set<string>();
  return ids.flatMap((id) => {
    if (seen.has(id)) return [];
    seen.add(id);
    const part = [id];
    for (const each of part) {
      for (const next of neighbours.get(each) ?? []) {
        if (seen.has(next)) continue;
        seen.add(next);
        part.push(next);
      }
    }
    return [part];
  });
}

/** Places boxes that edges connect, in ranks from top to bottom. */
function placePart(
  ids: readonly string[],
  sizes: ReadonlyMap<string, Pick<Place, 'width' | 'height'>>,
  edges: readonly TapeEdge[],
): Level {
  const graph = new Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: GAP.nodes, ranksep: GAP.ranks, ranker: 'tight-tree' });
  graph.setDefaultEdgeLabel(() => ({}));
  const own = new Set(ids);
  for (const id of sizes.keys()) if (own.has(id)) graph.setNode(id, { ...sizes.get(id) });
  for (const { from, to } of edges) if (own.has(from)) graph.setEdge(from, to);
  dagreLayout(graph);
  const places = new Map<string, Place>();
  for (const id of ids) {
    const { x, y, width, height } = graph.node(id) as unknown as Place;
    places.set(id, { x: x - width / 2, y: y - height / 2, width, height });
  }
  const ways = new Map<string, readonly Point[]>();
  for (const { v, w } of graph.edges()) {
    const { points } = graph.edge(v, w) as unknown as { readonly points: readonly Point[] };
    ways.set(keyOf({ from: v, to: w }), points);
  }
  const { width = 0, height = 0 } = graph.graph() as Partial<Place>;
  return { width, height, places, ways };
}

function moved({ x, y }: Point, left: number, top: number): Point {
  return { x: x + left, y: y + top };
}

function topOf({ x, y, width }: Place): Point {
  return { x: x + width / 2, y };
}

function bottomOf({ x, y, width, height }: Place): Point {
  return { x: x + width / 2, y: y + height };
}
