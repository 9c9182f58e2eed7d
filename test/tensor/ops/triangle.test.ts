import { formatSpec, arange, ones, tensor, tril, triu, zeros } from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('tril and triu', () => {
  it('keep what lies on their side of diagonal k', () => {
    const sizes = fc.integer({ min: 0, max: 4 });
    fc.assert(
      fc.property(sizes, sizes, fc.integer({ min: -5, max: 5 }), (rows, columns, k) => {
        const x = arange(rows * columns)
          .reshape([rows, columns])
          .add(1);
        const kept = (keep: (offset: number) => boolean): number[] =>
          [...x.dataSync()].map((value, flat) => {
            return keep((flat % columns) - Math.floor(flat / columns)) ? value : 0;
          });
        expect([...tril(x, k).dataSync()]).toEqual(kept((offset) => offset <= k));
        expect([...triu(x, k).dataSync()]).toEqual(kept((offset) => offset >= k));
      }),
    );
  });

  it('keep dtype, batches and views', () => {
    expect([...tril(ones([2, 2], 'bool')).dataSync()]).toEqual([1, 0, 1, 1]);
    expect(tril(zeros([2, 2], 'bool')).dtype).toBe('bool');
    expect(formatSpec(triu(arange(4).reshape([2, 2])))).toBe('int32[2, 2]');
    const batch = arange(8).reshape([2, 2, 2]);
    expect(tril(batch.transpose()).toArraySync()).toEqual(triu(batch).transpose().toArraySync());
  });

  it('do not multiply what they drop', () => {
    expect(
      tril(
        tensor([
          [1, Infinity],
          [2, NaN],
        ]),
        -1,
      ).toArraySync(),
    ).toEqual([
      [0, 0],
      [2, 0],
    ]);
  });

  it('refuse vectors', () => {
    expect(() => tril(ones([3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: tril: [..., M, N] expected, but got [3].]`,
    );
    expect(() => triu(tensor(1))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: triu: [..., M, N] expected, but got [].]`,
    );
  });
});
