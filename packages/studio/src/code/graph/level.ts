// Where the boxes of one level stand: parts that no edge connects, laid out by dagre, side by side.

import { Graph, layout as dagreLayout } from '@dagrejs/dagre';
import type { TapeEdge } from '../code-messages.ts';

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

/** The size of a box. */
export type Size = Pick<Place, 'width' | 'height'>;

/** A drawing of one level: places relative to its own top left. */
export interface Level extends Size {
  readonly places: ReadonlyMap<string, Place>;
  /** The ways of edges by {@link keyOf}. */
  readonly ways: ReadonlyMap<string, readonly Point[]>;
}

/** Pixels between boxes. */
const GAP = { nodes: 22, ranks: 34 };

/** A box with more readers than this holds nothing together: each edge from it is a straight line. */
const MOST_READERS = 12;

/** Parts whose layout is kept. */
const MOST_KEPT = 500;

/**
 * Places the boxes of one level. What many boxes read, such as a learning rate, would make one wide part of all
 * of them; so it stands in a part of its own, above the others.
 */
export function placeLevel(sizes: ReadonlyMap<string, Size>, edges: readonly TapeEdge[]): Level {
  const readers = new Map<string, number>();
  for (const { from } of edges) readers.set(from, (readers.get(from) ?? 0) + 1);
  const isHub = (id: string): boolean => (readers.get(id) ?? 0) > MOST_READERS;
  const holding = edges.filter(({ from }) => !isHub(from));
  const own = connectedParts([...sizes.keys()], holding);
  const parts = own
    .toSorted((a, b) => Number(b.some(isHub)) - Number(a.some(isHub)))
    .map((ids) => placePart(ids, sizes, holding));
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
  for (const edge of edges) {
    const [from, to] = [places.get(edge.from), places.get(edge.to)];
    if (isHub(edge.from) && from !== undefined && to !== undefined) {
      ways.set(keyOf(edge), [bottomOf(from), topOf(to)]);
    }
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

/** A laid out part, its boxes and edges by their numbers in it. */
interface KeptPart extends Size {
  readonly places: readonly Place[];
  readonly ways: readonly (readonly Point[])[];
}

/** Parts that were laid out, by their sizes and edges: the updates of a hundred parameters look the same. */
const kept = new Map<string, KeptPart>();

/** Places boxes that edges connect, in ranks from top to bottom. */
function placePart(
  ids: readonly string[],
  sizes: ReadonlyMap<string, Size>,
  edges: readonly TapeEdge[],
): Level {
  const numbers = new Map(ids.map((id, i) => [id, i]));
  const own = edges.flatMap(({ from, to }): [number, number][] => {
    const [a, b] = [numbers.get(from), numbers.get(to)];
    return a === undefined || b === undefined ? [] : [[a, b]];
  });
  const boxes = ids.map((id) => sizes.get(id) ?? { width: 0, height: 0 });
  const key = JSON.stringify([boxes.map(({ width, height }) => [width, height]), own]);
  let part = kept.get(key);
  if (part === undefined) {
    part = laidOut(boxes, own);
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(key, part);
  }
  const { width, height, places, ways } = part;
  return {
    width,
    height,
    places: new Map(ids.map((id, i) => [id, places[i]])),
    ways: new Map(own.map(([a, b], i) => [keyOf({ from: ids[a], to: ids[b] }), ways[i]])),
  };
}

function laidOut(boxes: readonly Size[], edges: readonly (readonly [number, number])[]): KeptPart {
  const graph = new Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: GAP.nodes, ranksep: GAP.ranks, ranker: 'tight-tree' });
  graph.setDefaultEdgeLabel(() => ({}));
  boxes.forEach((size, i) => graph.setNode(String(i), { ...size }));
  for (const [a, b] of edges) graph.setEdge(String(a), String(b));
  dagreLayout(graph);
  const { width = 0, height = 0 } = graph.graph() as Partial<Place>;
  return {
    width,
    height,
    places: boxes.map((size, i) => {
      const { x, y } = graph.node(String(i)) as unknown as Point;
      return { ...size, x: x - size.width / 2, y: y - size.height / 2 };
    }),
    ways: edges.map(([a, b]) => {
      return (graph.edge(String(a), String(b)) as unknown as { readonly points: Point[] }).points;
    }),
  };
}

/** The name of an edge. */
export function keyOf({ from, to }: TapeEdge): string {
  return `${from} ${to}`;
}

/** A point further to the right and downwards. */
export function moved({ x, y }: Point, left: number, top: number): Point {
  return { x: x + left, y: y + top };
}

/** Where edges arrive at a box. */
export function topOf({ x, y, width }: Place): Point {
  return { x: x + width / 2, y };
}

/** Where edges leave a box. */
export function bottomOf({ x, y, width, height }: Place): Point {
  return { x: x + width / 2, y: y + height };
}
