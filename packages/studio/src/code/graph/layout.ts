// Where the boxes of a tape stand: each open module is a drawing of its own, placed in the one around it.

import type { TapeBox, TapeDrawing, TapeEdge, TapeFrame } from '../code-messages.ts';
import {
  bottomOf,
  keyOf,
  moved,
  placeLevel,
  topOf,
  type Level,
  type Place,
  type Point,
} from './level.ts';

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
  /** Widths are multiples of this, so that parts with nearly the same texts are laid out once. */
  grid: 16,
  title: 26,
};

/** The lines of text of a box, as wide as the page shows them. */
function linesOf({ title, spec, value, cotangent, kind }: TapeBox): readonly string[] {
  return [kind === 'folded' ? `▸ ${title}` : title, spec, `y ${value}`, `ȳ ${cotangent ?? 'none'}`];
}

function sizeOf(box: TapeBox): Pick<Place, 'width' | 'height'> {
  const lines = linesOf(box);
  const longest = Math.max(...lines.map((line) => line.length));
  const needed = longest * SIZE.letter + 2 * insetOf(box);
  const snapped = Math.ceil(needed / SIZE.grid) * SIZE.grid;
  const width = Math.min(SIZE.most, Math.max(SIZE.least, snapped));
  return { width, height: lines.length * SIZE.line + 12 };
}

/** Pixels left and right of the text; leaves are round. */
function insetOf({ kind }: TapeBox): number {
  return kind === 'leaf' ? SIZE.round : SIZE.inset;
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
    const placed = placeLevel(sizes, [...(edgesAt.get(level)?.edges.values() ?? [])]);
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
