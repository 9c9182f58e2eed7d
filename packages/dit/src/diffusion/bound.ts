// The variational bound of a diffusion model, in bits a dimension.

import { full, type Tensor } from '@tessera/tensor';
import {
  denoise,
  pReverse,
  splitOutput,
  type Denoiser,
  type DenoiseOptions,
  type Diffusion,
} from './diffusion.ts';
import { discretizedGaussianLogLikelihood, normalKl } from './likelihood.ts';
import { epsFromXStart, modelTimestep, qMarginal, qPosterior, qSample } from './noising.ts';

/** Mean over all axes but the first: `[B, ...] → [B]`. */
export function meanPerSample(x: Tensor): Tensor {
  return x.mean(x.shape.slice(1).map((_, axis) => axis + 1));
}

/**
 * One term of the bound, `[B]` in bits a dimension: `KL(q(x_{t−1} | x_t, xStart) ‖ p(x_{t−1} | x_t))`,
 * and at t = 0 the negative log-likelihood of xStart as pixels.
 *
 * Source: Ho et al. 2020, equation 5; Nichol & Dhariwal 2021, equations 4 to 7.
 *
 * @param output What the model gave for xT at t.
 * @param t int32 `[B]`, kept timesteps.
 * @example
 * const diffusion = createDiffusion();
 * const [xStart, eps] = [zeros([1, 1, 2, 2]), ones([1, 1, 2, 2])];
 * const t = tensor([500], { dtype: 'int32' });
 * const xT = qSample(diffusion.schedule, xStart, t, eps);
 * boundTerm(diffusion, eps, xStart, xT, t); // [0.000]: the model knew the noise
 */
export function boundTerm(
  diffusion: Diffusion,
  output: Tensor,
  xStart: Tensor,
  xT: Tensor,
  t: Tensor,
  options: DenoiseOptions = {},
): Tensor {
  const truth = qPosterior(diffusion.schedule, xStart, xT, t);
  const model = pReverse(diffusion, output, xT, t, options);
  const kl = normalKl(truth.mean, truth.logVariance, model.mean, model.logVariance);
  const likelihood = discretizedGaussianLogLikelihood(
    xStart,
    model.mean,
    model.logVariance.mul(0.5),
  );
  return t.equal(0).where(meanPerSample(likelihood).neg(), meanPerSample(kl)).mul(Math.LOG2E);
}

/**
 * `KL(q(x_T | xStart) ‖ N(0, 1))`, `[B]` in bits a dimension: what the last timestep still tells.
 *
 * @example
 * priorTerm(createDiffusion(), ones([1, 1, 8, 8])); // [0.000]: the last timestep is pure noise
 */
export function priorTerm({ schedule }: Diffusion, xStart: Tensor): Tensor {
  const last = full([xStart.shape[0]], schedule.timesteps - 1, 'int32');
  const { mean, logVariance } = qMarginal(schedule, xStart, last);
  return meanPerSample(normalKl(mean, logVariance, 0, 0)).mul(Math.LOG2E);
}

/** The bound and what it is made of. */
export interface Bound {
  /** `[B]`: all terms and the prior together. */
  readonly total: Tensor;
  /** `[B]` */
  readonly prior: Tensor;
  /** What each timestep adds, from the last to the first. */
  readonly steps: readonly BoundStep[];
}

/** What one timestep adds to the bound. */
export interface BoundStep {
  /** The kept timestep. */
  readonly index: number;
  /** `[B]`, bits a dimension. */
  readonly bits: Tensor;
  /** `[B]`: mean squared error of the predicted xStart. */
  readonly xStartError: Tensor;
  /** `[B]`: mean squared error of the noise that goes with it. */
  readonly epsError: Tensor;
}

/**
 * The whole variational bound of images under a model, timestep by timestep: as many model calls as
 * kept timesteps.
 *
 * @param xStart `[B, C, ...]`
 * @param noise The noise for step n of the loop (from the last timestep to the first), like xStart.
 * @param options Clips xStart by default, since the bound is about pixels.
 * @example
 * const diffusion = createDiffusion({ timesteps: 100, respacing: 4 });
 * const noise = (step: number) => normal(foldIn(key(0), step), [2, 1, 4, 4]);
 * const { total, steps } = variationalBound(diffusion, (x) => x, zeros([2, 1, 4, 4]), noise);
 * total; // float32[2]
 * steps.map(({ index }) => index); // [3, 2, 1, 0]
 */
export function variationalBound(
  diffusion: Diffusion,
  model: Denoiser,
  xStart: Tensor,
  noise: (step: number) => Tensor,
  options: DenoiseOptions = { clipDenoised: true },
): Bound {
  const { schedule } = diffusion;
  const steps: BoundStep[] = [];
  const prior = priorTerm(diffusion, xStart);
  let total = prior;
  for (let index = schedule.timesteps - 1; index >= 0; index--) {
    const t = full([xStart.shape[0]], index, 'int32');
    const eps = noise(steps.length);
    const xT = qSample(schedule, xStart, t, eps);
    const output = model(xT, modelTimestep(schedule, t));
    const bits = boundTerm(diffusion, output, xStart, xT, t, options);
    const { prediction } = splitOutput(diffusion, output, xT);
    const predicted = denoise(diffusion, prediction, xT, t, options).xStart;
    steps.push({
      index,
      bits,
      xStartError: meanPerSample(predicted.sub(xStart).square()),
      epsError: meanPerSample(epsFromXStart(schedule, xT, t, predicted).sub(eps).square()),
    });
    total = total.add(bits);
  }
  return { total, prior, steps };
}
