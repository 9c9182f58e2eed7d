import { key, norm, normal, tensor, zeros, type Tensor } from '@tessera/tensor';
import { grad } from '@tessera/autograd';
import { describe, expect, it } from 'vitest';

describe('norm', () => {
  const x = tensor([
    [3, -4],
    [6, 8],
  ]);

  it('measures vectors by each order', () => {
    expect(norm(x).itemSync()).toBeCloseTo(Math.sqrt(125), 5);
    expect(norm(x, null, { order: 'fro' }).itemSync()).toBeCloseTo(Math.sqrt(125), 5);
    expect(norm(x, 1).toArraySync()).toEqual([5, 10]);
    expect(norm(x, 0, { order: 1 }).toArraySync()).toEqual([9, 12]);
    expect(norm(x, 0, { order: Infinity, keepDims: true }).toArraySync()).toEqual([[6, 8]]);
    expect(norm(x, [], { keepDims: true }).toArraySync()).toEqual([
      [3, 4],
      [6, 8],
    ]);
    expect(norm(tensor([3, 4], { dtype: 'int32' })).itemSync()).toBe(5);
    expect(norm(zeros([2, 0]), 1).toArraySync()).toEqual([0, 0]);
  });

  it('does not overflow, nor lose small numbers', () => {
    for (const size of [1e38, 1e30, 1e20, 1e10, 1, 1e-10, 1e-20, 1e-30, 1e-38]) {
      const [long, ratio] = [norm(tensor([size, size])), Math.SQRT2 * Math.fround(size)];
      expect(long.itemSync() / ratio).toBeCloseTo(1, 6);
    }
    expect(norm(tensor([1, Infinity])).itemSync()).toBe(Infinity);
    expect(norm(tensor([1, NaN, Infinity])).itemSync()).toBeNaN();
    const rows = tensor([
      [3e38, 0],
      [3e-38, 0],
      [0, 0],
    ]);
    expect(norm(rows, 1).toArraySync()).toEqual([Math.fround(3e38), Math.fround(3e-38), 0]);
  });

  it('has the gradient x / ‖x‖, and 0 at 0', () => {
    const gradient = grad((y: Tensor) => norm(y));
    expect(gradient(tensor([3, 4])).toArraySync()).toEqual([Math.fround(0.6), Math.fround(0.8)]);
    expect(gradient(tensor([0, 0])).toArraySync()).toEqual([0, 0]);
    expect(gradient(tensor([3e38, 0])).toArraySync()).toEqual([1, 0]);
    for (const order of [1, 2, Infinity]) {
      const atZero = grad((y: Tensor) => norm(y, null, { order }))(zeros([3]));
      expect(atZero.toArraySync()).toEqual([0, 0, 0]);
    }
    const twice = grad((y: Tensor) => grad((z: Tensor) => norm(z))(y).sum());
    expect(twice(zeros([3])).toArraySync()).toEqual([0, 0, 0]);
  });

  it('agrees with the sum of squares', () => {
    const y = normal(key(3), [4, 1000]);
    const squares = (y.toArraySync() as number[][]).map((row) =>
      Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)),
    );
    (norm(y, 1).toArraySync() as number[]).forEach((length, i) => {
      expect(length / squares[i]).toBeCloseTo(1, 6);
    });
  });
});
