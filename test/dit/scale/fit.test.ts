import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  correlation,
  lawAt,
  logCostCorrelation,
  powerLaw,
} from '../../../packages/dit/src/scale/fit.ts';
import { PAPER_MODELS } from '../../../packages/dit/src/scale/paper.ts';

const costs = fc.uniqueArray(fc.integer({ min: -30, max: 30 }), { minLength: 3, maxLength: 20 });

describe('a power law', () => {
  it('is found in points that follow it, and explains all of them', () => {
    fc.assert(
      fc.property(
        costs,
        fc.double({ min: 0.1, max: 2, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
        (tenths, exponent, factor) => {
          const law = { exponent: -exponent, factor, r2: 1, count: tenths.length };
          const points = tenths.map((tenth) => {
            const cost = 10 ** (tenth / 10);
            return { cost, value: lawAt(law, cost) };
          });
          const found = powerLaw(points);
          // Logarithms and their sums round at 1e-16; a factor is a power of ten of their mean.
          expect(found.exponent).toBeCloseTo(law.exponent, 10);
          expect(found.factor / factor).toBeCloseTo(1, 10);
          expect(found.r2).toBeCloseTo(1, 10);
        },
      ),
    );
  });

  it('has the exponent of the ratios: values twice as large change the factor alone', () => {
    const points = [0.1, 0.4, 2, 7].map((cost, i) => ({ cost, value: [90, 60, 20, 15][i] }));
    const doubled = points.map(({ cost, value }) => ({ cost, value: 2 * value }));
    const [law, other] = [powerLaw(points), powerLaw(doubled)];
    expect(other.exponent).toBeCloseTo(law.exponent, 12);
    expect(other.factor / law.factor).toBeCloseTo(2, 12);
    expect(other.r2).toBeCloseTo(law.r2, 12);
  });
});

describe('correlation', () => {
  it('is −0.93 for log Gflops and FID of the paper, as its figure 8 says', () => {
    const points = PAPER_MODELS.map(({ gflops, fid }) => ({ cost: gflops, value: fid }));
    expect(logCostCorrelation(points).toFixed(2)).toBe('-0.93');
    const plain = correlation(
      points.map(({ cost }) => cost),
      points.map(({ value }) => value),
    );
    expect(plain.toFixed(2)).toBe('-0.73');
  });

  it('is 1 or −1 on a straight line', () => {
    fc.assert(
      fc.property(costs, fc.integer({ min: 1, max: 9 }), (xs, slope) => {
        expect(
          correlation(
            xs,
            xs.map((x) => 3 + slope * x),
          ),
        ).toBeCloseTo(1, 10);
        expect(
          correlation(
            xs,
            xs.map((x) => 3 - slope * x),
          ),
        ).toBeCloseTo(-1, 10);
      }),
    );
  });
});
