// The samplers DDPM and DDIM: from pure noise to latents, step by step.

import { foldIn, full, normal, ValueError, type Tensor } from '@tessera/tensor';
import { checkChoice } from '../config/choice-check.ts';
import { SAMPLERS, type Sampler } from '../config/choices.ts';
import {
  denoise,
  pReverse,
  splitOutput,
  type Denoiser,
  type DenoiseOptions,
  type Diffusion,
} from './diffusion.ts';
import { coefficient, modelTimestep } from './noising.ts';
import type { NoiseSchedule } from './schedule.ts';

/** What one step of a sampler gives, like x. */
export interface SamplerStep {
  /** x_{t−1} */
  readonly x: Tensor;
  /** The clean latent that the model sees in x_t. */
  readonly xStart: Tensor;
}

/**
 * One ancestral step: draws x_{t−1} from p(x_{t−1} | x_t); at t = 0 its mean.
 *
 * Source: Ho et al. 2020, algorithm 2.
 *
 * @param output What the model gave for x at t.
 * @param x x_t, `[B, C, ...]`
 * @param t int32 `[B]`, kept timesteps.
 * @param noise Standard normal, like x.
 * @example
 * const x = normal(key(0), [1, 1, 2, 2]);
 * const t = tensor([999], { dtype: 'int32' });
 * ddpmStep(createDiffusion(), zeros([1, 1, 2, 2]), x, t, normal(key(1), x.shape)).x; // float32[1, 1, 2, 2]
 */
export function ddpmStep(
  diffusion: Diffusion,
  output: Tensor,
  x: Tensor,
  t: Tensor,
  noise: Tensor,
  options: DenoiseOptions = {},
): SamplerStep {
  const { mean, logVariance, xStart } = pReverse(diffusion, output, x, t, options);
  const deviation = logVariance
    .mul(0.5)
    .exp()
    .mul(coefficient(noiseMask(diffusion.schedule), t, x));
  return { x: mean.add(deviation.mul(noise)), xStart };
}

/** Options of {@link ddimStep}. */
export interface DdimOptions extends DenoiseOptions {
  /** Share of the ancestral noise: 0 is deterministic, 1 has the variance of the posterior. Default 0. */
  readonly eta?: number;
}

/**
 * One DDIM step:
 *
 *     sigma  = eta · √((1 − alphaBar')/(1 − alphaBar)) · √(1 − alphaBar/alphaBar')
 *     x_{t−1} = √alphaBar' · xStart + √(1 − alphaBar' − sigma²) · eps + sigma · noise
 *
 * with alphaBar' of the kept timestep before, and without noise at t = 0.
 *
 * Source: Song et al. 2021, "Denoising diffusion implicit models", equations 12 and 16.
 *
 * @param noise Standard normal, like x; needed only for eta above 0.
 * @throws ValueError if eta is above 0 and there is no noise.
 * @example
 * const diffusion = createDiffusion({ predicts: 'xStart' });
 * const [x, t] = [normal(key(0), [1, 1]), tensor([0], { dtype: 'int32' })];
 * ddimStep(diffusion, ones([1, 1]), x, t, null).x; // [[1]]: the last step ends at the prediction
 */
export function ddimStep(
  diffusion: Diffusion,
  output: Tensor,
  x: Tensor,
  t: Tensor,
  noise: Tensor | null,
  { eta = 0, ...options }: DdimOptions = {},
): SamplerStep {
  const { schedule } = diffusion;
  const { prediction } = splitOutput(diffusion, output, x);
  const { xStart, eps } = denoise(diffusion, prediction, x, t, options);
  const sigma = ddimSigma(schedule, eta);
  const towards = schedule.alphaBarPrev.map((a, j) =>
    Math.sqrt(Math.max(0, 1 - a - sigma[j] ** 2)),
  );
  const start = coefficient(
    schedule.alphaBarPrev.map((a) => Math.sqrt(a)),
    t,
    x,
  );
  const mean = xStart.mul(start).add(eps.mul(coefficient(towards, t, x)));
  if (eta === 0) return { x: mean, xStart };
  if (noise === null) throw new ValueError('ddimStep', `eta is ${eta}, so the step needs noise.`);
  const masked = noiseMask(schedule).map((mask, j) => mask * sigma[j]);
  return { x: mean.add(noise.mul(coefficient(masked, t, x))), xStart };
}

/**
 * The deviation of the noise in {@link ddimStep}, for each kept timestep.
 *
 * @example
 * const schedule = createSchedule({ respacing: 50 });
 * ddimSigma(schedule, 0)[25]; // 0
 * ddimSigma(schedule, 1)[25] ** 2 / schedule.posteriorVariance[25]; // 1.000
 */
export function ddimSigma({ alphaBar, alphaBarPrev }: NoiseSchedule, eta: number): Float64Array {
  if (!(eta >= 0 && eta <= 1)) {
    throw new ValueError('ddimSigma', `eta must lie in [0, 1], but is ${eta}.`);
  }
  return alphaBar.map((a, j) => {
    const previous = alphaBarPrev[j];
    return eta * Math.sqrt((1 - previous) / (1 - a)) * Math.sqrt(1 - a / previous);
  });
}

/**
 * One DDIM step backwards, from x_t to x_{t+1}: encodes a latent as noise, from which
 * {@link ddimStep} with eta 0 comes back close to it.
 *
 * Source: Song et al. 2021, section 4.3.
 *
 * @example
 * const diffusion = createDiffusion();
 * const [x, eps] = [normal(key(0), [1, 1]), ones([1, 1])];
 * const noisier = ddimReverseStep(diffusion, eps, x, tensor([400], { dtype: 'int32' })).x;
 * const back = ddimStep(diffusion, eps, noisier, tensor([401], { dtype: 'int32' }), null).x;
 * back.sub(x).abs(); // [[0.000]]
 */
