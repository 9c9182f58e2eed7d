import { init, type Initializer } from '@tessera/autograd/nn';
import { key } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

/** Largest size, mean and standard deviation of what an initializer gives. */
function moments(
  initializer: Initializer,
  shape: number[],
): { largest: number; mean: number; std: number } {
  const values = [...initializer(key(7), shape).dataSync()];
  const mean = values.reduce((a, b) => a + b) / values.length;
  const std = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
  return { largest: Math.max(...values.map(Math.abs)), mean, std };
}

describe('init', () => {
  // 20,000 samples of a fixed key: the mean is within 4 std/√n, the spread within 3 %.
  const check = (initializer: Initializer, shape: number[], bound: number): void => {
    const { largest, mean, std } = moments(initializer, shape);
    const expected = bound / Math.sqrt(3);
    expect(largest).toBeLessThanOrEqual(bound * (1 + 1e-6));
    expect(largest).toBeGreaterThan(bound * 0.99);
    expect(Math.abs(mean)).toBeLessThan((4 * expected) / Math.sqrt(20_000));
    expect(Math.abs(std / expected - 1)).toBeLessThan(0.03);
  };

  it('xavierUniform has the bound √(6 / (fanIn + fanOut))', () => {
    check(init.xavierUniform(), [100, 200], Math.sqrt(6 / 300));
    check(init.xavierUniform(2), [50, 16, 5, 5], 2 * Math.sqrt(6 / (66 * 25)));
  });

  it('kaimingUniform has the bound 1 / √fanIn, or √(6 / fanIn) for rectifiers', () => {
    check(init.kaimingUniform(), [100, 200], 1 / Math.sqrt(200));
    check(init.kaimingUniform(0), [50, 16, 5, 5], Math.sqrt(6 / 400));
  });

  it('normal has the standard deviation asked for', () => {
    const { mean, std } = moments(init.normal(0.02), [100, 200]);
    expect(Math.abs(mean)).toBeLessThan((4 * 0.02) / Math.sqrt(20_000));
    expect(Math.abs(std / 0.02 - 1)).toBeLessThan(0.03);
  });

  it('zeros and ones are what they say', () => {
    expect(init.zeros()(key(0), [2]).toArraySync()).toEqual([0, 0]);
    expect(init.ones()(key(0), [2]).toArraySync()).toEqual([1, 1]);
  });

  it('refuses a shape without inputs and outputs', () => {
    expect(() => init.xavierUniform()(key(0), [3])).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: xavierUniform: needs a weight [out, in, ...kernel], but got [3].]`,
    );
    expect(() => init.kaimingUniform()(key(0), [])).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: kaimingUniform: needs a weight [out, in, ...kernel], but got [].]`,
    );
  });
});
