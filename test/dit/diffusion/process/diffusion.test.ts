import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { concat, full, key, normal, split, type Tensor } from '@tessera/tensor';
import {
  createDiffusion,
  denoise,
  pReverse,
  qPosterior,
  qSample,
  splitOutput,
  velocity,
  type Predicted,
} from '@tessera/dit';
import { maxDifference } from '../../model/sizes.ts';

const SHAPE = [2, 3, 2, 2];
const [xStartKey, epsKey, rangeKey] = split(key(0), 3);
const xStart = normal(xStartKey, SHAPE);
const eps = normal(epsKey, SHAPE);
const range = normal(rangeKey, SHAPE);
const at = (t: number): Tensor => full([2], t, 'int32');

/** The prediction that a perfect model of each kind makes. */
function perfect(predicts: Predicted, t: Tensor): Tensor {
  const { schedule } = createDiffusion();
  return { eps, xStart, v: velocity(schedule, xStart, t, eps) }[predicts];
}

const KINDS: readonly Predicted[] = ['eps', 'v', 'xStart'];

describe.each(KINDS)('a perfect %s prediction', (predicts) => {
  const diffusion = createDiffusion({ predicts });

  test('stands for the same xStart and eps', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999 }), (index) => {
        const t = at(index);
        const { sqrtAlphaBar, sqrtOneMinusAlphaBar } = diffusion.schedule;
        const xT = qSample(diffusion.schedule, xStart, t, eps);
        const ends = denoise(diffusion, perfect(predicts, t), xT, t);
        expect(maxDifference(ends.xStart, xStart)).toBeLessThan(5e-6 / sqrtAlphaBar[index]);
        expect(maxDifference(ends.eps, eps)).toBeLessThan(5e-6 / sqrtOneMinusAlphaBar[index]);
      }),
    );
  });

  test('gives the mean of the true posterior', () => {
    const t = at(400);
    const xT = qSample(diffusion.schedule, xStart, t, eps);
    const { mean } = qPosterior(diffusion.schedule, xStart, xT, t);
    const reverse = pReverse(diffusion, perfect(predicts, t), xT, t);
    expect(maxDifference(reverse.mean, mean)).toBeLessThan(1e-6);
  });

  test('is clipped to what pixels can be, and eps explains the rest', () => {
    const t = at(400);
    const xT = qSample(diffusion.schedule, xStart, t, eps);
    const ends = denoise(diffusion, perfect(predicts, t), xT, t, { clipDenoised: true });
    expect(ends.xStart.abs().max().itemSync()).toBe(1);
    expect(maxDifference(qSample(diffusion.schedule, ends.xStart, t, ends.eps), xT)).toBeLessThan(
      2e-6,
    );
  });
});

describe('the variance of the reverse step', () => {
  const { schedule } = createDiffusion();
  const variance = (kind: 'fixed-small' | 'fixed-large', t: number): number =>
    pReverse(createDiffusion({ variance: kind }), eps, xStart, at(t))
      .variance.max()
      .itemSync();

  it('is the posterior of the step if fixed small', () => {
    expect(variance('fixed-small', 500)).toBe(Math.fround(schedule.posteriorVariance[500]));
  });

  it('is beta if fixed large, but the second posterior at the first step', () => {
    expect(variance('fixed-large', 500)).toBe(Math.fround(schedule.beta[500]));
    expect(variance('fixed-large', 0)).toBeCloseTo(schedule.posteriorVariance[1], 10);
  });

  it('runs between the two on the scale of logarithms if learned', () => {
    const diffusion = createDiffusion({ variance: 'learned-range' });
    const logAt = (raw: number): number =>
      pReverse(diffusion, concat([eps, full(SHAPE, raw)], 1), xStart, at(7))
        .logVariance.max()
        .itemSync();
    const low = schedule.posteriorLogVariance[7];
    const high = Math.log(schedule.beta[7]);
    expect(logAt(-1)).toBeCloseTo(low, 5);
    expect(logAt(1)).toBeCloseTo(high, 5);
    expect(logAt(0)).toBeCloseTo((low + high) / 2, 5);
    expect(logAt(3)).toBeCloseTo(2 * high - low, 5);
  });
});

describe('splitOutput', () => {
  it('takes the first half of the channels as the prediction', () => {
    const diffusion = createDiffusion({ variance: 'learned-range' });
    const parts = splitOutput(diffusion, concat([eps, range], 1), xStart);
    expect(maxDifference(parts.prediction, eps)).toBe(0);
    expect(parts.range === null ? NaN : maxDifference(parts.range, range)).toBe(0);
  });

  it('refuses a model that does not fit the variance', () => {
    expect(() =>
      splitOutput(createDiffusion(), concat([eps, range], 1), xStart),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: splitOutput: x is [2, 3, 2, 2] and the variance fixed-large, so the model must give [2, 3, 2, 2], but gave [2, 6, 2, 2]. A model with learnSigma goes with 'learned-range', one without with a fixed variance.]`,
    );
    const learned = createDiffusion({ variance: 'learned-range' });
    expect(() => splitOutput(learned, eps, xStart)).toThrow('must give [2, 6, 2, 2]');
  });
});
