import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { broadcastPairs } from '@tessera/autograd/testing';
import { broadcastShapes, ShapeError, sizeOf, tensor, zeros } from '@tessera/tensor';

const pairs = broadcastPairs({ maxRank: 4, minSize: 0, maxSize: 4 });

const fill = (shape: readonly number[], start: number) =>
  tensor(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => start + i),
    { shape },
  );

describe('broadcasting', () => {
  it('is symmetric, absorbs scalars and repeats itself', () => {
    fc.assert(
      fc.property(pairs, ({ shape, left, right }) => {
        expect(broadcastShapes('test', left, right)).toEqual(shape);
        expect(shape).toEqual(broadcastShapes('test', right, left));
        expect(broadcastShapes('test', shape, left)).toEqual(shape);
        expect(broadcastShapes('test', left, [])).toEqual(left);
      }),
    );
  });

  it('computes what explicit expansion computes', () => {
    fc.assert(
      fc.property(pairs, ({ shape, left, right }) => {
        const [a, b] = [fill(left, 1), fill(right, 10)];
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
