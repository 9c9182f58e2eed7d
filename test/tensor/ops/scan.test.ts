import {
  cummax,
  cummin,
  cumprod,
  formatSpec,
  cumsum,
  key,
  ones,
  randomInt,
  tensor,
  uniform,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** The definition: each slice is the one before plus its own. */
function definition(x: Tensor, axis: number): number[] {
  const totals = x.split(new Array<number>(x.shape[axis]).fill(1), axis).map(({ shape }, i) => {
    return x
      .slice([...new Array<null>(axis).fill(null), [0, i + 1]])
      .sum(axis)
      .reshape(shape);
  });
  const sums = totals.map((total) => [...total.dataSync()]);
  const inner = x.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  return [...x.dataSync()].map((_, flat) => {
    const i = Math.floor(flat / inner) % x.shape[axis];
    const outer = Math.floor(flat / inner / x.shape[axis]);
    return sums[i][outer * inner + (flat % inner)];
  });
}

describe('cumsum', () => {
  it('adds up along any axis of any view', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }),
        fc.nat(),
        fc.nat(),
        (shape, seed, axisSeed) => {
          const axis = axisSeed % shape.length;
          const x = randomInt(key(seed), shape, -9, 9).transpose(0, -1).flip();
          expect([...cumsum(x, axis).dataSync()]).toEqual(definition(x, axis));
          const fromTheEnd = cumsum(x.cast('float32'), axis - shape.length);
          expect([...fromTheEnd.dataSync()]).toEqual(definition(x, axis));
        },
      ),
    );
  });

  it('counts bools', () => {
    const counted = cumsum(tensor([true, false, true]), 0);
    expect(formatSpec(counted)).toBe('int32[3]');
    expect(counted.toArraySync()).toEqual([1, 1, 2]);
  });

  it('does not let an infinity reach back', () => {
    expect(cumsum(tensor([1, 2, Infinity, 3]), 0).toArraySync()).toEqual([
      1,
      3,
      Infinity,
      Infinity,
    ]);
  });

  it('rounds little, however long the axis', () => {
    const x = uniform(key(0), [20_000]);
    const sums = cumsum(x, 0).dataSync();
    let exact = 0;
    const errors = [...x.dataSync()].map((value, i) => {
      exact += value;
      return Math.abs(sums[i] - exact) / exact;
    });
    // 15 additions in a row, where a running float32 sum would take 20,000: it drifts 1e-5 off.
    expect(Math.max(...errors)).toBeLessThan(15 * 2 ** -24);
  });

  it('leaves alone what has nothing to add', () => {
    expect(cumsum(zeros([0, 3]), 0).shape).toEqual([0, 3]);
    expect(cumsum(zeros([3, 0]), 0).shape).toEqual([3, 0]);
    expect(cumsum(ones([1]), 0).toArraySync()).toEqual([1]);
  });

  it('refuses axes that are not there', () => {
    expect(() => cumsum(tensor(1), 0)).toThrowErrorMatchingInlineSnapshot(
      `[AxisError: cumsum: axis 0 does not exist: a scalar has no axes.]`,
    );
  });
});

describe('cumprod, cummax and cummin', () => {
  it('go along an axis', () => {
    const x = tensor([
      [2, 0, 3],
      [-1, 4, 5],
    ]);
    expect(cumprod(x, 1).toArraySync()).toEqual([
      [2, 0, 0],
      [-1, -4, -20],
    ]);
    expect(cummax(x, 0).toArraySync()).toEqual([
      [2, 0, 3],
      [2, 4, 5],
    ]);
    expect(cummin(x.cast('int32'), -1).toArraySync()).toEqual([
      [2, 0, 0],
      [-1, -1, -1],
    ]);
    expect(cummax(tensor([1, NaN, 3]), 0).toArraySync()).toEqual([1, NaN, NaN]);
    expect(cumprod(zeros([0]), 0).shape).toEqual([0]);
  });
});
