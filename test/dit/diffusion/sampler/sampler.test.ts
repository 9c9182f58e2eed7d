import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { full, key, normal, zeros, type Tensor } from '@tessera/tensor';
import {
  coefficient,
  createDiffusion,
  createSchedule,
  ddimReverseStep,
  ddimSigma,
  ddimStep,
  ddpmStep,
  qSample,
  randomNoise,
  sample,
  sampleSteps,
  velocity,
  type Denoiser,
  type DiffusionOptions,
  type NoiseSchedule,
  type Predicted,
} from '@tessera/dit';
import { samplersOf, SCHEDULES } from '../../../../packages/dit/src/config/choices.ts';
import { maxDifference } from '../../model/sizes.ts';

const SHAPE = [2, 3, 2, 2];
const target = normal(key(0), SHAPE).mul(0.5);

/**
 * The best model of data N(mean, deviation²): it is told the timesteps of the full process. Deviation
 * 0 is a model that knows its one image.
 */
function bestModel(
  predicts: Predicted,
  schedule: NoiseSchedule,
  mean: Tensor,
  deviation: number,
): Denoiser {
  return (x, t) => {
    const variance = schedule.alphaBar.map((a) => a * deviation ** 2 + 1 - a);
    const centered = x.sub(coefficient(schedule.sqrtAlphaBar, t, x).mul(mean));
    const eps = centered.mul(
      coefficient(
        schedule.sqrtOneMinusAlphaBar.map((s, j) => s / variance[j]),
        t,
        x,
      ),
    );
    const xStart = mean.add(
      centered.mul(
        coefficient(
          schedule.sqrtAlphaBar.map((s, j) => (s * deviation ** 2) / variance[j]),
          t,
          x,
        ),
      ),
    );
    return { eps, xStart, v: velocity(schedule, xStart, t, eps) }[predicts];
  };
}

const full1000 = (options: DiffusionOptions): NoiseSchedule =>
  createSchedule(options.schedule === undefined ? {} : { schedule: options.schedule });

describe.each(samplersOf('v'))('the %s sampler with a model that knows the image', (sampler) => {
  const predictions: readonly Predicted[] = ['eps', 'v', 'xStart'];
  test.each(
    SCHEDULES.flatMap((schedule) => predictions.map((predicts) => [schedule, predicts] as const)),
  )('arrives at it: %s, %s', (schedule, predicts) => {
    const diffusion = createDiffusion({
      schedule,
      predicts,
      variance: 'fixed-small',
      respacing: 12,
    });
    const model = bestModel(predicts, full1000({ schedule }), target, 0);
    const x = sample(diffusion, model, randomNoise(key(1), SHAPE), { sampler });
    // The last prediction is at t = 0, where eps is divided by √alphaBar ≈ 1 once more.
    expect(maxDifference(x, target)).toBeLessThan(1e-5);
  });

  test('draws from a Gaussian that the model knows', () => {
    const shape = [1000, 1, 2, 2];
    const diffusion = createDiffusion({
      schedule: 'squaredcos_cap_v2',
      predicts: 'v',
      respacing: 100,
    });
    const schedule = full1000({ schedule: 'squaredcos_cap_v2' });
    const model = bestModel('v', schedule, full(shape, 2), 0.5);
    const x = sample(diffusion, model, randomNoise(key(2), shape), { sampler });
    // 4000 values: five standard errors, and as much again for the 100 steps.
    expect(Math.abs(x.mean().itemSync() - 2)).toBeLessThan(2 * 5 * (0.5 / Math.sqrt(4000)));
    expect(Math.abs(Math.sqrt(x.variance().itemSync()) - 0.5)).toBeLessThan(
      2 * 5 * (0.5 / Math.sqrt(8000)),
    );
  });
});

describe('ddimSigma', () => {
  it('has the variance of the posterior for eta 1, and scales with eta', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...SCHEDULES),
        fc.integer({ min: 2, max: 1000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (name, respacing, eta) => {
          const schedule = createSchedule({ schedule: name, respacing });
          const sigma = ddimSigma(schedule, 1);
          schedule.posteriorVariance.forEach((variance, j) => {
            expect(sigma[j] ** 2).toBeCloseTo(variance, 12);
          });
          expect(ddimSigma(schedule, eta)[respacing - 1]).toBeCloseTo(
            eta * sigma[respacing - 1],
            14,
          );
        },
      ),
    );
  });

  it('takes eta between 0 and 1 only', () => {
    expect(() => ddimSigma(createSchedule(), 1.5)).toThrow(
      'ddimSigma: eta must lie in [0, 1], but is 1.5.',
    );
  });
});

