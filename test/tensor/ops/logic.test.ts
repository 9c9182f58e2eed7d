import {
  formatSpec,
  all,
  allClose,
  any,
  compile,
  isClose,
  isFinite,
  isInf,
  isNaN,
  ones,
  scalar,
  tensor,
  where,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { grad } from '@tessera/autograd';
import { describe, expect, it } from 'vitest';

describe('any and all', () => {
  it('fold bools and numbers along axes', () => {
    const x = tensor([
      [0, NaN],
      [0, 0],
      [2, -1],
    ]);
    expect(any(x, 1).toArraySync()).toEqual([1, 0, 1]);
    expect(all(x, 1).toArraySync()).toEqual([0, 0, 1]);
    expect(any(x, 0, { keepDims: true }).shape).toEqual([1, 2]);
    expect(formatSpec(all(x, -1, { keepDims: true }))).toBe('bool[3, 1]');
    expect(any(x).itemSync()).toBe(1);
    expect(all(tensor([7, 1], { dtype: 'int32' })).itemSync()).toBe(1);
  });

  it('take no elements: none is true, and all are', () => {
    expect(any(zeros([0])).itemSync()).toBe(0);
    expect(all(zeros([0])).itemSync()).toBe(1);
    expect(any(zeros([2, 0], 'bool'), 1).toArraySync()).toEqual([0, 0]);
  });
});

describe('isNaN, isInf and isFinite', () => {
  it('tell special values apart', () => {
    const x = tensor([NaN, Infinity, -Infinity, 0, 3e38]);
    expect(isNaN(x).toArraySync()).toEqual([1, 0, 0, 0, 0]);
    expect(isInf(x).toArraySync()).toEqual([0, 1, 1, 0, 0]);
    expect(isFinite(x).toArraySync()).toEqual([0, 0, 0, 1, 1]);
  });

  it('know that whole numbers and bools are finite', () => {
    for (const x of [tensor(Int32Array.of(-(2 ** 31), 2 ** 31 - 1)), tensor([true, false])]) {
      expect(isFinite(x).toArraySync()).toEqual([1, 1]);
      expect(isInf(x).toArraySync()).toEqual([0, 0]);
      expect(formatSpec(isNaN(x))).toBe('bool[2]');
      expect(isNaN(x).toArraySync()).toEqual([0, 0]);
    }
  });

  it('agree in compiled functions', () => {
    const x = tensor([NaN, Infinity, 1]);
    expect(compile((y: Tensor) => isNaN(y.mul(1)))(x).toArraySync()).toEqual([1, 0, 0]);
    expect(compile((y: Tensor) => isFinite(y.sub(0)))(x).toArraySync()).toEqual([0, 0, 1]);
  });
});

describe('isClose and allClose', () => {
  it('have the tolerances of NumPy, of the second operand', () => {
    expect(isClose(tensor([1e10, 1e-7]), tensor([1.000008e10, 1e-8])).toArraySync()).toEqual([
      1, 0,
    ]);
    expect(isClose(scalar(10), 11, { rtol: 0.1, atol: 0 }).itemSync()).toBe(1);
    expect(isClose(scalar(11), 10, { rtol: 0.05, atol: 0.4 }).itemSync()).toBe(0);
  });

  it('compare infinities by equality and NaN only if asked', () => {
    const a = tensor([Infinity, Infinity, 1, -Infinity, NaN]);
    const b = tensor([Infinity, -Infinity, Infinity, -Infinity, NaN]);
    expect(isClose(a, b).toArraySync()).toEqual([1, 0, 0, 1, 0]);
    expect(isClose(a, b, { equalNaN: true }).toArraySync()).toEqual([1, 0, 0, 1, 1]);
    expect(isClose(tensor([3e38]), tensor([-3e38])).toArraySync()).toEqual([0]);
  });

  it('take whole numbers, broadcast, and say a boolean', async () => {
    const counts = tensor([1, 2], { dtype: 'int32' });
    expect(isClose(counts, counts.add(1)).toArraySync()).toEqual([0, 0]);
    expect(await allClose(ones([2, 3]), ones([3]))).toBe(true);
    expect(await allClose(ones([2, 3]), 1.1)).toBe(false);
    expect(await allClose(zeros([0]), 5)).toBe(true);
  });

  it('allClose cannot be used where values cannot be waited for', () => {
    const says = (x: Tensor): Tensor => {
      void allClose(x, 1);
      return x.sum();
    };
    expect(() => compile(says)(ones([2]))).toThrowErrorMatchingInlineSnapshot(
      `[StateError: allClose: its result depends on values, and inside of compile values cannot be awaited. Call it outside, with await, and pass the result in.]`,
    );
    expect(() => grad(says)(ones([2]))).toThrowErrorMatchingInlineSnapshot(
      `[StateError: allClose: its result depends on values, and inside of grad values cannot be awaited. Call it outside, with await, and pass the result in.]`,
    );
  });
});

describe('where', () => {
  it('takes a number on either side, and on both', () => {
    const condition = tensor([true, false]);
    const whole = tensor([7, 8], { dtype: 'int32' });
    expect(formatSpec(where(condition, 0, whole))).toBe('int32[2]');
    expect(where(condition, whole, 0.5).toArraySync()).toEqual([7, 0.5]);
    expect(where(condition, 1, -1).toArraySync()).toEqual([1, -1]);
    expect(where(condition, 1, -1).dtype).toBe('float32');
    expect(where(condition, true, false).dtype).toBe('bool');
  });
});
