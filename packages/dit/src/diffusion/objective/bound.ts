// The variational bound of a diffusion model, in bits a dimension.

import { checkFunction, checkOptions, checkTensors, full, type Tensor } from '@tessera/tensor';
import { checkChoice } from '../../config/argument-check.ts';
import { COMPATS, type Compat } from '../../config/choices.ts';
import {
  checkDiffusion,
  splitOutput,
  type Denoiser,
  type Diffusion,
} from '../process/diffusion.ts';
import { checkStep, denoise, pReverse, type DenoiseOptions } from '../process/reverse.ts';
import { discretizedGaussianLogLikelihood, gaussianLogDensity, normalKl } from './likelihood.ts';
import {
  epsFromXStart,
  modelTimestep,
  qMarginal,
  qPosterior,
  qSample,
} from '../process/noising.ts';

/** Mean over all axes but the first: `[B, ...] → [B]`. */
export function meanPerSample(x: Tensor): Tensor {
  return x.mean(x.shape.slice(1).map((_, axis) => axis + 1));
}

/** Options of {@link boundTerm}. */
export interface BoundOptions extends DenoiseOptions {
  /**
   * `'official'`, the default, takes xStart at t = 0 for pixels of 8 bits, as the official code does with
   * latents too. `'fixed'` takes it for real numbers: their density, not the mass of a bin of pixels.
   */
  readonly compat?: Compat;
}

/**
 * One term of the bound, `[B]` in bits a dimension: `KL(q(x_{t−1} | x_t, xStart) ‖ p(x_{t−1} | x_t))`.
 * At t = 0 it is the negative log-likelihood of xStart, as pixels or as real numbers.
 *
 * Source: Ho et al. 2020, equation 5; Nichol & Dhariwal 2021, equations 4 to 7.
 *
 * @param output The model's output for xT at t.
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
  options: BoundOptions = {},
): Tensor {
  const { denoising, compat } = boundOptions('boundTerm', options);
  checkStep('boundTerm', diffusion, { output, xStart, xT, t }, denoising);
  const truth = qPosterior(diffusion.schedule, xStart, xT, t);
  const model = pReverse(diffusion, output, xT, t, denoising);
  const kl = normalKl(truth.mean, truth.logVariance, model.mean, model.logVariance);
  const logScale = model.logVariance.mul(0.5);
  const likelihood =
    compat === 'official'
      ? discretizedGaussianLogLikelihood(xStart, model.mean, logScale)
      : gaussianLogDensity(xStart, model.mean, logScale);
  return t.equal(0).where(meanPerSample(likelihood).neg(), meanPerSample(kl)).mul(Math.LOG2E);
}

/**
 * `KL(q(x_T | xStart) ‖ N(0, 1))`, `[B]` in bits a dimension: how much the last timestep still tells of
 * xStart.
 *
 * @example
 * priorTerm(createDiffusion(), ones([1, 1, 8, 8])); // [0.000]: the last timestep is pure noise
 */
export function priorTerm(diffusion: Diffusion, xStart: Tensor): Tensor {
  checkDiffusion('priorTerm', diffusion);
  checkTensors('priorTerm', { xStart });
  const { schedule } = diffusion;
  const last = full([xStart.shape[0]], schedule.timesteps - 1, 'int32');
  const { mean, logVariance } = qMarginal(schedule, xStart, last);
  return meanPerSample(normalKl(mean, logVariance, 0, 0)).mul(Math.LOG2E);
}

/** The bound and its terms. */
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
  /** `[B]`: mean squared error of the noise that goes with the predicted xStart. */
  readonly epsError: Tensor;
}

/**
 * The whole variational bound of images under a model, timestep by timestep. It calls the model once
 * for each kept timestep.
 *
 * @param xStart `[B, C, ...]`
 * @param noise Gives the noise of step n, of the shape of xStart. Step 0 is at the last timestep.
 * @param options By default xStart is clipped, since the bound is about pixels.
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
  options: BoundOptions = { clipDenoised: true },
): Bound {
  const { denoising } = boundOptions('variationalBound', options);
  checkStep('variationalBound', diffusion, { xStart }, denoising);
  checkFunction('variationalBound', model);
  checkFunction('variationalBound', noise);
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
    const predicted = denoise(diffusion, prediction, xT, t, denoising).xStart;
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

/** Checks the options of the bound, and takes them apart. */
function boundOptions(
  op: string,
  options: BoundOptions,
): { readonly denoising: DenoiseOptions; readonly compat: Compat } {
  checkOptions(op, options, ['clipDenoised', 'compat']);
  const { compat = 'official', ...denoising } = options;
  checkChoice(op, 'compat', compat, COMPATS);
  return { denoising, compat };
}