describe('ddimStep with eta 1', () => {
  it('is the ancestral step with the small variance', () => {
    const diffusion = createDiffusion({ variance: 'fixed-small' });
    const [output, x, noise] = [1, 2, 3].map((seed) => normal(key(seed), SHAPE));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 700 }), (index) => {
        const t = full([2], index, 'int32');
        const ddim = ddimStep(diffusion, output, x, t, noise, { eta: 1 });
        const ddpm = ddpmStep(diffusion, output, x, t, noise);
        // Up to t = 700 xStart is at most 11 times as large as x.
        expect(maxDifference(ddim.x, ddpm.x)).toBeLessThan(1e-5);
        expect(maxDifference(ddim.xStart, ddpm.xStart)).toBe(0);
      }),
    );
  });
});

describe('noise', () => {
  const diffusion = createDiffusion({ respacing: 6 });
  const model: Denoiser = (x) => x.mul(0.5);
  const counted = (): { source: { xT: Tensor; step: (n: number) => Tensor }; asked: number[] } => {
    const noise = randomNoise(key(1), SHAPE);
    const asked: number[] = [];
    const step = (n: number): Tensor => {
      asked.push(n);
      return noise.step(n);
    };
    return { source: { xT: noise.xT, step }, asked };
  };

  it('is asked for once a step, and by DDIM with eta 0 not at all', () => {
    const [ddpm, ddim, half] = [counted(), counted(), counted()];
    sample(diffusion, model, ddpm.source, { sampler: 'ddpm' });
    expect(ddpm.asked).toEqual([0, 1, 2, 3, 4, 5]);
    sample(diffusion, model, ddim.source);
    expect(ddim.asked).toEqual([]);
    sample(diffusion, model, half.source, { eta: 0.5 });
    expect(half.asked).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('is not added in the last step', () => {
    const loud = { xT: zeros(SHAPE), step: (): Tensor => full(SHAPE, 1e6) };
    for (const options of [{ sampler: 'ddpm' as const }, { eta: 1 }]) {
      const steps = [...sampleSteps(diffusion, () => zeros(SHAPE), loud, { from: 0, ...options })];
      expect(steps.length).toBe(1);
      expect(steps[0].x.abs().max().itemSync()).toBe(0);
    }
  });

  it('of one key is the same, and of each step its own', () => {
    const noise = randomNoise(key(3), SHAPE);
    expect(maxDifference(noise.step(2), randomNoise(key(3), SHAPE).step(2))).toBe(0);
    expect(maxDifference(noise.step(2), noise.step(3))).toBeGreaterThan(0.1);
    expect(maxDifference(noise.step(0), noise.xT)).toBeGreaterThan(0.1);
    expect(() =>
      ddimStep(diffusion, zeros(SHAPE), zeros(SHAPE), full([2], 1, 'int32'), null, { eta: 1 }),
    ).toThrow('ddimStep: eta is 1, so the step needs noise, but noise is null.');
  });
});

describe('sampleSteps', () => {
  const diffusion = createDiffusion({ respacing: 4 });

  it('tells the model the timesteps of the full process, from the last to the first', () => {
    const told: number[] = [];
    const steps = sampleSteps(
      diffusion,
      (x, t) => {
        told.push(t.select(0, 0).itemSync());
        return x;
      },
      randomNoise(key(0), SHAPE),
    );
    const seen = [...steps].map(({ n, index }) => [n, index]);
    expect(told).toEqual([999, 666, 333, 0]);
    expect(seen).toEqual([
      [0, 3],
      [1, 2],
      [2, 1],
      [3, 0],
    ]);
  });

  it('can start from a noised latent', () => {
    const t = full([2], 2, 'int32');
    const xT = qSample(diffusion.schedule, target, t, normal(key(4), SHAPE));
    const model = bestModel('eps', createSchedule(), target, 0);
    const source = { ...randomNoise(key(5), SHAPE), xT };
    expect([...sampleSteps(diffusion, model, source, { from: 2 })].length).toBe(3);
    expect(maxDifference(sample(diffusion, model, source, { from: 2 }), target)).toBeLessThan(1e-5);
  });

  it('refuses what it cannot do', () => {
    const run = (options: object): unknown =>
      sample(diffusion, (x) => x, randomNoise(key(0), SHAPE), options);
    expect(() => run({ sampler: 'ddpm', eta: 0.5 })).toThrow(
      'sampleSteps: eta belongs to the ddim sampler; ddpm has its own variance.',
    );
    expect(() => run({ from: 4 })).toThrow(
      'sampleSteps: from is 4, but must be a kept timestep, 0 to 3.',
    );
  });
});

describe('ddimReverseStep', () => {
  it('is undone by ddimStep if the model says the same', () => {
    const diffusion = createDiffusion({ respacing: 50 });
    const [x, eps] = [normal(key(1), SHAPE), normal(key(2), SHAPE)];
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30 }), (index) => {
        const up = ddimReverseStep(diffusion, eps, x, full([2], index, 'int32'));
        const down = ddimStep(diffusion, eps, up.x, full([2], index + 1, 'int32'), null);
        expect(maxDifference(down.x, x)).toBeLessThan(1e-5);
      }),
    );
  });
});
