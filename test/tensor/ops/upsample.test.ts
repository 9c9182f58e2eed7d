import {
  formatSpec,
  arange,
  key,
  normal,
  ones,
  tensor,
  upsampleBilinear2d,
  upsampleNearest2d,
  zeros,
} from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const sizes = fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }));

describe('upsampleNearest2d', () => {
  it('reads pixel ⌊i · in / out⌋ for any size', () => {
    fc.assert(
      fc.property(sizes, sizes, (from, size) => {
        const x = arange(2 * from[0] * from[1])
          .reshape([2, from[1], from[0]])
          .transpose();
        const images = x.toArraySync() as number[][][];
        const source = (i: number, d: 0 | 1): number => Math.floor((i * from[d]) / size[d]);
        const expected = images.map((image) =>
          Array.from({ length: size[0] }, (_, i) =>
            Array.from({ length: size[1] }, (_pixel, j) => image[source(i, 0)][source(j, 1)]),
          ),
        );
        expect(upsampleNearest2d(x, { size }).toArraySync()).toEqual(expected);
      }),
    );
  });

  it('repeats pixels by a factor', () => {
    const x = tensor([[1, 2], [3, 4]]); // prettier-ignore
    const doubled = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]; // prettier-ignore
    expect(upsampleNearest2d(x, 2).toArraySync()).toEqual(doubled);
    expect(upsampleNearest2d(x, { size: [4, 4] }).toArraySync()).toEqual(doubled);
    expect(formatSpec(upsampleNearest2d(x.cast('int32'), 3))).toBe('int32[6, 6]');
    expect(upsampleNearest2d(zeros([0, 4, 2, 2]), 2).shape).toEqual([0, 4, 4, 4]);
  });

  it('refuses what is no image or no size', () => {
    expect(() => upsampleNearest2d(ones([3]), 2)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: upsampleNearest2d: [..., H, W] with pixels expected, but got [3].]`,
    );
    expect(() => upsampleNearest2d(zeros([1, 0, 2]), 2)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: upsampleNearest2d: [..., H, W] with pixels expected, but got [1, 0, 2].]`,
    );
    expect(() => upsampleNearest2d(ones([3, 3]), 1.5)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: upsampleNearest2d: factor and size must be whole numbers of at least 1, but got [1.5]. Write 2, or { size: [8, 8] }.]`,
    );
    expect(() =>
      upsampleNearest2d(ones([3, 3]), { size: [2, 0] }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: upsampleNearest2d: factor and size must be whole numbers of at least 1, but got [2, 0]. Write 2, or { size: [8, 8] }.]`,
    );
  });
});

describe('upsampleBilinear2d', () => {
  it('weighs the four pixels around each source point', () => {
    fc.assert(
      fc.property(sizes, sizes, fc.boolean(), fc.nat(), (from, size, alignCorners, seed) => {
        const x = normal(key(seed), [from[1], from[0]]).transpose();
        const image = x.toArraySync() as number[][];
        const place = (i: number, d: 0 | 1): number => {
          if (alignCorners) return size[d] === 1 ? 0 : (i * (from[d] - 1)) / (size[d] - 1);
          return Math.max(0, ((i + 0.5) * from[d]) / size[d] - 0.5);
        };
        /** The weight of each of `n` pixels at `at`: 1 at the pixel itself, falling to 0 at its neighbours. */
        const tent = (at: number, n: number): number[] =>
          Array.from({ length: n }, (_, i) => Math.max(0, 1 - Math.abs(Math.min(at, n - 1) - i)));
        const resized = upsampleBilinear2d(x, { size }, { alignCorners });
        expect(resized.shape).toEqual(size);
        for (const [flat, value] of resized.dataSync().entries()) {
          const rows = tent(place(Math.floor(flat / size[1]), 0), from[0]);
          const columns = tent(place(flat % size[1], 1), from[1]);
          const expected = rows.reduce(
            (total, r, i) => total + columns.reduce((part, c, j) => part + r * c * image[i][j], 0),
            0,
          );
          expect(Math.abs(value - expected)).toBeLessThan(2e-6); // four products of size 1 to 4 in float32
        }
      }),
    );
  });

  it('keeps corners, or edges, in place', () => {
    const x = tensor([[0, 1]]);
    const aligned = upsampleBilinear2d(x, { size: [1, 3] }, { alignCorners: true });
    expect(aligned.toArraySync()).toEqual([[0, 0.5, 1]]);
    expect(upsampleBilinear2d(x, 2).toArraySync()).toEqual([[0, 0.25, 0.75, 1], [0, 0.25, 0.75, 1]]); // prettier-ignore
    expect(upsampleBilinear2d(x, 1)).toBe(x);
  });

  it('refuses what is no image', () => {
    expect(() => upsampleBilinear2d(ones([3]), 2)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: upsampleBilinear2d: [..., H, W] with pixels expected, but got [3].]`,
    );
  });
});
