import { key, median, normal, quantile, std, tensor, zeros, type Tensor } from '@tessera/tensor';
import { grad } from '@tessera/autograd';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('std', () => {
  it('is the root of the variance', () => {
    const x = normal(key(0), [3, 50]);
    const expected = x.variance(1).sqrt().toArraySync();
    expect(std(x, 1).toArraySync()).toEqual(expected);
    expect(std(tensor([1, 2, 3, 4]), null, { correction: 0 }).itemSync()).toBeCloseTo(1.118034, 6);
    expect(std(tensor([1, 3], { dtype: 'int32' }), 0, { keepDims: true }).shape).toEqual([1]);
    expect(std(tensor([5])).itemSync()).toBeNaN();
  });

  it('has the gradient 0 where all elements are equal', () => {
    const spread = (x: Tensor): Tensor => std(x);
    expect(grad(spread)(tensor([2, 2, 2])).toArraySync()).toEqual([0, 0, 0]);
  });
});

describe('median and quantile', () => {
  it('are the elements in the middle, or between', () => {
    expect(median(tensor([5, 1, 3])).itemSync()).toBe(3);
    expect(median(tensor([4, 1, 3, 2], { dtype: 'int32' })).itemSync()).toBe(2.5);
    const x = tensor([
      [3, 1, 2],
      [9, 8, 7],
    ]);
    expect(median(x, 0).toArraySync()).toEqual([6, 4.5, 4.5]);
    expect(median(x, [0, 1], { keepDims: true }).toArraySync()).toEqual([[5]]);
    expect(quantile(x, 0.25, 1).toArraySync()).toEqual([1.5, 7.5]);
    expect(quantile(x, [0, 1], 1, { keepDims: true }).shape).toEqual([2, 2, 1]);
    expect(quantile(x, [0, 1], 1).toArraySync()).toEqual([
      [1, 7],
      [3, 9],
    ]);
  });

  it('are NaN if an element is, and take infinities', () => {
    expect(
      median(
        tensor([
          [1, NaN, 3],
          [1, 2, 3],
        ]),
        1,
      ).toArraySync(),
    ).toEqual([NaN, 2]);
    expect(median(tensor([Infinity, 1, Infinity, Infinity])).itemSync()).toBe(Infinity);
    expect(quantile(tensor([-Infinity, 0, 1]), 0.5).itemSync()).toBe(0);
    expect(quantile(tensor([-Infinity, 0, 1]), 0.1).itemSync()).toBe(-Infinity);
  });

  it('lie between their neighbours, and are exact of equal elements', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 12 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (list, q) => {
          const sorted = Float32Array.from(list).sort();
          const place = q * (list.length - 1);
          const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
          const expected = low + (high - low) * (place - Math.floor(place));
          const found = quantile(tensor(list), q).itemSync();
          // Three roundings of numbers that are no larger than the larger neighbour.
          const tolerance = 2 ** -22 * Math.max(Math.abs(low), Math.abs(high));
          expect(Math.abs(found - expected)).toBeLessThanOrEqual(low === high ? 0 : tolerance);
        },
      ),
    );
  });

  it('share the gradient between the two in the middle', () => {
    const middle = (x: Tensor): Tensor => median(x);
    expect(grad(middle)(tensor([4, 1, 3, 2])).toArraySync()).toEqual([0, 0, 0.5, 0.5]);
  });

  it('need elements', () => {
    expect(() => median(zeros([0]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: median: [0] has no elements to put in order.]`,
    );
    expect(() => quantile(zeros([2, 0]), 0.5, 1)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: quantile: [2, 0] has no elements to put in order.]`,
    );
    expect(median(zeros([0, 2]), 1).shape).toEqual([0]);
  });
});
