// The training loss: what the model should predict, and how its error is weighed.

import { stopGradient } from '@tessera/autograd';
import {
  checkFunction,
  checkOptions,
  checkTensors,
  concat,
  StateError,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import { checkChoice, checkFields, checkWithin } from '../../config/argument-check.ts';
import { WEIGHTINGS, type Weighting } from '../../config/choices.ts';
import { splitOutput, type Denoiser } from '../process/diffusion.ts';
import { checkLike, modelTimestep, qSample, velocity } from '../process/noising.ts';
import { checkProcess, isFlow, type Process } from '../process/process.ts';
import { boundTerm, meanPerSample, type BoundOptions } from './bound.ts';
import { flowLosses } from './flow-loss.ts';
import { MIN_SNR_GAMMA, minSnrWeights } from './weighting.ts';

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
export interface LossOptions extends Pick<BoundOptions, 'compat'> {
  /** Default `'mse'`, DiT's, and the only one of a flow. */
  readonly kind?: LossKind;
  /** How the squared errors of timesteps are weighed. Default `'none'`. */
  readonly weighting?: Weighting;
  /** The bound γ of `'min-snr'`. Default 5. */
  readonly gamma?: number;
  /** The share λ of the contrastive term of a flow. Default 0: there is none. The paper takes 0.05. */
  readonly contrastive?: number;
}

/** The loss of each sample, and its parts. */
export interface TrainingLosses {
  /** `[B]`; training minimises its mean. */
  readonly loss: Tensor;
  /** `[B]`, mean squared error of the prediction without weights; absent if the loss does not use it. */
  readonly mse?: Tensor;
  /** `[B]`, the bound's term as it enters the loss; absent if the loss does not use it. */
  readonly vb?: Tensor;
}

/**
 * The right prediction, of the shape of xStart: the noise, the velocity or xStart itself; for a flow its
 * velocity `eps − xStart`.
 *
 * @example
 * const t = tensor([0], { dtype: 'int32' });
 * predictionTarget(createDiffusion({ predicts: 'eps' }), ones([1, 1]), t, zeros([1, 1])); // [[0]]
 * predictionTarget(createDiffusion({ predicts: 'xStart' }), ones([1, 1]), t, zeros([1, 1])); // [[1]]
 */
export function predictionTarget(process: Process, xStart: Tensor, t: Tensor, eps: Tensor): Tensor {
  checkProcess('predictionTarget', process);
  checkTensors('predictionTarget', { xStart, t, eps });
  checkLike('predictionTarget', xStart, { eps });
  switch (process.predicts) {
    case 'eps':
      return eps;
    case 'v':
      return velocity(process.schedule, xStart, t, eps);
    case 'xStart':
      return xStart;
    case 'flow':
      return eps.sub(xStart);
    case 'mean-flow':
      throw new ValueError('predictionTarget', ONLY_BY_ITSELF);
  }
}

/** A batch of clean latents, and the noise and timesteps to train on. */
export interface NoisedBatch {
  /** `[B, C, ...]` */
  readonly xStart: Tensor;
  /** `[B]`: kept timesteps, int32; for a flow times from 0 to 1, float32. */
  readonly t: Tensor;
  /** Standard normal, of the shape of xStart. */
  readonly eps: Tensor;
  /**
   * The velocities that the contrastive term of a flow keeps away from, of the shape of xStart. Default: for each
   * sample that of the one before it. Give them if the batch is a part of a larger one.
   */
  readonly others?: Tensor;
}

/**
 * The training loss of each sample.
 *
 * Source: Ho et al. 2020, equation 14; with a learned variance Nichol & Dhariwal 2021, equation 16; for a
 * flow Lipman et al. 2022, equation 23, with times from data to noise. Weights: {@link minSnrWeights}.
 *
 * @param model Is called once, with the noisy latents and the timesteps of the full process.
 * @throws ShapeError if the model gives other channels than the process expects; StateError if the kind
 *   of loss needs a learned variance, and the process has none; ValueError if an option does not go with
 *   the process.
 * @example
 * const [xStart, t, eps] = [zeros([2, 4, 8, 8]), tensor([3, 700], { dtype: 'int32' }), ones([2, 4, 8, 8])];
 * const { loss } = trainingLosses(createDiffusion(), (x) => x.mul(0), { xStart, t, eps });
 * loss; // [1, 1]: the noise was 1, the model said 0
 */
export function trainingLosses(
  process: Process,
  model: Denoiser,
  batch: NoisedBatch,
  options: LossOptions = {},
): TrainingLosses {
  checkProcess('trainingLosses', process);
  checkFunction('trainingLosses', model);
  const fields = ['xStart', 't', 'eps'];
  checkFields('trainingLosses', 'batch', batch, fields, 'Write { xStart, t, eps }.');
  const { xStart, t, eps, others } = batch;
  checkTensors('trainingLosses', { xStart, t, eps, ...(others !== undefined && { others }) });
  if (others !== undefined) checkLike('trainingLosses', xStart, { others });
  checkLossOptions(process, options);
  const { kind = 'mse', weighting = 'none', gamma = MIN_SNR_GAMMA, contrastive = 0 } = options;
  const weights = weighting === 'none' ? null : minSnrWeights(process, t, gamma);
  if (isFlow(process)) return flowLosses(process, model, batch, { weights, contrastive });
  const { schedule } = process;
  const bound = options.compat === undefined ? {} : { compat: options.compat };
  const xT = qSample(schedule, xStart, t, eps);
  const output = model(xT, modelTimestep(schedule, t));
  if (kind === 'kl' || kind === 'rescaled-kl') {
    const term = boundTerm(process, output, xStart, xT, t, bound);
    const vb = kind === 'kl' ? term : term.mul(schedule.timesteps);
    return { loss: vb, vb };
  }
  const { prediction, range } = splitOutput(process, output, xT);
  const target = predictionTarget(process, xStart, t, eps);
  const mse = meanPerSample(target.sub(prediction).square());
  const error = weights === null ? mse : mse.mul(weights);
  if (range === null) {
    if (kind === 'mse') return { loss: error, mse };
    throw new StateError('trainingLosses', `'${kind}' needs a learned variance. Use 'mse'.`);
  }
  const frozenMean = concat([stopGradient(prediction), range], 1);
  const term = boundTerm(process, frozenMean, xStart, xT, t, bound);
  const vb = kind === 'mse' ? term : term.mul(schedule.timesteps / 1000);
  return { loss: error.add(vb), mse, vb };
}

const ONLY_BY_ITSELF =
  'the average velocity of a flow map is no target that data give. Use meanFlowLosses.';

/** Throws unless every option has a meaning for the process and beside the others. */
function checkLossOptions(process: Process, options: LossOptions): void {
  const op = 'trainingLosses';
  const known = ['kind', 'weighting', 'gamma', 'contrastive', 'compat'] as const;
  checkOptions(op, options, known);
  const { kind = 'mse', weighting = 'none', gamma, contrastive = 0, compat } = options;
  checkChoice(op, 'kind', kind, LOSS_KINDS);
  checkChoice(op, 'weighting', weighting, WEIGHTINGS);
  checkWithin(op, 'contrastive', contrastive, 0, 1);
  if (gamma !== undefined && weighting !== 'min-snr') {
    throw new ValueError(op, "gamma belongs to the weighting 'min-snr'.");
  }
  const bound = kind === 'kl' || kind === 'rescaled-kl';
  if (bound && weighting !== 'none') {
    throw new ValueError(op, `'${kind}' is a bound, whose terms have no weights. Use 'mse'.`);
  }
  if (process.predicts === 'mean-flow') throw new ValueError(op, ONLY_BY_ITSELF);
  if (isFlow(process) && (kind !== 'mse' || compat !== undefined)) {
    const what = kind === 'mse' ? 'compat' : `'${kind}'`;
    throw new ValueError(op, `${what} is about the bound, and a flow has none. Leave it out.`);
  }
  if (!isFlow(process) && contrastive !== 0) {
    throw new ValueError(op, 'contrastive belongs to flows. Make the process with createFlow(…).');
  }
}
