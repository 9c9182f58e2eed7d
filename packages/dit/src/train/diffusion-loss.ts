// The loss of a DiT on a batch: draw latents, add noise, drop labels, compare the prediction.

import { stopGradient } from '@tessera/autograd';
import {
  checkOptions,
  checkTensors,
  normal,
  split,
  Tensor,
  uniform,
  ValueError,
} from '@tessera/tensor';
import { samplePosterior } from '../autoencoder/autoencoder.ts';
import type { Encoded } from '../codec/codec.ts';
import { checkFields, checkFinite, checkWhole } from '../config/argument-check.ts';
import type { TrainConfig } from '../config/config.ts';
import type { DiffusionConfig } from '../config/diffusion-config.ts';
import { otherVelocities } from '../diffusion/objective/flow-loss.ts';
import { drawByLoss, lossHistory, recordLosses } from '../diffusion/objective/loss-history.ts';
import {
  trainingLosses,
  type LossOptions,
  type NoisedBatch,
} from '../diffusion/objective/objective.ts';
import { drawTimesteps } from '../diffusion/objective/timesteps.ts';
import { isFlow, type Process } from '../diffusion/process/process.ts';
import { runDiffusion } from '../diffusion/run-diffusion.ts';
import type { Conditioning } from '../model/conditions/conditions.ts';
import type { DiT, ForwardOptions } from '../model/dit.ts';
import { lossOfDraws, type Loss, type RememberingLoss, type TrainState } from './step.ts';

/** How gradients of a loss are taken. */
export type LossMemory = Pick<ForwardOptions, 'checkpoint'>;

/** The data of one training step of the Diffusion Transformer. */
export interface DiffusionBatch {
  /** The latents, as the codec gives them: those without a variance are not drawn. */
  readonly posterior: Encoded;
  /** Labels int32 `[B]`, or the values of all conditions by name. */
  readonly labels: Conditioning;
}

/**
 * The loss of a DiT on a batch of posteriors. Latents are drawn, scaled and noised at drawn timesteps. Labels are dropped for guidance. The loss compares the model's prediction with the target.
 *
 * Source: Peebles & Xie 2023, section 3.1; Ho et al. 2020, algorithm 1.
 *
 * @param latentScale The factor that brings latents to unit variance.
 * @param options `checkpoint`: blocks that are computed again in the backward pass, as {@link DiT.forward} says.
 * @example
 * const config = presetConfig('smoke');
 * const model = DiT.init(config.model, key(0));
 * const posterior = { mean: zeros([2, 4, 8, 8]), logVariance: zeros([2, 4, 8, 8]) };
 * const batch = { posterior, labels: tensor([3, 1], { dtype: 'int32' }) };
 * diffusionLoss(config, 1)(model, batch, key(1)); // float32[]
 */
export function diffusionLoss(
  config: TrainConfig,
  latentScale: number,
  options: LossMemory = {},
): Loss<DiT, DiffusionBatch> {
  checkLossConfig('diffusionLoss', config, latentScale, options);
  const process = runDiffusion(config);
  const { timestepSampling: sampling = 'uniform', shift = 1, contrastive = 0 } = config.diffusion;
  if (sampling === 'loss-second-moment') {
    const problem = 'timesteps drawn by their losses need a history of them. Use rememberingLoss.';
    throw new ValueError('diffusionLoss', problem);
  }
  const lossesAt = lossesOf(process, config, options);
  return lossOfDraws({
    draw: (model: DiT, batch: DiffusionBatch, key): NoisedLabels => {
      const { time, ...drawn } = drawNoise('diffusionLoss', model, batch, key, latentScale);
      const { xStart, eps } = drawn;
      const t = drawTimesteps(process, time, xStart.shape[0], { sampling, shift });
      // The other sample is one of the whole batch, however the step cuts it into micro-batches.
      const others = contrastive > 0 && { others: otherVelocities(xStart, eps) };
      return { ...drawn, t, ...others };
    },
    lossOf: (model, drawn) => lossesAt(model, drawn).mean(),
  });
}

