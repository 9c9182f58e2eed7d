import { describe, expect, it, test } from 'vitest';
import {
  arange,
  full,
  key,
  normal,
  randomInt,
  split,
  tensor,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { grad } from '@tessera/autograd';
import {
  boundTerm,
  createDiffusion,
  DiT,
  predictionTarget,
  priorTerm,
  qSample,
  trainingLosses,
  variationalBound,
  type Predicted,
} from '@tessera/dit';
import { maxDifference, TINY } from '../../model/sizes.ts';

const SHAPE = [6, 2, 4, 4];
const [xStartKey, epsKey, timeKey, outputKey] = split(key(0), 4);
const batch = {
  xStart: normal(xStartKey, SHAPE),
  eps: normal(epsKey, SHAPE),
  t: randomInt(timeKey, [6], 1, 1000),
};

describe.each<Predicted>(['eps', 'v', 'xStart'])('the %s objective', (predicts) => {
  const diffusion = createDiffusion({ predicts });
  const target = predictionTarget(diffusion, batch.xStart, batch.t, batch.eps);

  test('is 0 for a perfect model', () => {
    expect(
      trainingLosses(diffusion, () => target, batch)
        .loss.max()
        .itemSync(),
    ).toBe(0);
  });

  test('is the mean squared error of each sample', () => {
    const off = arange(6, 'float32').reshape([6, 1, 1, 1]);
    const { loss, mse } = trainingLosses(diffusion, () => target.add(off), batch);
    expect(loss).toBe(mse);
    [...loss.dataSync()].forEach((value, i) => expect(value).toBeCloseTo(i * i, 4));
  });

  test('calls the model once, with noised latents and timesteps of the full process', () => {
    const respaced = createDiffusion({ predicts, respacing: 10 });
    const t = full([6], 9, 'int32');
    const calls: (readonly [Tensor, Tensor])[] = [];
    trainingLosses(
      respaced,
      (x, time) => {
        calls.push([x, time]);
        return target;
      },
      { ...batch, t },
    );
    expect(calls.length).toBe(1);
    expect(maxDifference(calls[0][0], qSample(respaced.schedule, batch.xStart, t, batch.eps))).toBe(
      0,
    );
    expect(calls[0][1].toArraySync()).toEqual([999, 999, 999, 999, 999, 999]);
  });
});

describe('the loss of a new model', () => {
  it('is the variance of the noise', () => {
    const model = DiT.init(TINY, key(3));
    const y = zeros([6], 'int32');
    const { loss } = trainingLosses(createDiffusion(), (x, t) => model.forward(x, t, y), batch);
    expect(loss.mean().itemSync()).toBeCloseTo(batch.eps.square().mean().itemSync(), 6);
    // 192 values: the mean of their squares is 1 to five times √(2/192).
    expect(Math.abs(loss.mean().itemSync() - 1)).toBeLessThan(0.52);
  });

  it('has the published bound with a learned variance: 0.0161 bits on average over t', () => {
    const diffusion = createDiffusion({ variance: 'learned-range' });
    const [a, b] = split(key(5));
    const shape = [1000, 1, 16, 16];
    const [xStart, eps, t] = [normal(a, shape), normal(b, shape), arange(1000)];
    const output = zeros([1000, 2, 16, 16]);
    const xT = qSample(diffusion.schedule, xStart, t, eps);
    const bits = boundTerm(diffusion, output, xStart, xT, t).dataSync();
    const mean = (values: ArrayLike<number>): number =>
      Array.from(values).reduce((sum, x) => sum + x, 0) / values.length;
    expect(mean(bits)).toBeCloseTo(0.0161, 3);
    expect(mean(bits.slice(1))).toBeCloseTo(0.01416, 3);
    // One sample of 256 pixels each: five times the spread of a mean of 256 squares, √(2/256) of it.
    expect(Math.abs(bits[1] / 0.633 - 1)).toBeLessThan(0.44);
    expect(Math.abs(bits[0] / 1.99 - 1)).toBeLessThan(0.44);
  });
});

describe('a learned variance', () => {
  const diffusion = createDiffusion({ variance: 'learned-range' });
  const output = normal(outputKey, [6, 4, 4, 4]);
  const gradient = (kind: 'mse' | 'kl'): readonly Tensor[] =>
    grad((raw: Tensor) => trainingLosses(diffusion, () => raw, batch, { kind }).loss.mean())(
      output,
    ).chunk(2, 1);
  const largest = (x: Tensor): number => x.abs().max().itemSync();

  it('is trained by the bound alone, and the prediction by the squared error alone', () => {
    const [prediction, range] = gradient('mse');
    const ofError = grad((raw: Tensor) => raw.sub(batch.eps).square().mean())(
      output.chunk(2, 1)[0],
    );
    expect(maxDifference(prediction, ofError)).toBeLessThan(1e-8);
    expect(largest(range)).toBeGreaterThan(0);
  });

  it('shares the bound with the prediction in the kl loss', () => {
    const [prediction, range] = gradient('kl');
    expect(largest(prediction)).toBeGreaterThan(0);
    expect(largest(range)).toBeGreaterThan(0);
  });

  it('adds up and rescales its terms', () => {
    const respaced = createDiffusion({ variance: 'learned-range', respacing: 20 });
    const t = randomInt(timeKey, [6], 1, 20);
    const losses = (kind: 'mse' | 'rescaled-mse' | 'kl' | 'rescaled-kl'): readonly number[] => {
      const { loss, mse, vb } = trainingLosses(respaced, () => output, { ...batch, t }, { kind });
      return [loss, mse ?? loss, vb ?? loss].map((x) => x.select(0, 2).itemSync());
    };
    const [loss, mse, vb] = losses('mse');
    expect(loss).toBeCloseTo(mse + vb, 5);
    expect(losses('rescaled-mse')[2] / vb).toBeCloseTo(20 / 1000, 6);
    expect(losses('rescaled-kl')[0] / losses('kl')[0]).toBeCloseTo(20, 4);
    expect(losses('kl')[0]).toBeCloseTo(vb, 5);
  });

  it('is needed to rescale a bound', () => {
    expect(() =>
      trainingLosses(createDiffusion(), () => batch.eps, batch, { kind: 'rescaled-mse' }),
    ).toThrow("trainingLosses: 'rescaled-mse' needs a learned variance. Use 'mse'.");
  });
});

describe('the first term of the bound', () => {
  const diffusion = createDiffusion({ variance: 'fixed-small' });
  const t = zeros([6], 'int32');
  const xT = qSample(diffusion.schedule, batch.xStart, t, batch.eps);
  const bits = (compat?: 'official' | 'fixed', scale = 1): Tensor =>
    boundTerm(
      diffusion,
      batch.eps.mul(scale),
      batch.xStart,
      xT,
      t,
      compat === undefined ? {} : { compat },
    );

  it('takes latents for pixels as the official code does', () => {
    expect(maxDifference(bits(), bits('official'))).toBe(0);
    expect(bits('official').min().itemSync()).toBeGreaterThanOrEqual(0);
  });

  it('is a density of real numbers where that is fixed', () => {
    // A perfect mean leaves −log₂ of the density at 0: ½ log₂(2π variance), below 0 for sharp Gaussians.
    const variance = Math.exp(diffusion.schedule.posteriorLogVariance[0]);
    const expected = 0.5 * Math.log2(2 * Math.PI * variance);
    expect(maxDifference(bits('fixed'), full([6], expected))).toBeLessThan(1e-3);
    const miss = (1 - 0.9) ** 2 * (1 / diffusion.schedule.alphaBar[0] - 1);
    const squares = batch.eps.square().mean([1, 2, 3]);
    const more = squares.mul((miss / variance) * 0.5 * Math.LOG2E);
    expect(maxDifference(bits('fixed', 0.9).sub(bits('fixed')), more)).toBeLessThan(2e-3);
  });

  it('is the only one that differs, in the loss as well', () => {
    const learned = createDiffusion({ variance: 'learned-range' });
    const output = normal(outputKey, [6, 4, 4, 4]);
    const first = { ...batch, t: tensor([0, 1, 2, 500, 998, 999], { dtype: 'int32' }) };
    const [official, fixed] = (['official', 'fixed'] as const).map((compat) => [
      ...trainingLosses(learned, () => output, first, { compat }).loss.dataSync(),
    ]);
    expect(official.slice(1)).toEqual(fixed.slice(1));
    expect(official[0]).not.toBe(fixed[0]);
  });
});

describe('the variational bound', () => {
  const diffusion = createDiffusion({ variance: 'fixed-small', respacing: 8 });
  const noises = split(key(9), 8).map((k) => normal(k, SHAPE));
  const xStart = batch.xStart.maximum(-1).minimum(1);

  it('is the prior and every term together', () => {
    const model = (x: Tensor): Tensor => x.mul(0.9);
    const { total, prior, steps } = variationalBound(diffusion, model, xStart, (n) => noises[n]);
    expect(steps.map(({ index }) => index)).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
    const sum = steps.reduce((bits, step) => bits.add(step.bits), prior);
    expect(maxDifference(total, sum)).toBeLessThan(1e-6);
    expect(maxDifference(prior, priorTerm(diffusion, xStart))).toBe(0);
  });

  it('costs a perfect model nothing but the prior and the last pixels', () => {
    let n = 0;
    const { steps } = variationalBound(
      diffusion,
      () => noises[n++],
      xStart,
      (k) => noises[k],
    );
    for (const { index, bits, xStartError, epsError } of steps) {
      // √(1/alphaBar − 1) reaches 158, which magnifies the rounding of eps.
      expect(xStartError.max().itemSync()).toBeLessThan(1e-8);
      expect(epsError.max().itemSync()).toBeLessThan(1e-8);
      if (index > 0) expect(bits.abs().max().itemSync()).toBeLessThan(1e-5);
    }
  });

  it('needs a prior that has forgotten the image', () => {
    const prior = priorTerm(createDiffusion(), xStart);
    expect(prior.max().itemSync()).toBeLessThan(1e-4);
    expect(prior.min().itemSync()).toBeGreaterThan(0);
    expect(prior.shape).toEqual([6]);
  });
});
