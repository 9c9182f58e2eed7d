import {
  formatSpec,
  arange,
  bincount,
  clip,
  compile,
  conv1d,
  diag,
  diagonal,
  eye,
  fullLike,
  histogram,
  linspace,
  meshgrid,
  ones,
  onesLike,
  outer,
  repeat,
  searchsorted,
  take,
  takeAlongAxis,
  tensor,
  tile,
  trace,
  zeros,
  zerosLike,
  type Tensor,
} from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

function whole(...list: number[]): Tensor {
  return tensor(Int32Array.from(list));
}

const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);

describe('arange', () => {
  it('counts as before', () => {
    expect(formatSpec(arange(3))).toBe('int32[3]');
    expect(arange(3, 'float32').toArraySync()).toEqual([0, 1, 2]);
    expect(arange(0).shape).toEqual([0]);
    expect(arange(2, 'bool').toArraySync()).toEqual([0, 1]);
  });

  it('goes from start to stop in steps, as in NumPy', () => {
    expect(formatSpec(arange(2, 5))).toBe('int32[3]');
    expect(arange(2, 5).toArraySync()).toEqual([2, 3, 4]);
    expect(arange(10, 0, -4).toArraySync()).toEqual([10, 6, 2]);
    expect(formatSpec(arange(0, 1, 0.25))).toBe('float32[4]');
    expect(arange(0.5, 3).toArraySync()).toEqual([0.5, 1.5, 2.5]);
    expect(formatSpec(arange(0, 10, 5, 'float32'))).toBe('float32[2]');
    expect(arange(5, 2).shape).toEqual([0]);
    expect(arange(16_777_216, 16_777_219).toArraySync()).toEqual([16777216, 16777217, 16777218]);
    expect(arange(0, 0.9, 0.1).toArraySync()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => Math.fround(i * 0.1))); // prettier-ignore
  });

  it('refuses steps that lead nowhere, and numbers that the dtype does not have', () => {
    expect(() => arange(0, 3, 0)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: arange: start, stop and step must be finite, and step not 0, but got 0, 3, 0.]`,
    );
    expect(() => arange(0, Infinity)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: arange: start, stop and step must be finite, and step not 0, but got 0, Infinity, 1.]`,
    );
    expect(() => arange(0, 1, 0.5, 'int32')).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: arange: 0.5 is no int32. Use float32, or round it first.]`,
    );
    expect(() => arange(2 ** 31 - 2, 2 ** 31 + 2)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: arange: 2147483648 is no int32. Use float32, or round it first.]`,
    );
    expect(() => arange(2.5)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: arange: count must be a whole number of at least 0, but got 2.5.]`,
    );
  });
});

describe('linspace', () => {
  it('ends exactly at its end', () => {
    fc.assert(
      fc.property(
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: 2, max: 50 }),
        (start, stop, count) => {
          const list = linspace(start, stop, count).dataSync();
          expect(list[0] - start).toBe(0);
          expect(list[count - 1] - stop).toBe(0);
        },
      ),
    );
  });

  it('leaves the end out if asked', () => {
    expect(linspace(0, 1, 2, { endpoint: false }).toArraySync()).toEqual([0, 0.5]);
    expect(linspace(3, 9, 1).toArraySync()).toEqual([3]);
    expect(linspace(3, 9, 1, { endpoint: false }).toArraySync()).toEqual([3]);
    expect(linspace(0, 1, 0, { endpoint: false }).shape).toEqual([0]);
  });
});

describe('zerosLike, onesLike and fullLike', () => {
  it('take shape and dtype from a tensor', () => {
    expect(formatSpec(zerosLike(whole(1, 2)))).toBe('int32[2]');
    expect(formatSpec(onesLike(x, 'bool'))).toBe('bool[2, 3]');
    expect(fullLike(x, -2).toArraySync()).toEqual([
      [-2, -2, -2],
      [-2, -2, -2],
    ]);
    expect(() => fullLike(whole(1), 0.5)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: fullLike: 0.5 is no int32. Use float32, or round it first.]`,
    );
  });
});

describe('repeat', () => {
  it('repeats elements, where tile repeats the whole', () => {
    expect(repeat(whole(1, 2), 2).toArraySync()).toEqual([1, 1, 2, 2]);
    expect(tile(whole(1, 2), [2]).toArraySync()).toEqual([1, 2, 1, 2]);
    expect(repeat(x, 2).shape).toEqual([12]);
    expect(repeat(x, 2, 1).toArraySync()).toEqual([
      [1, 1, 2, 2, 3, 3],
      [4, 4, 5, 5, 6, 6],
    ]);
    expect(repeat(x, [0, 2], 0).toArraySync()).toEqual([
      [4, 5, 6],
      [4, 5, 6],
    ]);
    expect(repeat(x, [2], 0).shape).toEqual([4, 3]);
    expect(repeat(x, 0, 0).shape).toEqual([0, 3]);
    expect(repeat(tensor(7), 3).toArraySync()).toEqual([7, 7, 7]);
  });
});

