import {
  formatSpec,
  argsort,
  compile,
  cpuBackend,
  gather,
  key,
  normal,
  randomInt,
  setDefaultBackend,
  sort,
  tensor,
  topk,
  wasmBackend,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { grad } from '@tessera/autograd';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';

const odd = [3, NaN, -0, 0, -Infinity, Infinity, 1, NaN, -1];

describe.each([
  ['cpu', () => cpuBackend()],
  ['wasm', () => wasmBackend({ threads: 1 })],
  ['wasm with two threads', () => wasmBackend({ threads: 2 })],
] as const)('sorting on %s', (_name, make) => {
  const before = setDefaultBackend(make());
  const backend = setDefaultBackend(before);
  afterEach(() => {
    setDefaultBackend(before);
  });

  it('takes NaN for the largest number, and is stable in both directions', () => {
    setDefaultBackend(backend);
    expect(argsort(tensor(odd)).toArraySync()).toEqual([4, 8, 2, 3, 6, 0, 5, 1, 7]);
    const falling = argsort(tensor(odd), 0, { descending: true });
    expect(falling.toArraySync()).toEqual([1, 7, 5, 0, 6, 2, 3, 8, 4]);
  });

  it('sorts whole numbers of all sizes, and bools', () => {
    setDefaultBackend(backend);
    const whole = tensor(Int32Array.of(5, -(2 ** 31), 2 ** 31 - 1, -1, 0));
    expect(sort(whole).toArraySync()).toEqual([-(2 ** 31), -1, 0, 5, 2 ** 31 - 1]);
    expect(argsort(whole, 0, { descending: true }).toArraySync()).toEqual([2, 0, 4, 3, 1]);
    expect(argsort(tensor([true, false, true, false])).toArraySync()).toEqual([1, 3, 0, 2]);
  });

  it('agrees with a stable sort of JavaScript along any axis of any view', () => {
    setDefaultBackend(backend);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3 }),
        fc.nat(),
        fc.nat(),
        fc.boolean(),
        (shape, seed, axisSeed, descending) => {
          const axis = axisSeed % shape.length;
          const x = randomInt(key(seed), shape, -9, 9).transpose(0, -1).flip(0);
          const order = argsort(x.cast(seed % 2 === 0 ? 'int32' : 'float32'), axis, { descending });
          const rows = x.transpose(axis, -1).reshape([-1, x.shape[axis]]);
          const expected = (rows.toArraySync() as number[][]).map((row) =>
            [...row.keys()].sort((i, j) => (descending ? row[j] - row[i] : row[i] - row[j])),
          );
          const found = order.transpose(axis, -1).reshape([-1, x.shape[axis]]);
          expect(found.toArraySync()).toEqual(expected);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('sorts a long row, and many rows', () => {
    setDefaultBackend(backend);
    for (const shape of [[100_001], [3000, 7]]) {
      const x = normal(key(1), shape);
      const n = shape[shape.length - 1];
      const expected = x.dataSync().slice();
      for (let start = 0; start < expected.length; start += n) {
        expected.subarray(start, start + n).sort();
      }
      expect(sort(x).dataSync()).toEqual(expected);
    }
  });

  it('is part of compiled programs, with its gradient', () => {
    setDefaultBackend(backend);
    const weighted = compile(
      grad((x: Tensor) =>
        sort(x)
          .mul(tensor([1, 2, 4]))
          .sum(),
      ),
    );
    expect(weighted(tensor([30, 10, 20])).toArraySync()).toEqual([4, 1, 2]);
  });
});

describe('sort', () => {
  it('leaves nothing as it is', () => {
    expect(sort(zeros([0])).shape).toEqual([0]);
    expect(sort(zeros([2, 0, 3]), 1).shape).toEqual([2, 0, 3]);
    expect(formatSpec(argsort(zeros([0, 3])))).toBe('int32[0, 3]');
    expect(sort(zeros([3, 1])).toArraySync()).toEqual([[0], [0], [0]]);
  });

  it('is what gathering by argsort gives', () => {
    const x = normal(key(2), [4, 5]);
    expect(gather(x, argsort(x, 0), 0).toArraySync()).toEqual(sort(x, 0).toArraySync());
  });
});

describe('topk', () => {
  it('gives the largest elements or the smallest, with their indices', () => {
    const x = tensor([
      [5, 9, 1, 7],
      [2, 2, 8, 2],
    ]);
    const { values, indices } = topk(x, 2);
    expect(values.toArraySync()).toEqual([
      [9, 7],
      [8, 2],
    ]);
    expect(indices.toArraySync()).toEqual([
      [1, 3],
      [2, 0],
    ]);
    const smallest = topk(x, 1, 0, { largest: false });
    expect(smallest.values.toArraySync()).toEqual([[2, 2, 1, 2]]);
    expect(topk(x, 0).values.shape).toEqual([2, 0]);
    expect(topk(tensor([1, NaN, 3]), 1).values.toArraySync()).toEqual([NaN]);
  });
});
