import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { broadcastShapes, ShapeError, sizeOf, tensor, zeros } from '@tessera/tensor';

/** Two shapes that broadcast: dimensions of one shape, some of them shrunk to 1 or left out on one side. */
const pair = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.constantFrom('both', 'left', 'right')), {
    maxLength: 4,
  })
  .chain((dims) => fc.tuple(fc.constant(dims), fc.nat(dims.length), fc.nat(dims.length)))
  .map(([dims, dropLeft, dropRight]) => ({
    full: dims.map(([n]) => n),
    left: dims
      .map(([n, side]) => (side === 'right' ? 1 : n))
      .slice(leading(dims, 'right', dropLeft)),
    right: dims
      .map(([n, side]) => (side === 'left' ? 1 : n))
      .slice(leading(dims, 'left', dropRight)),
  }));

/** How many leading dimensions may be left out: those that are 1 anyway. */
function leading(
  dims: readonly (readonly [number, string])[],
  side: string,
  wanted: number,
): number {
  const stop = dims.findIndex(([n, own]) => own !== side && n !== 1);
  return Math.min(wanted, stop < 0 ? dims.length : stop);
}

const fill = (shape: readonly number[], start: number) =>
  tensor(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => start + i),
    { shape },
  );

describe('broadcasting', () => {
  it('is symmetric, absorbs scalars and repeats itself', () => {
    fc.assert(
      fc.property(pair, ({ full, left, right }) => {
        const shape = broadcastShapes('test', left, right);
        expect(shape).toEqual(broadcastShapes('test', right, left));
        expect(broadcastShapes('test', shape, left)).toEqual(shape);
        expect(broadcastShapes('test', left, [])).toEqual(left);
        expect(sizeOf(shape)).toBe(sizeOf(full));
      }),
    );
  });

  it('computes what explicit expansion computes', () => {
    fc.assert(
      fc.property(pair, ({ left, right }) => {
        const [a, b] = [fill(left, 1), fill(right, 10)];
        const shape = broadcastShapes('test', left, right);
        const expanded = a.expand(shape).add(b.expand(shape));
        expect(a.add(b).shape).toEqual(shape);
        expect(a.add(b).toArraySync()).toEqual(expanded.toArraySync());
        expect(a.mul(b).toArraySync()).toEqual(b.mul(a).toArraySync());
      }),
    );
  });

  it('refuses sizes that differ and are not 1', () => {
    expect(() => zeros([2, 3]).add(zeros([4, 3]))).toThrow(ShapeError);
    expect(() => zeros([2, 3]).add(zeros([4, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: add: shapes [2, 3] and [4, 3] do not broadcast: sizes 2 and 4 clash at axis -2. Sizes must be equal or 1, aligned at the last axis.]`,
    );
  });
});