describe('diag, diagonal and trace', () => {
  it('place and read diagonals', () => {
    for (const k of [-3, -1, 0, 1, 2]) {
      const square = diag(whole(1, 2, 3), k);
      expect(square.shape).toEqual([3 + Math.abs(k), 3 + Math.abs(k)]);
      expect(diag(square, k).toArraySync()).toEqual([1, 2, 3]);
      expect(square.sum().itemSync()).toBe(6);
    }
    expect(
      diag(ones([3]))
        .equal(eye(3))
        .min()
        .itemSync(),
    ).toBe(1);
    expect(diag(zeros([0]), 2).toArraySync()).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(diagonal(x, 1).toArraySync()).toEqual([2, 6]);
    expect(diagonal(x, -1).toArraySync()).toEqual([4]);
    expect(diagonal(x, 2).toArraySync()).toEqual([3]);
    expect(diagonal(x, 7).shape).toEqual([0]);
    expect(diagonal(x, -2).shape).toEqual([0]);
    expect(diagonal(zeros([5, 0, 4])).shape).toEqual([5, 0]);
    expect(trace(arange(18).reshape([2, 3, 3])).toArraySync()).toEqual([12, 39]);
  });
});

describe('outer and meshgrid', () => {
  it('lay vectors out in two dimensions and more', () => {
    expect(outer(whole(1, 2), whole(3, 4, 5)).toArraySync()).toEqual([
      [3, 4, 5],
      [6, 8, 10],
    ]);
    const [a, b] = meshgrid([whole(1, 2, 3), tensor([0.5, 1])]);
    expect(formatSpec(a)).toBe('int32[2, 3]');
    expect(b.toArraySync()).toEqual([
      [0.5, 0.5, 0.5],
      [1, 1, 1],
    ]);
    const grids = meshgrid([arange(2), arange(3), arange(4)], { indexing: 'ij' });
    expect(grids.map(({ shape }) => shape)).toEqual([
      [2, 3, 4],
      [2, 3, 4],
      [2, 3, 4],
    ]);
    expect(meshgrid([arange(2), arange(3), arange(4)])[0].shape).toEqual([3, 2, 4]);
    expect(meshgrid([arange(2)])[0].toArraySync()).toEqual([0, 1]);
    expect(meshgrid([])).toEqual([]);
  });
});

describe('take and takeAlongAxis', () => {
  it('take by lists and tensors, from the end too', () => {
    expect(take(x, [-1, 0]).toArraySync()).toEqual([6, 1]);
    expect(take(x, [-1, 0], 1).toArraySync()).toEqual([
      [3, 1],
      [6, 4],
    ]);
    expect(take(x, whole(1, -1, 0, 0).reshape([2, 2]), 0).shape).toEqual([2, 2, 3]);
    expect(take(x, tensor(2, { dtype: 'int32' }), 1).toArraySync()).toEqual([3, 6]);
    expect(take(x, [], 0).shape).toEqual([0, 3]);
    expect(takeAlongAxis(x, whole(-1).reshape([1, 1]), 1).toArraySync()).toEqual([[3], [6]]);
    expect(takeAlongAxis(x, whole(0, 1, 1).reshape([1, 3]), 0).toArraySync()).toEqual([[1, 5, 6]]);
  });
});

describe('searchsorted, bincount and histogram', () => {
  it('find the place of each value', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 20 }),
        fc.array(fc.integer({ min: -1, max: 7 }), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        (list, values, right) => {
          const sorted = Int32Array.from(list).sort();
          const found = searchsorted(tensor(sorted), whole(...values), { right });
          const counts = values.map((value) => sorted.filter((y) => (right ? y <= value : y < value)).length); // prettier-ignore
          expect(found.toArraySync()).toEqual(counts);
        },
      ),
    );
    const odd = tensor([1, 2, NaN, NaN]);
    expect(searchsorted(odd, tensor([NaN, 5, Infinity])).toArraySync()).toEqual([2, 2, 2]);
    expect(searchsorted(odd, tensor([NaN, 2]), { right: true }).toArraySync()).toEqual([4, 2]);
  });

  it('count numbers and intervals', () => {
    expect(bincount(whole(1, 3, 1), 5).toArraySync()).toEqual([0, 2, 0, 1, 0]);
    expect(bincount(whole(1, 3, 1), 4, tensor([0.5, 2, 1])).toArraySync()).toEqual([0, 1.5, 0, 2]);
    expect(bincount(zeros([0], 'int32'), 2).toArraySync()).toEqual([0, 0]);
    const { counts, edges } = histogram(tensor([-1, 0, 0.1, 0.3, 0.6, 0.9, 1, 1.5, NaN]), 10, [0, 1]); // prettier-ignore
    expect(counts.toArraySync()).toEqual([1, 1, 0, 1, 0, 0, 1, 0, 0, 2]);
    expect(edges.shape).toEqual([11]);
    const compiled = compile((y: Tensor) => histogram(y, 2, [0, 2]).counts);
    expect(compiled(tensor([0, 1, 2, 3])).toArraySync()).toEqual([1, 2]);
  });
});

describe('conv1d and clip', () => {
  it('are conv2d of one row, and clamp', () => {
    const image = tensor([[[1, 2, 3, 4, 5]]]);
    const kernel = tensor([[[1, 0, -1]]]);
    expect(conv1d(image, kernel).toArraySync()).toEqual([[[-2, -2, -2]]]);
    expect(conv1d(image, kernel, { padding: 1, stride: 2 }).toArraySync()).toEqual([[[-2, -2, 4]]]);
    expect(clip(x, 2, 5).toArraySync()).toEqual([
      [2, 2, 3],
      [4, 5, 5],
    ]);
  });
});
