import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { full, key, normal, split, tensor, zeros } from '@tessera/tensor';
import { grad } from '@tessera/autograd';
import { discretizedGaussianLogLikelihood, normalCdf, normalKl } from '@tessera/dit';

describe('normalKl', () => {
  it('is 0 for two equal Gaussians and positive otherwise', () => {
    const [a, b, c, d] = split(key(0), 4).map((k) => normal(k, [50]));
    expect(normalKl(a, b, a, b).abs().max().itemSync()).toBe(0);
    expect(normalKl(a, b, c, d).min().itemSync()).toBeGreaterThan(0);
  });

  it('has its known values', () => {
    expect(normalKl(tensor([1.5]), 0, 0, 0).itemSync()).toBeCloseTo(1.5 ** 2 / 2, 6);
    expect(normalKl(tensor([0]), 2, 0, 0).itemSync()).toBeCloseTo((Math.exp(2) - 1 - 2) / 2, 5);
  });
});

/** The approximation in float64. */
function exactCdf(x: number): number {
  return 1 / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

describe('normalCdf', () => {
  it('is the approximation to relative rounding, in the tails too', () => {
    fc.assert(
      fc.property(fc.integer({ min: -5000, max: 5000 }), (n) => {
        const x = Math.fround(n / 1000);
        const value = normalCdf(tensor([x])).itemSync();
        // The logit reaches 18 and carries a few roundings.
        expect(Math.abs(value / exactCdf(x) - 1)).toBeLessThan(1e-5);
      }),
    );
  });

  it('is close to the normal distribution', () => {
    expect(normalCdf(tensor([0])).itemSync()).toBe(0.5);
    expect(normalCdf(tensor([1.96])).itemSync()).toBeCloseTo(0.975, 3);
  });
});

describe('discretizedGaussianLogLikelihood', () => {
  const pixel = (level: number): number => (2 * level) / 255 - 1;
  const levels = tensor(Array.from({ length: 256 }, (_, level) => pixel(level)));

  it('gives the 256 pixel values probabilities that add up to 1', () => {
    fc.assert(
      fc.property(fc.integer({ min: -12, max: 12 }), fc.integer({ min: -60, max: 5 }), (m, s) => {
        const mean = full([256], m / 10);
        const logs = discretizedGaussianLogLikelihood(levels, mean, full([256], s / 10));
        // 256 values of at least 1e-12, and the rounding of a sum.
        expect(Math.abs(logs.exp().sum().itemSync() - 1)).toBeLessThan(1e-5);
      }),
    );
  });

  it('keeps the mass of a bin that the difference of two distribution values would lose', () => {
    // Five deviations below a wide Gaussian of deviation 0.2: both edges are near 1e-7.
    const exact =
      exactCdf((pixel(128) - 1 + 1 / 255) / 0.2) - exactCdf((pixel(128) - 1 - 1 / 255) / 0.2);
    const one = tensor([pixel(128)]);
    const log = discretizedGaussianLogLikelihood(one, tensor([1]), tensor([Math.log(0.2)]));
    expect(log.itemSync()).toBeCloseTo(Math.log(exact), 4);
  });

  it('never goes below 1e-12, and has no gradient there', () => {
    const far = discretizedGaussianLogLikelihood(tensor([0.9]), tensor([-0.9]), tensor([-4]));
    expect(far.itemSync()).toBeCloseTo(Math.log(1e-12), 4);
    const slope = grad((mean: typeof far) =>
      discretizedGaussianLogLikelihood(tensor([0.9]), mean, tensor([-4])).sum(),
    )(tensor([-0.9]));
    expect(slope.itemSync()).toBeCloseTo(0, 30);
  });

  it('is largest at the mean', () => {
    const logs = discretizedGaussianLogLikelihood(
      levels,
      zeros([256]).add(pixel(77)),
      full([256], -3),
    );
    const data = [...logs.dataSync()];
    expect(data.indexOf(Math.max(...data))).toBe(77);
  });
});
