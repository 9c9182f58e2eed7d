// A forward process and what its model predicts, and the parts of a model's output.

import {
  checkOptions,
  checkTensors,
  formatShape,
  ShapeError,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import { checkChoice, checkFields } from '../../config/argument-check.ts';
import { isFlowObjective, OBJECTIVES, type Objective } from '../../config/choices.ts';
import { createSchedule, type NoiseSchedule, type ScheduleOptions } from '../schedule/schedule.ts';

/** What a model of a noise schedule predicts: the noise, the clean latent, or the velocity. */
export type Predicted = Exclude<Objective, 'flow' | 'mean-flow'>;

const PREDICTIONS = OBJECTIVES.filter((objective) => !isFlowObjective(objective));

/**
 * The variance of p(x_{t−1} | x_t).
 *
 * - `fixed-small`: the posterior's variance.
 * - `fixed-large`: beta.
 * - `learned-range`: between the two. The model gives a point between their logarithms, in a second half
 *   of channels.
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

/** A model as a function of x `[B, C, ...]` and the timesteps t of the full process, int32 `[B]`. */
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
 * @throws ValueError as {@link createSchedule}; and if the model predicts eps while a kept timestep has
 *   alphaBar 0, as the last of 20 linear timesteps has, or that of any schedule with zeroTerminalSnr.
 *   There is no signal left at such a timestep.
 * @example
 * const training = createDiffusion({ schedule: 'squaredcos_cap_v2', predicts: 'v' });
 * const sampling = createDiffusion({ schedule: 'squaredcos_cap_v2', predicts: 'v', respacing: 50 });
 * [training.schedule.timesteps, sampling.schedule.timesteps]; // [1000, 50]
 */
export function createDiffusion(options: DiffusionOptions = {}): Diffusion {
  const own = ['predicts', 'variance'] as const;
  const ofSchedule = ['schedule', 'timesteps', 'respacing', 'zeroTerminalSnr'] as const;
  checkOptions('createDiffusion', options, [...own, ...ofSchedule]);
  const { predicts = 'eps', variance = 'fixed-large', ...scheduleOptions } = options;
  checkChoice('createDiffusion', 'prediction', predicts, PREDICTIONS);
  checkChoice('createDiffusion', 'variance', variance, VARIANCES);
  const schedule = createSchedule(scheduleOptions);
  if (predicts === 'eps' && schedule.alphaBar.includes(0)) {
    throw new ValueError(
      'createDiffusion',
      `the last of ${schedule.totalTimesteps} timesteps is noise without any signal (alphaBar 0), so that eps ` +
        `says nothing about xStart there. Predict 'v', or ${options.zeroTerminalSnr === true ? 'leave zeroTerminalSnr out' : 'take more timesteps or another schedule'}.`,
    );
  }
  return { schedule, predicts, variance };
}

/** Throws a ValueError unless `diffusion` is one that {@link createDiffusion} makes. */
export function checkDiffusion(op: string, diffusion: Diffusion): void {
  const fields = ['schedule', 'predicts', 'variance'];
  checkFields(op, 'diffusion', diffusion, fields, 'Make one with createDiffusion(…).');
}

/**
 * Splits a model's output into the prediction and the raw values of a learned variance.
 *
 * @param output `[B, C, ...]`, or `[B, 2C, ...]` for a learned variance.
 * @param x The input of the model, `[B, C, ...]`.
 * @returns `range` is null unless the variance is learned.
 * @throws ShapeError if the output has other channels.
 * @example
 * const diffusion = createDiffusion({ variance: 'learned-range' });
 * const { prediction, range } = splitOutput(diffusion, zeros([1, 8, 4, 4]), zeros([1, 4, 4, 4]));
 * prediction; // float32[1, 4, 4, 4]
 */
export function splitOutput(
  diffusion: Diffusion,
  output: Tensor,
  x: Tensor,
): { readonly prediction: Tensor; readonly range: Tensor | null } {
  checkDiffusion('splitOutput', diffusion);
  checkTensors('splitOutput', { output, x });
  const { variance } = diffusion;
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
