// The training loss: what the model should predict, and how its error is weighed.

import { stopGradient } from '@tessera/autograd';
import {
  checkFunction,
  checkOptions,
  checkTensors,
  concat,
  StateError,
  type Tensor,
} from '@tessera/tensor';
import { checkChoice, checkFields } from '../../config/argument-check.ts';
import { boundTerm, meanPerSample } from './bound.ts';
import {
  checkDiffusion,
  splitOutput,
  type Denoiser,
  type Diffusion,
} from '../process/diffusion.ts';
import { modelTimestep, qSample, velocity } from '../process/noising.ts';

/**
 * How the terms of the loss are weighed.
 *
 * - `mse`: mean squared error of the prediction. With a learned variance one term of the bound is added,
 *   in bits; it trains only the variance.
 * - `rescaled-mse`: as `mse`, but that term is multiplied by T/1000.
 * - `kl`: one term of the bound alone, in bits. It trains everything.
 * - `rescaled-kl`: `kl` times the number of kept timesteps, an estimate of the whole bound.
 *
 * Source: Nichol & Dhariwal 2021, section 3.1.
 */
export type LossKind = (typeof LOSS_KINDS)[number];

const LOSS_KINDS = ['mse', 'rescaled-mse', 'kl', 'rescaled-kl'] as const;

/** Options of {@link trainingLosses}. */
export interface LossOptions {
  /** Default `'mse'`, DiT's. */
  readonly kind?: LossKind;
}

/** The loss of each sample, and its parts. */
export interface TrainingLosses {
  /** `[B]`; training minimises its mean. */
  readonly loss: Tensor;
  /** `[B]`, mean squared error of the prediction; absent if the loss does not use it. */
  readonly mse?: Tensor;
  /** `[B]`, the bound's term as it enters the loss; absent if the loss does not use it. */
  readonly vb?: Tensor;
}

/**
 * The right prediction, of the shape of xStart: the noise, the velocity or xStart itself.
 *
 * @example
 * const t = tensor([0], { dtype: 'int32' });
 * predictionTarget(createDiffusion({ predicts: 'eps' }), ones([1, 1]), t, zeros([1, 1])); // [[0]]
 * predictionTarget(createDiffusion({ predicts: 'xStart' }), ones([1, 1]), t, zeros([1, 1])); // [[1]]
 */
export function predictionTarget(
  diffusion: Diffusion,
  xStart: Tensor,
  t: Tensor,
  eps: Tensor,
): Tensor {
  checkDiffusion('predictionTarget', diffusion);
  checkTensors('predictionTarget', { xStart, t, eps });
  const { schedule, predicts } = diffusion;
  switch (predicts) {
    case 'eps':
      return eps;
    case 'v':
      return velocity(schedule, xStart, t, eps);
    case 'xStart':
      return xStart;
  }
}

/** A batch of clean latents, and the noise and timesteps to train on. */
export interface NoisedBatch {
  /** `[B, C, ...]` */
  readonly xStart: Tensor;
  /** int32 `[B]`, kept timesteps. */
  readonly t: Tensor;
  /** Standard normal, of the shape of xStart. */
  readonly eps: Tensor;
}

/**
 * The training loss of each sample.
 *
 * Source: Ho et al. 2020, equation 14; with a learned variance Nichol & Dhariwal 2021, equation 16.
 *
 * @param model Is called once, with the noisy latents and the timesteps of the full process.
 * @throws ShapeError if the model gives other channels than the process expects; StateError if the kind
 *   of loss needs a learned variance, and the process has none.
 * @example
 * const [xStart, t, eps] = [zeros([2, 4, 8, 8]), tensor([3, 700], { dtype: 'int32' }), ones([2, 4, 8, 8])];
 * const { loss } = trainingLosses(createDiffusion(), (x) => x.mul(0), { xStart, t, eps });
 * loss; // [1, 1]: the noise was 1, the model said 0
 */
export function trainingLosses(
  diffusion: Diffusion,
  model: Denoiser,
  batch: NoisedBatch,
  options: LossOptions = {},
): TrainingLosses {
  const fields = ['xStart', 't', 'eps'];
  checkDiffusion('trainingLosses', diffusion);
  checkFunction('trainingLosses', model);
  checkFields('trainingLosses', 'batch', batch, fields, 'Write { xStart, t, eps }.');
  checkOptions('trainingLosses', options, ['kind']);
  const { xStart, t, eps } = batch;
  const { kind = 'mse' } = options;
  checkTensors('trainingLosses', { xStart, t, eps });
  checkChoice('trainingLosses', 'kind', kind, LOSS_KINDS);
  const { schedule } = diffusion;
  const xT = qSample(schedule, xStart, t, eps);
  const output = model(xT, modelTimestep(schedule, t));
  if (kind === 'kl' || kind === 'rescaled-kl') {
    const term = boundTerm(diffusion, output, xStart, xT, t);
    const vb = kind === 'kl' ? term : term.mul(schedule.timesteps);
    return { loss: vb, vb };
  }
  const { prediction, range } = splitOutput(diffusion, output, xT);
  const target = predictionTarget(diffusion, xStart, t, eps);
  const mse = meanPerSample(target.sub(prediction).square());
  if (range === null) {
    if (kind === 'mse') return { loss: mse, mse };
    throw new StateError('trainingLosses', `'${kind}' needs a learned variance. Use 'mse'.`);
  }
  const frozenMean = concat([stopGradient(prediction), range], 1);
  const term = boundTerm(diffusion, frozenMean, xStart, xT, t);
  const vb = kind === 'mse' ? term : term.mul(schedule.timesteps / 1000);
  return { loss: mse.add(vb), mse, vb };
}
