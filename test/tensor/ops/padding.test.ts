import { arange, ones, pad, tensor, zeros } from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('pad', () => {
  it('looks up what each mode names', () => {
    const amounts = fc.tuple(fc.nat(4), fc.nat(4));
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 5, max: 7 }), fc.integer({ min: 5, max: 7 })),
        fc.tuple(amounts, amounts),
        (shape, margins) => {
          const x = arange(shape[0] * shape[1])
            .reshape([...shape])
            .flip(0);
          const values = x.toArraySync() as number[][];
          const rows = margins[0][0] + shape[0] + margins[0][1];
          const columns = margins[1][0] + shape[1] + margins[1][1];
          const expected = (value: (i: number, j: number) => number): number[][] =>
            Array.from({ length: rows }, (_, i) =>
              Array.from({ length: columns }, (_column, j) =>
                value(i - margins[0][0], j - margins[1][0]),
              ),
            );
          const mirrored = (i: number, n: number): number => n - 1 - Math.abs(n - 1 - Math.abs(i));
          const nearest = (i: number, n: number): number => Math.min(Math.max(i, 0), n - 1);
          expect(pad(x, margins, { mode: 'reflect' }).toArraySync()).toEqual(
            expected((i, j) => values[mirrored(i, shape[0])][mirrored(j, shape[1])]),
          );
          expect(pad(x, margins, { mode: 'replicate' }).toArraySync()).toEqual(
            expected((i, j) => values[nearest(i, shape[0])][nearest(j, shape[1])]),
          );
          expect(pad(x, margins, { value: -7 }).toArraySync()).toEqual(
            expected((i, j) => values[i]?.[j] ?? -7),
          );
        },
      ),
    );
  });

  it('defaults to zeros and leaves alone what gets nothing', () => {
    expect(pad(tensor([1]), [[1, 2]]).toArraySync()).toEqual([0, 1, 0, 0]);
    const x = ones([2, 0]);
    expect(pad(x, [[0, 0], [0, 0]], { mode: 'reflect' })).toBe(x); // prettier-ignore
    expect(pad(zeros([0, 1]), [[0, 0], [1, 1]], { mode: 'replicate' }).shape).toEqual([0, 3]); // prettier-ignore
    expect(pad(tensor([3]), [[2, 1]], { mode: 'replicate' }).toArraySync()).toEqual([3, 3, 3, 3]);
  });

  it('refuses what x is too small for', () => {
    expect(() => pad(ones([3, 2]), [[0, 0], [0, 2]], { mode: 'reflect' })).toThrowErrorMatchingInlineSnapshot(`[ShapeError: pad: mode 'reflect' cannot add [0, 2] along axis 1 of [3, 2]: whole numbers from 0 to 1 expected.]`); // prettier-ignore
    expect(() =>
      pad(zeros([0]), [[1, 0]], { mode: 'replicate' }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: pad: mode 'replicate' cannot add [1, 0] along axis 0 of [0]: whole numbers from 0 to 0 expected.]`,
    );
    expect(() => pad(ones([3]), [[-1, 0]], { mode: 'reflect' })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: pad: mode 'reflect' cannot add [-1, 0] along axis 0 of [3]: whole numbers from 0 to 2 expected.]`,
    );
    expect(() => pad(ones([3]), [], { mode: 'reflect' })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: pad: 0 [before, after] pairs for [3]: one for each dimension expected.]`,
    );
  });
});
