// The rectified flow: a straight path from data to noise, and what its velocity says about both ends.

import { checkOptions, checkTensors, formatShape, ShapeError, type Tensor } from '@tessera/tensor';
import {
  checkChoice,
  checkFields,
  checkFinite,
  checkWhole,
  checkWithin,
} from '../../config/argument-check.ts';
import { checkLike } from './noising.ts';
import type { Denoised, DenoiseOptions } from './reverse.ts';

/**
 * A rectified flow. At time s, from 0 to 1, a latent is `xT = (1 − s) xStart + s eps`; a model predicts the
 * velocity `eps − xStart` of this straight path.
 *
 * Sources: Liu et al. 2022, "Flow straight and fast: learning to generate and transfer data with rectified
 * flow"; Lipman et al. 2022, "Flow matching for generative modeling"; Ma et al. 2024, "SiT: exploring flow
 * and diffusion-based generative models with scalable interpolant transformers"; for the average velocity Geng et
 * al. 2025, "Mean flows for one-step generative modeling".
 */
export interface Flow {
  /**
   * What the model predicts: the velocity at a time (`'flow'`), or the average velocity from one time to another
   * (`'mean-flow'`), so that a step of any length follows the curved way of the flow. Such a model is a flow map.
   */
  readonly predicts: 'flow' | 'mean-flow';
  /** The times of a sampler, from 1 (noise) down to 0 (data). It takes one step from each to the next. */
  readonly times: Float64Array;
  /** How strongly times lean towards noise; see {@link shiftTime}. */
  readonly shift: number;
  /** The model is told s times this number, so that flows and noise schedules have timesteps alike. */
  readonly timesteps: number;
}

/** Options of {@link createFlow}. */
export interface FlowOptions {
  /** Default `'flow'`; take `'mean-flow'` for a flow map. */
  readonly predicts?: Flow['predicts'];
  /** Number of steps of a sampler. Default 50. */
  readonly steps?: number;
  /** Default 1: times lie evenly. */
  readonly shift?: number;
  /** What the model is told at s = 1. Default 1000. */
  readonly timesteps?: number;
}

/**
 * Makes a rectified flow.
 *
 * @example
 * createFlow({ steps: 4 }).times; // [1, 0.75, 0.5, 0.25, 0]
 * createFlow({ steps: 4, shift: 3 }).times; // [1, 0.9, 0.75, 0.5, 0]
 */
export function createFlow(options: FlowOptions = {}): Flow {
  checkOptions('createFlow', options, ['predicts', 'steps', 'shift', 'timesteps']);
  const { predicts = 'flow', steps = 50, shift = 1, timesteps = 1000 } = options;
  checkChoice('createFlow', 'prediction', predicts, ['flow', 'mean-flow']);
  checkWhole('createFlow', 'steps', steps, 1);
  checkWhole('createFlow', 'timesteps', timesteps, 1);
  checkWithin('createFlow', 'shift', shift, 1e-3, 1e3);
  const times = Float64Array.from({ length: steps + 1 }, (_, n) =>
    shiftTime((steps - n) / steps, shift),
  );
  return { predicts, times, shift, timesteps };
}

/**
 * Shifts shares of time u in [0, 1] towards noise: `shift · u / (1 + (shift − 1) u)`. Larger latents need
 * a larger shift, since noise hides less of them.
 *
 * Source: Esser et al. 2024, "Scaling rectified flow transformers for high-resolution image synthesis",
 * equation 23.
 *
 * @param u a tensor of any shape, or one number
 * @example
 * shiftTime(tensor([0, 0.5, 1]), 3); // [0, 0.75, 1]
 * shiftTime(0.5, 3); // 0.75
 */
export function shiftTime<T extends number | Tensor>(u: T, shift: number): T;
export function shiftTime(u: number | Tensor, shift: number): number | Tensor {
  if (typeof u === 'number') checkFinite('shiftTime', 'u', u);
  else checkTensors('shiftTime', { u });
  checkWithin('shiftTime', 'shift', shift, 1e-3, 1e3);
  if (shift === 1) return u;
  return typeof u === 'number'
    ? (shift * u) / (1 + (shift - 1) * u)
    : u.mul(shift).div(u.mul(shift - 1).add(1));
}

/**
 * A latent of the path: `xT = (1 − s) xStart + s eps`.
 *
 * @param s float32 `[B]`, times from 0 to 1.
 * @param eps Standard normal noise of the shape of xStart.
 * @throws ShapeError if eps has another shape, or s is not one time for each sample.
 * @example
 * flowSample(ones([2, 1]), tensor([0, 0.75]), zeros([2, 1])); // [[1], [0.25]]
 */
export function flowSample(xStart: Tensor, s: Tensor, eps: Tensor): Tensor {
  checkTensors('flowSample', { xStart, s, eps });
  checkLike('flowSample', xStart, { eps });
  const time = timeLike('flowSample', s, xStart);
  return xStart.mul(time.neg().add(1)).add(eps.mul(time));
}

/**
 * The clean latent and the noise that a velocity u at xT points to: `xStart = xT − s u` and
 * `eps = xT + (1 − s) u`. If xStart is clipped, eps is the noise that goes with it. At s = 0 there is no
 * such noise, and the velocity is not clipped.
 *
 * @param s float32 `[B]`
 * @example
 * const [xStart, eps, s] = [ones([1, 1]), zeros([1, 1]), tensor([0.5])];
 * flowEnds(flowSample(xStart, s, eps), s, eps.sub(xStart)).xStart; // [[1]]
 */
export function flowEnds(
  xT: Tensor,
  s: Tensor,
  velocity: Tensor,
  options: DenoiseOptions = {},
): Denoised {
  checkTensors('flowEnds', { xT, s, velocity });
  checkOptions('flowEnds', options, ['clipDenoised']);
  const time = timeLike('flowEnds', s, xT);
  const xStart = xT.sub(velocity.mul(time));
  const eps = xT.add(velocity.mul(time.neg().add(1)));
  if (options.clipDenoised !== true) return { xStart, eps };
  const clipped = xStart.maximum(-1).minimum(1);
  const someNoise = time.greater(0);
  const explained = xT.sub(clipped.mul(time.neg().add(1))).div(someNoise.where(time, 1));
  return { xStart: clipped, eps: someNoise.where(explained, eps) };
}

/** Throws a ValueError unless `flow` is one that {@link createFlow} makes. */
export function checkFlow(op: string, flow: Flow): void {
  checkFields(op, 'flow', flow, ['times', 'shift', 'timesteps'], 'Make one with createFlow(…).');
}

/** The times `[B]` as `[B, 1, …]` of the rank of `like`. */
function timeLike(op: string, s: Tensor, like: Tensor): Tensor {
  if (s.rank !== 1 || s.shape[0] !== like.shape[0]) {
    throw new ShapeError(
      op,
      `s is ${formatShape(s.shape)} for samples ${formatShape(like.shape)}: expected one time for each sample.`,
      [s.shape, like.shape],
    );
  }
  return s.reshape([-1, ...like.shape.slice(1).map(() => 1)]);
}
