import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { full, key, normal, split, tensor, type Tensor } from '@tessera/tensor';
import {
  coefficient,
  createSchedule,
  epsFromV,
  epsFromXStart,
  modelTimestep,
  qMarginal,
  qPosterior,
  qSample,
  velocity,
  xStartFromEps,
  xStartFromV,
} from '@tessera/dit';
import { SCHEDULES } from '../../../../packages/dit/src/config/choices.ts';
import { maxDifference } from '../../model/sizes.ts';

const seeds = fc.nat();
const SHAPE = [3, 2, 2, 2];

function draw(seed: number): { xStart: Tensor; eps: Tensor } {
  const [a, b] = split(key(seed));
  return { xStart: normal(a, SHAPE), eps: normal(b, SHAPE) };
}

describe('the identities between xStart, eps, v and xT', () => {
  it('hold at every timestep of both schedules', () => {
    const t = fc.integer({ min: 0, max: 999 });
    fc.assert(
      fc.property(fc.constantFrom(...SCHEDULES), seeds, t, (name, seed, index) => {
        const schedule = createSchedule({ schedule: name });
        const { xStart, eps } = draw(seed);
        const time = full([3], index, 'int32');
        const xT = qSample(schedule, xStart, time, eps);
        const v = velocity(schedule, xStart, time, eps);
        // v with xT is a rotation of xStart and eps: as exact as float32 is. The way between xStart
        // and eps divides by √alphaBar one way, by √(1 − alphaBar) the other.
        const unit = 1e-6;
        expect(maxDifference(xStartFromV(schedule, xT, time, v), xStart)).toBeLessThan(5 * unit);
        expect(maxDifference(epsFromV(schedule, xT, time, v), eps)).toBeLessThan(5 * unit);
        const toStart = (5 * unit) / schedule.sqrtAlphaBar[index];
        expect(maxDifference(xStartFromEps(schedule, xT, time, eps), xStart)).toBeLessThan(toStart);
        const toEps = (5 * unit) / schedule.sqrtOneMinusAlphaBar[index];
        expect(maxDifference(epsFromXStart(schedule, xT, time, xStart), eps)).toBeLessThan(toEps);
      }),
    );
  });
});

describe('coefficient', () => {
  it('gathers a value a sample, rounded to float32, and broadcasts over the rest', () => {
    const table = Float64Array.of(1 / 3, 2 / 3, 1);
    const values = coefficient(table, tensor([2, 0], { dtype: 'int32' }), full([2, 5, 4, 4], 0));
    expect(values.shape).toEqual([2, 1, 1, 1]);
    expect([...values.dataSync()]).toEqual([1, Math.fround(1 / 3)]);
  });
});

describe('modelTimestep', () => {
  it('is the timestep of the full process', () => {
    const schedule = createSchedule({ respacing: 25 });
    const t = modelTimestep(schedule, tensor([0, 3, 24], { dtype: 'int32' }));
    expect(t.dtype).toBe('int32');
    expect(t.toArraySync()).toEqual([0, 125, 999]);
  });
});

describe('the forward process', () => {
  it('has the marginal that its samples have', () => {
    const schedule = createSchedule();
    const count = 40_000;
    const xStart = full([count, 1], 2);
    const t = full([count], 300, 'int32');
    const samples = qSample(schedule, xStart, t, normal(key(0), [count, 1]));
    const { mean, variance, logVariance } = qMarginal(schedule, xStart, t);
    const sigma2 = variance.select(0, 0).itemSync();
    // Five standard errors each.
    const meanError = samples.mean().itemSync() - mean.select(0, 0).itemSync();
    expect(Math.abs(meanError)).toBeLessThan(5 * Math.sqrt(sigma2 / count));
    const varianceError = samples.variance().itemSync() - sigma2;
    expect(Math.abs(varianceError)).toBeLessThan(5 * sigma2 * Math.sqrt(2 / count));
    expect(logVariance.select(0, 0).itemSync()).toBeCloseTo(Math.log(sigma2), 5);
  });

  it('has the posterior of Bayes: prior · likelihood at the x that was left out', () => {
    const schedule = createSchedule({ respacing: 20 });
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 19 }), (seed, index) => {
        const { xStart, eps } = draw(seed);
        const time = full([3], index, 'int32');
        const xT = qSample(schedule, xStart, time, eps);
        const posterior = qPosterior(schedule, xStart, xT, time);
        // Precision and mean of N(√abar' x0, 1 − abar') times the likelihood of xT = √alpha x + √beta z.
        const previous = schedule.alphaBarPrev[index];
        const beta = schedule.beta[index];
        const precision = 1 / (1 - previous) + (1 - beta) / beta;
        const mean = xStart
          .mul(Math.sqrt(previous) / (1 - previous))
          .add(xT.mul(Math.sqrt(1 - beta) / beta))
          .div(precision);
        expect(maxDifference(posterior.mean, mean)).toBeLessThan(1e-5);
        const variance = posterior.variance.select(0, 0).itemSync();
        expect(Math.abs(variance * precision - 1)).toBeLessThan(1e-6);
      }),
    );
  });
});
