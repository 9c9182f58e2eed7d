import { init, type Initializer } from '@tessera/autograd/nn';
import { key, scalar, uniform } from '@tessera/tensor';
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

  const checkStd = (initializer: Initializer, shape: number[], expected: number): void => {
    const { mean, std } = moments(initializer, shape);
    expect(Math.abs(mean)).toBeLessThan((4 * expected) / Math.sqrt(20_000));
    expect(Math.abs(std / expected - 1)).toBeLessThan(0.03);
  };

  it('normal has the standard deviation asked for', () => {
    checkStd(init.normal(0.02), [100, 200], 0.02);
  });

  it('xavierNormal has the deviation √(2 / (fanIn + fanOut))', () => {
    checkStd(init.xavierNormal(), [100, 200], Math.sqrt(2 / 300));
    checkStd(init.xavierNormal(2), [50, 16, 5, 5], 2 * Math.sqrt(2 / (66 * 25)));
  });

  it('kaimingNormal has the deviation √(2 / fanIn), less for leaky rectifiers', () => {
    checkStd(init.kaimingNormal(), [100, 200], Math.sqrt(2 / 200));
    checkStd(init.kaimingNormal(1), [50, 16, 5, 5], Math.sqrt(1 / 400));
  });

  it.each([0.5, 2, 4])('truncatedNormal is a normal on condition of |x| ≤ %s std', (bound) => {
    const values = init.truncatedNormal(0.02, bound)(key(7), [100, 200]).dataSync();
    const sorted = Float64Array.from(values, (value) => value / 0.02).sort();
    expect(Math.max(-sorted[0], sorted[19_999])).toBeLessThanOrEqual(bound * (1 + 1e-6));
    // Kolmogorov–Smirnov: the distance of two distribution functions passes 1.95/√n once in 1000 keys.
    const phi = (z: number): number =>
      (1 +
        scalar(z / Math.SQRT2)
          .erf()
          .itemSync()) /
      2;
    for (let i = 0; i < sorted.length; i += 400) {
      const expected = (phi(sorted[i]) - phi(-bound)) / (phi(bound) - phi(-bound));
      expect(Math.abs(i / sorted.length - expected)).toBeLessThan(1.95 / Math.sqrt(20_000));
    }
  });

  it('truncatedNormal inverts erf to float32 accuracy, and knows no bound in the far tail', () => {
    // At bound 7, erf(7/√2) is 1 in float32: the uniform places themselves come back as erf(x/√2).
    const places = uniform(key(3), [20_000], 2 ** -24 - 1, 2 ** -24 + 1);
    const values = init.truncatedNormal(1, 7)(key(3), [20_000]);
    const back = values.mul(Math.SQRT1_2).erf();
    expect(values.abs().max().itemSync()).toBeGreaterThan(3.5);
    expect(back.sub(places).abs().max().itemSync()).toBeLessThan(4e-7); // a few float32 roundings
  });

  it('zeros and ones are what they say', () => {
    expect(init.zeros()(key(0), [2]).toArraySync()).toEqual([0, 0]);
    expect(init.ones()(key(0), [2]).toArraySync()).toEqual([1, 1]);
  });

  it('refuses a bound that leaves nothing', () => {
    expect(() => init.truncatedNormal(1, 0)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: truncatedNormal: bound must be above 0, but is 0.]`,
    );
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
