import { describe, expect, it } from 'vitest';
import {
  edgesInSight,
  fills,
  isSeen,
  sightOf,
} from '../../packages/studio/src/code/graph/sight.ts';

const WINDOW = { width: 600, height: 400 };

describe('sightOf', () => {
  it('is the window and half of it on each side, in places of the graph', () => {
    const sight = sightOf({ x: -300, y: 100, k: 0.5 }, WINDOW);
    expect(sight).toEqual({ left: 0, top: -600, right: 2400, bottom: 1000, isNear: true });
    expect(isSeen(sight, { x: 2390, y: 0, width: 100, height: 40 })).toBe(true);
    expect(isSeen(sight, { x: 2410, y: 0, width: 100, height: 40 })).toBe(false);
  });

  it('fills the window until it has moved or grown by more than that', () => {
    const sight = sightOf({ x: 0, y: 0, k: 1 }, WINDOW);
    expect(fills(sight, { x: 290, y: -190, k: 1 }, WINDOW)).toBe(true);
    expect(fills(sight, { x: 310, y: 0, k: 1 }, WINDOW)).toBe(false);
    expect(fills(sight, { x: 0, y: 0, k: 0.6 }, WINDOW)).toBe(false);
  });
});

describe('edgesInSight', () => {
  const size = { width: 100, height: 50 };
  const places = new Map([
    ['above', { x: 0, y: -5000, ...size }],
    ['here', { x: 0, y: 0, ...size }],
    ['below', { x: 0, y: 5000, ...size }],
  ]);
  const edges = [
    { from: 'above', to: 'here', points: [] },
    { from: 'above', to: 'below', points: [] },
  ];
  const layout = { width: 100, height: 10_050, places, edges };

  it('leaves out what only passes by, where texts can be read', () => {
    const near = sightOf({ x: 0, y: 0, k: 1 }, WINDOW);
    expect(edgesInSight(layout, near, true)).toEqual([edges[0]]);
    expect(edgesInSight(layout, near, false)).toEqual(edges);
  });
});
