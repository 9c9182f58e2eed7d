import { describe, expect, it } from 'vitest';
import type { TapeBox, TapeDrawing } from '../../packages/studio/src/code/code-messages.ts';
import { layoutOf } from '../../packages/studio/src/code/graph/layout.ts';
import type { Place } from '../../packages/studio/src/code/graph/level.ts';

function box(id: string, kind: 'leaf' | 'node' = 'node'): TapeBox {
  const text = { title: id, spec: 'float32[]', value: '1', cotangent: null };
  return { kind, id, ...text, path: null, first: 0, last: 0 };
}

/** `count` updates `w → m → n` that all read one rate, the last half of them in a module. */
function updates(count: number): TapeDrawing {
  const each = Array.from({ length: count }, (_, i) => i);
  const boxes = each.map((i) => [box(`w${i}`, 'leaf'), box(`m${i}`), box(`n${i}`)]);
  const half = boxes.length / 2;
  return {
    boxes: [
      box('rate', 'leaf'),
      ...boxes.slice(0, half).flat(),
      { kind: 'open', id: 'f', title: 'half', path: 'half', boxes: boxes.slice(half).flat() },
    ],
    edges: each.flatMap((i) => [
      { from: `w${i}`, to: `m${i}` },
      { from: `m${i}`, to: `n${i}` },
      { from: 'rate', to: `n${i}` },
    ]),
  };
}

function overlap(a: Place, b: Place): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

describe('the layout of a tape', () => {
  const drawing = updates(40);
  const { places, edges, width, height } = layoutOf(drawing);

  it('places every box inside of it, and none over another', () => {
    const frame = places.get('f');
    const boxes = [...places].filter(([id]) => id !== 'f');
    expect(boxes).toHaveLength(1 + 3 * 40);
    for (const [id, at] of boxes) {
      expect(at.x >= 0 && at.y >= 0 && at.x + at.width <= width, id).toBe(true);
      expect(at.y + at.height, id).toBeLessThanOrEqual(height);
      for (const [other, there] of boxes) {
        if (other !== id) expect(overlap(at, there), `${id} and ${other}`).toBe(false);
      }
    }
    const inside = places.get('n39');
    expect(frame !== undefined && inside !== undefined && overlap(frame, inside)).toBe(true);
  });

  it('draws each edge from the bottom of one box to the top of the other', () => {
    expect(edges).toHaveLength(3 * 40);
    for (const { from, to, points } of edges) {
      const [start, end] = [places.get(from), places.get(to)];
      if (start === undefined || end === undefined)
        throw new Error(`${from} or ${to} has no place`);
      const [first, last] = [points[0], points.at(-1)];
      expect(first.y, from).toBeCloseTo(start.y + start.height, 3);
      expect(last?.y, to).toBeCloseTo(end.y, 3);
    }
  });

  it('keeps parts narrow that only a rate connects', () => {
    expect(width / height).toBeLessThan(6);
  });
});
