// What a model's output means: from a predicted noise or velocity to a clean latent and a variance.

import { checkOptions, checkTensors, type Tensor } from '@tessera/tensor';
import { checkDiffusion, splitOutput, type Diffusion } from './diffusion.ts';
import {
  coefficient,
  epsFromV,
  epsFromXStart,
  qPosterior,
  xStartFromEps,
  xStartFromV,
  type Gaussian,
} from './noising.ts';

/** How to read a prediction. */
export interface DenoiseOptions {
  /** Whether to clip xStart to [−1, 1], the range of pixels. Default false: latents have no range. */
  readonly clipDenoised?: boolean;
}

/** The two ends that a prediction points to, both of the shape of x: `xT = √alphaBar · xStart + √(1 − alphaBar) · eps`. */
export interface Denoised {
  readonly xStart: Tensor;
  readonly eps: Tensor;
}

/**
 * The clean latent and the noise that a prediction stands for. If xStart is clipped, eps is the noise
 * that goes with the clipped xStart.
 *
 * @param prediction `[B, C, ...]`
 * @param x x_t, `[B, C, ...]`
 * @param t int32 `[B]`, kept timesteps.
 * @example
 * const diffusion = createDiffusion({ predicts: 'v' });
 * const [xStart, eps, t] = [ones([1, 1, 1, 1]), zeros([1, 1, 1, 1]), tensor([9], { dtype: 'int32' })];
 * const x = qSample(diffusion.schedule, xStart, t, eps);
 * const v = velocity(diffusion.schedule, xStart, t, eps);
 * denoise(diffusion, v, x, t).xStart; // [[[[1.000]]]]
 */
export function denoise(
  diffusion: Diffusion,
  prediction: Tensor,
  x: Tensor,
  t: Tensor,
  options: DenoiseOptions = {},
): Denoised {
  checkDiffusion('denoise', diffusion);
  checkTensors('denoise', { prediction, x, t });
  checkOptions('denoise', options, ['clipDenoised']);
  const { schedule, predicts } = diffusion;
  const { clipDenoised = false } = options;
  const ends = (): Denoised => {
    switch (predicts) {
      case 'eps':
        return { xStart: xStartFromEps(schedule, x, t, prediction), eps: prediction };
      case 'v':
        return {
          xStart: xStartFromV(schedule, x, t, prediction),
          eps: epsFromV(schedule, x, t, prediction),
        };
      case 'xStart':
        return { xStart: prediction, eps: epsFromXStart(schedule, x, t, prediction) };
    }
  };
  const { xStart, eps } = ends();
  if (!clipDenoised) return { xStart, eps };
  const clipped = xStart.maximum(-1).minimum(1);
  return { xStart: clipped, eps: epsFromXStart(schedule, x, t, clipped) };
}

/** The Gaussian p(x_{t−1} | x_t), and the xStart that its mean points to. */
export interface Reverse extends Gaussian {
  readonly xStart: Tensor;
}

/**
 * The Gaussian p(x_{t−1} | x_t) that a model's output stands for: the posterior's mean for the
 * predicted xStart, and the variance of the process.
 *
 * Source: Ho et al. 2020, equation 11; Nichol & Dhariwal 2021, equation 15.
 *
 * @param output The model's output for x at t.
 * @param x x_t, `[B, C, ...]`
 * @param t int32 `[B]`, kept timesteps.
 * @example
 * const t = tensor([999], { dtype: 'int32' });
 * const { mean, variance } = pReverse(createDiffusion(), zeros([1, 1, 2, 2]), ones([1, 1, 2, 2]), t);
 * variance; // [[[[0.020, 0.020], [0.020, 0.020]]]]: the last beta
 */
export function pReverse(
  diffusion: Diffusion,
  output: Tensor,
  x: Tensor,
  t: Tensor,
  options: DenoiseOptions = {},
): Reverse {
  checkStep('pReverse', diffusion, { output, x, t }, options);
  const { prediction, range } = splitOutput(diffusion, output, x);
  const { xStart } = denoise(diffusion, prediction, x, t, options);
  const { mean } = qPosterior(diffusion.schedule, xStart, x, t);
  return { mean, ...reverseVariance(diffusion, range, x, t), xStart };
}

/** Checks the arguments of a function that reads a model's output at x and t. */
export function checkStep(
  op: string,
  diffusion: Diffusion,
  tensors: Readonly<Record<string, Tensor>>,
  options: DenoiseOptions,
): void {
  checkDiffusion(op, diffusion);
  checkTensors(op, tensors);
  checkOptions(op, options, ['clipDenoised']);
}

function reverseVariance(
  { schedule, variance }: Diffusion,
  range: Tensor | null,
  x: Tensor,
  t: Tensor,
): Pick<Gaussian, 'variance' | 'logVariance'> {
  const { beta, posteriorVariance, posteriorLogVariance } = schedule;
  const at = (table: Float64Array): Tensor => coefficient(table, t, x).expand(x.shape);
  const logBeta = beta.map((b) => Math.log(b));
  if (range !== null) {
    const fraction = range.add(1).mul(0.5);
    const [low, high] = [coefficient(posteriorLogVariance, t, x), coefficient(logBeta, t, x)];
    const logVariance = fraction.mul(high).add(fraction.neg().add(1).mul(low));
    return { variance: logVariance.exp(), logVariance };
  }
  if (variance === 'fixed-small') {
    return { variance: at(posteriorVariance), logVariance: at(posteriorLogVariance) };
  }
  // The first beta is far larger than the noise that is left there. The posterior's value replaces it.
  const large = beta.map((b, j) => (j === 0 ? Math.exp(posteriorLogVariance[0]) : b));
  return { variance: at(large), logVariance: at(large.map((b) => Math.log(b))) };
}