export function ddimReverseStep(
  diffusion: Diffusion,
  output: Tensor,
  x: Tensor,
  t: Tensor,
  options: DenoiseOptions = {},
): SamplerStep {
  const { alphaBarNext } = diffusion.schedule;
  const { prediction } = splitOutput(diffusion, output, x);
  const { xStart, eps } = denoise(diffusion, prediction, x, t, options);
  const start = coefficient(
    alphaBarNext.map((a) => Math.sqrt(a)),
    t,
    x,
  );
  const towards = coefficient(
    alphaBarNext.map((a) => Math.sqrt(1 - a)),
    t,
    x,
  );
  return { x: xStart.mul(start).add(eps.mul(towards)), xStart };
}

/** 0 at the first timestep, where no noise is added, and 1 elsewhere. */
function noiseMask({ beta }: NoiseSchedule): Float64Array {
  return beta.map((_, j) => (j === 0 ? 0 : 1));
}

/** Where a sampler's randomness comes from. */
export interface NoiseSource {
  /** Where sampling starts, `[B, C, ...]`. */
  readonly xT: Tensor;
  /** The noise for step n of the loop (0 is the first, at the last timestep), like xT. */
  step(n: number): Tensor;
}

/**
 * Independent standard normal noise for the start and every step, from one key.
 *
 * @example
 * const { xT, step } = randomNoise(key(0), [2, 4, 8, 8]);
 * xT; // float32[2, 4, 8, 8]
 * step(0).equal(xT).max(); // false
 */
export function randomNoise(key: Tensor, shape: readonly number[]): NoiseSource {
  return {
    xT: normal(foldIn(key, 0), shape),
    step: (n) => normal(foldIn(key, n + 1), shape),
  };
}

/** Options of {@link sampleSteps}. */
export interface SamplerOptions extends DdimOptions {
  /** Default `'ddim'`. */
  readonly sampler?: Sampler;
  /**
   * The kept timestep that xT is at. Default the last, pure noise; an earlier one changes a noised
   * latent instead of drawing a new one.
   */
  readonly from?: number;
}

/** A step of a sampler and where in the loop it stands. */
export interface SampledStep extends SamplerStep {
  /** Number of the step, from 0. */
  readonly n: number;
  /** The kept timestep that it came from, from the last down to 0. */
  readonly index: number;
}

/**
 * Runs a sampler from pure noise over all kept timesteps, step by step: iterate to follow it, to
 * show progress, or to stop early. Nothing is computed before the first iteration.
 *
 * @param model Compile it for speed: `compile(f)` of a function of the model and its inputs.
 * @throws ValueError for an eta with the ancestral sampler, or a start that is no kept timestep.
 * @example
 * const diffusion = createDiffusion({ respacing: 3 });
 * const visited: number[] = [];
 * for (const { index, x } of sampleSteps(diffusion, (x) => x, randomNoise(key(0), [1, 4, 8, 8]))) {
 *   visited.push(index);
 * }
 * visited; // [2, 1, 0]
 */
export function* sampleSteps(
  diffusion: Diffusion,
  model: Denoiser,
  source: NoiseSource,
  { sampler = 'ddim', from = diffusion.schedule.timesteps - 1, ...options }: SamplerOptions = {},
): Generator<SampledStep, void, void> {
  const { schedule } = diffusion;
  checkChoice('sampleSteps', 'sampler', sampler, SAMPLERS);
  if (sampler === 'ddpm' && options.eta !== undefined) {
    throw new ValueError(
      'sampleSteps',
      'eta belongs to the ddim sampler; ddpm has its own variance.',
    );
  }
  if (!Number.isInteger(from) || from < 0 || from >= schedule.timesteps) {
    throw new ValueError(
      'sampleSteps',
      `from is ${from}, but must be one of the ${schedule.timesteps} kept timesteps.`,
    );
  }
  let x = source.xT;
  for (let n = 0; n <= from; n++) {
    const index = from - n;
    const t = full([x.shape[0]], index, 'int32');
    const output = model(x, modelTimestep(schedule, t));
    const step =
      sampler === 'ddpm'
        ? ddpmStep(diffusion, output, x, t, source.step(n), options)
        : ddimStep(
            diffusion,
            output,
            x,
            t,
            (options.eta ?? 0) > 0 ? source.step(n) : null,
            options,
          );
    yield { ...step, n, index };
    x = step.x;
  }
}

/**
 * Runs a sampler to its end: the latents `[B, C, ...]`.
 *
 * @example
 * const model = DiT.init({ ...zoo['DiT-S/8'], depth: 1, numClasses: 10, learnSigma: false }, key(0));
 * const diffusion = createDiffusion({ predicts: 'v', schedule: 'squaredcos_cap_v2', respacing: 5 });
 * const labels = tensor([3, 1], { dtype: 'int32' });
 * const guided = (x: Tensor, t: Tensor) => guidedForward(model, x, t, labels, { scale: 2 });
 * const latents = sample(diffusion, guided, randomNoise(key(0), [2, 4, 32, 32])); // float32[2, 4, 32, 32]
 */
export function sample(
  diffusion: Diffusion,
  model: Denoiser,
  source: NoiseSource,
  options: SamplerOptions = {},
): Tensor {
  let { xT: x } = source;
  for (const step of sampleSteps(diffusion, model, source, options)) x = step.x;
  return x;
}
