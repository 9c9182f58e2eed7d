// What of a graph is drawn: what the window shows and some around it, and far away without its texts.

import type { Layout } from './layout.ts';
import type { Place, Point, Size } from './level.ts';

/** Below this scale the texts of boxes, which are 12 pixels high, cannot be read. */
const READABLE = 0.35;

/** How much is drawn on each side of the window, in windows, so that a small move draws nothing anew. */
const AROUND = 0.5;

/** A part of a graph, and how it is drawn. */
export interface Sight {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** Whether texts are large enough to be read. */
  readonly isNear: boolean;
}

/** From the places of a graph to those of a window: `x ↦ k x + x₀`, as zooming has it. */
interface Transform extends Point {
  readonly k: number;
}

function windowOf({ x, y, k }: Transform, { width, height }: Size): Sight {
  const [left, top] = [-x / k, -y / k];
  return {
    left,
    top,
    right: left + width / k,
    bottom: top + height / k,
    isNear: k >= READABLE,
  };
}

/** What to draw for a window of some pixels. */
export function sightOf(transform: Transform, window: Size): Sight {
  const { left, top, right, bottom, isNear } = windowOf(transform, window);
  const [across, down] = [AROUND * (right - left), AROUND * (bottom - top)];
  return {
    left: left - across,
    top: top - down,
    right: right + across,
    bottom: bottom + down,
    isNear,
  };
}

/** Whether what is drawn fills the window. */
export function fills(sight: Sight, transform: Transform, window: Size): boolean {
  const { left, top, right, bottom } = windowOf(transform, window);
  return sight.left <= left && sight.top <= top && sight.right >= right && sight.bottom >= bottom;
}

/** Whether some of a box is in sight. */
export function isSeen(sight: Sight, { x, y, width, height }: Place): boolean {
  return (
    x <= sight.right && x + width >= sight.left && y <= sight.bottom && y + height >= sight.top
  );
}

/** The edges to draw: all of them far away; near, where a passing line would only cover texts, those with an end in sight. */
export function edgesInSight(
  { places, edges }: Layout,
  sight: Sight,
  isNear: boolean,
): Layout['edges'] {
  if (!isNear) return edges;
  const isEndSeen = (id: string): boolean => {
    const place = places.get(id);
    return place !== undefined && isSeen(sight, place);
  };
  return edges.filter(({ from, to }) => isEndSeen(from) || isEndSeen(to));
}