/**
 * {@link diffusionLoss} at timesteps that are drawn by the size of their last losses: `loss-second-moment`.
 * The history of the losses goes in and comes out, as a part of the state of a training.
 *
 * Source: Nichol & Dhariwal 2021, section 3.3.
 *
 * @example
 * const config = presetConfig('smoke', { timestepSampling: 'loss-second-moment' });
 * const model = DiT.init(config.model, key(0));
 * const posterior = { mean: zeros([2, 4, 8, 8]), logVariance: zeros([2, 4, 8, 8]) };
 * const batch = { posterior, labels: tensor([3, 1], { dtype: 'int32' }) };
 * const [loss, history] = rememberingLoss(config, 1)(model, batch, key(1), lossHistory(1000));
 * history.counts.sum(); // 2
 */
export function rememberingLoss(
  config: TrainConfig,
  latentScale: number,
  options: LossMemory = {},
): RememberingLoss<DiT, DiffusionBatch> {
  checkLossConfig('rememberingLoss', config, latentScale, options);
  const process = runDiffusion(config);
  const lossesAt = lossesOf(process, config, options);
  return (model, batch, key, history) => {
    const { time, ...drawn } = drawNoise('rememberingLoss', model, batch, key, latentScale);
    const [binKey, withinKey] = split(time);
    const { t: bins, weights } = drawByLoss(history, binKey, drawn.xStart.shape[0]);
    // A flow has as many bins of time as timesteps, and draws a time within the bin.
    const t = isFlow(process)
      ? bins.cast('float32').add(uniform(withinKey, bins.shape)).div(process.timesteps)
      : bins;
    const losses = lossesAt(model, { ...drawn, t });
    return [losses.mul(weights).mean(), recordLosses(history, bins, stopGradient(losses))];
  };
}

/** The state with an empty history of losses where the loss of the run has one. */
export function withHistory<M>(state: TrainState<M>, config: TrainConfig): TrainState<M> {
  const { timestepSampling, timesteps } = config.diffusion;
  return timestepSampling === 'loss-second-moment'
    ? { ...state, history: lossHistory(timesteps) }
    : state;
}

/** What a loss draws: latents, timesteps and noise, and labels of which some are dropped. */
interface NoisedLabels extends NoisedBatch {
  readonly y: Conditioning;
}

/** Checks the arguments of a loss, and draws all but the timesteps, for which it gives a key. */
export function drawNoise(
  op: string,
  model: DiT,
  batch: DiffusionBatch,
  key: Tensor,
  latentScale: number,
): Omit<NoisedLabels, 't'> & { readonly time: Tensor } {
  const fields = ['posterior', 'labels'];
  checkFields(op, 'batch', batch, fields, 'Write { posterior, labels }.');
  const { posterior, labels } = batch;
  checkFields(op, 'posterior', posterior, ['mean'], 'A codec gives one.');
  checkTensors(op, { key, mean: posterior.mean, ...(labels instanceof Tensor && { labels }) });
  checkFields(op, 'model', model, ['forward', 'dropConditions'], 'Give a DiT.');
  const [latentKey, time, noiseKey, dropKey] = split(key, 4);
  const { mean, logVariance } = posterior;
  const latent =
    logVariance === undefined ? mean : samplePosterior({ mean, logVariance }, latentKey);
  const xStart = latent.mul(latentScale);
  const eps = normal(noiseKey, xStart.shape);
  return { xStart, eps, y: model.dropConditions(labels, dropKey), time };
}

/** The loss of each sample of what was drawn, `[B]`. */
function lossesOf(
  process: Process,
  config: TrainConfig,
  options: LossMemory,
): (model: DiT, drawn: NoisedLabels) => Tensor {
  const how = lossOptions(config.diffusion);
  return (model, { y, ...batch }) =>
    trainingLosses(process, (x, t) => model.forward(x, t, y, options), batch, how).loss;
}

/** Throws a ValueError unless a loss can be made of these. */
export function checkLossConfig(
  op: string,
  config: TrainConfig,
  latentScale: number,
  options: LossMemory,
): void {
  const hint = 'Make one with presetConfig(…).';
  checkFields(op, 'config', config, ['model', 'diffusion'], hint);
  checkFinite(op, 'latentScale', latentScale);
  checkOptions(op, options, ['checkpoint']);
  checkWhole(op, 'checkpoint', options.checkpoint ?? 0, 0);
}

/** The options of the loss that the configuration of a diffusion names. */
function lossOptions({ weighting, gamma, contrastive, compat }: DiffusionConfig): LossOptions {
  return {
    ...(weighting !== undefined && { weighting }),
    ...(gamma !== undefined && { gamma }),
    ...(contrastive !== undefined && { contrastive }),
    ...(compat !== undefined && { compat }),
  };
}
