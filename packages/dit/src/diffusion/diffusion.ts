// What a model's output means: from a predicted noise or velocity to a clean image and a variance.

import { formatShape, ShapeError, ValueError, type Tensor } from '@tessera/tensor';
import { checkChoice } from '../config/choice-check.ts';
import { OBJECTIVES, type Objective } from '../config/choices.ts';
import {
  coefficient,
  epsFromV,
  epsFromXStart,
  qPosterior,
  xStartFromEps,
  xStartFromV,
  type Gaussian,
} from './noising.ts';
import { createSchedule, type NoiseSchedule, type ScheduleOptions } from './schedule.ts';

/** What a model predicts: the noise, the velocity, or the clean latent. */
export type Predicted = Objective | 'xStart';

/**
 * The variance of p(x_{t−1} | x_t): the posterior's (`fixed-small`), beta (`fixed-large`), or learned
 * as a point between their logarithms (`learned-range`, which takes a second half of channels).
 *
 * Sources: Ho et al. 2020, section 3.2; Nichol & Dhariwal 2021, equation 15.
 */
export type ReverseVariance = (typeof VARIANCES)[number];

const VARIANCES = ['fixed-small', 'fixed-large', 'learned-range'] as const;

/** A forward process, and how to read what the model says about it. */
export interface Diffusion {
  readonly schedule: NoiseSchedule;
  readonly predicts: Predicted;
  readonly variance: ReverseVariance;
}

/** A model with everything but x and t fixed: x `[B, C, ...]` and the timesteps of the full process, int32 `[B]`. */
export type Denoiser = (x: Tensor, t: Tensor) => Tensor;

/** Options of {@link createDiffusion}. */
export interface DiffusionOptions extends ScheduleOptions {
  /** Default `'eps'`. */
  readonly predicts?: Predicted;
  /** Default `'fixed-large'`; take `'learned-range'` for a model with `learnSigma`. */
  readonly variance?: ReverseVariance;
}

/**
 * Makes a diffusion process.
 *
 * @throws ValueError as {@link createSchedule}, and if the model predicts eps, but the last kept timestep
 * holds nothing else: its alphaBar is 0, as with 20 linear timesteps.
 * @example
 * const training = createDiffusion({ schedule: 'squaredcos_cap_v2', predicts: 'v' });
 * const sampling = createDiffusion({ schedule: 'squaredcos_cap_v2', predicts: 'v', respacing: 50 });
 * [training.schedule.timesteps, sampling.schedule.timesteps]; // [1000, 50]
 */
export function createDiffusion(options: DiffusionOptions = {}): Diffusion {
  const { predicts = 'eps', variance = 'fixed-large', ...scheduleOptions } = options;
  checkChoice('createDiffusion', 'prediction', predicts, [...OBJECTIVES, 'xStart']);
  checkChoice('createDiffusion', 'variance', variance, VARIANCES);
  const schedule = createSchedule(scheduleOptions);
  if (predicts === 'eps' && schedule.alphaBar.includes(0)) {
    throw new ValueError(
      'createDiffusion',
      `the last of ${schedule.totalTimesteps} timesteps is noise without any signal (alphaBar 0), so that eps ` +
        "says nothing about xStart there. Predict 'v', or take more timesteps or another schedule.",
    );
  }
  return { schedule, predicts, variance };
}

/**
 * Splits a model's output in the prediction and, for a learned variance, the raw values of it.
 *
 * @param output `[B, C, ...]`, or `[B, 2C, ...]` for a learned variance.
 * @param x What the model was given, `[B, C, ...]`.
 * @throws ShapeError if the channels are others.
 * @example
 * const diffusion = createDiffusion({ variance: 'learned-range' });
 * const { prediction, range } = splitOutput(diffusion, zeros([1, 8, 4, 4]), zeros([1, 4, 4, 4]));
 * prediction; // float32[1, 4, 4, 4]
 */
export function splitOutput(
  { variance }: Diffusion,
  output: Tensor,
  x: Tensor,
): { readonly prediction: Tensor; readonly range: Tensor | null } {
  const learned = variance === 'learned-range';
  const expected = x.shape.map((n, axis) => (axis === 1 && learned ? 2 * n : n));
  if (formatShape(output.shape) !== formatShape(expected)) {
    throw new ShapeError(
      'splitOutput',
      `x is ${formatShape(x.shape)} and the variance ${variance}, so the model must give ` +
        `${formatShape(expected)}, but gave ${formatShape(output.shape)}. ` +
        "A model with learnSigma goes with 'learned-range', one without with a fixed variance.",
      [x.shape, output.shape],
    );
  }
  if (!learned) return { prediction: output, range: null };
  const [prediction, range] = output.chunk(2, 1);
  return { prediction, range };
}

/** How to read a prediction. */
export interface DenoiseOptions {
  /** Whether to clip xStart to [−1, 1], the range of pixels. Default false: latents have no range. */
  readonly clipDenoised?: boolean;
}

/** The two ends that a prediction points to, like x: `xT = √alphaBar · xStart + √(1 − alphaBar) · eps`. */
export interface Denoised {
  readonly xStart: Tensor;
  readonly eps: Tensor;
}

/**
 * The clean latent and the noise that a prediction stands for. When xStart is clipped, eps is what
 * is left of xT then.
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
  { schedule, predicts }: Diffusion,
  prediction: Tensor,
  x: Tensor,
  t: Tensor,
  { clipDenoised = false }: DenoiseOptions = {},
): Denoised {
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

/** p(x_{t−1} | x_t), and the xStart that it aims at. */
export interface Reverse extends Gaussian {
  readonly xStart: Tensor;
}

/**
 * The Gaussian p(x_{t−1} | x_t) that a model's output stands for: the posterior's mean for the
 * predicted xStart, and the variance of the process.
 *
 * Source: Ho et al. 2020, equation 11; Nichol & Dhariwal 2021, equation 15.
 *
 * @param output What the model gave for x at t.
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
  const { prediction, range } = splitOutput(diffusion, output, x);
  const { xStart } = denoise(diffusion, prediction, x, t, options);
  const { mean } = qPosterior(diffusion.schedule, xStart, x, t);
  return { mean, ...reverseVariance(diffusion, range, x, t), xStart };
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
  // The first beta is far above the noise that is left there, so the posterior's value replaces it.
  const large = beta.map((b, j) => (j === 0 ? Math.exp(posteriorLogVariance[0]) : b));
  return { variance: at(large), logVariance: at(large.map((b) => Math.log(b))) };
}
