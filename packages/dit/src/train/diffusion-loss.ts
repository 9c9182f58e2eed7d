// The loss of a DiT on a batch: draw latents, add noise, drop labels, compare the prediction.

import { checkOptions, checkTensors, normal, randomInt, split, Tensor } from '@tessera/tensor';
import { samplePosterior, type Posterior } from '../autoencoder/autoencoder.ts';
import { checkFields, checkFinite, checkWhole } from '../config/argument-check.ts';
import type { TrainConfig } from '../config/config.ts';
import { trainingLosses } from '../diffusion/objective/objective.ts';
import { runDiffusion } from '../diffusion/run-diffusion.ts';
import type { Conditioning } from '../model/conditions/conditions.ts';
import type { DiT, ForwardOptions } from '../model/dit.ts';
import { lossOfDraws, type Loss } from './step.ts';

/** The data of one training step of the Diffusion Transformer. */
export interface DiffusionBatch {
  readonly posterior: Posterior;
  /** Labels int32 `[B]`, or the values of all conditions by name. */
  readonly labels: Conditioning;
}

/**
 * The loss of a DiT on a batch of posteriors. Latents are drawn, scaled and noised at uniform timesteps.
 * Labels are dropped for guidance. The loss compares the model's prediction with the target.
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
  options: ForwardOptions = {},
): Loss<DiT, DiffusionBatch> {
  checkFields(
    'diffusionLoss',
    'config',
    config,
    ['model', 'diffusion'],
    'Make one with presetConfig(…).',
  );
  checkFinite('diffusionLoss', 'latentScale', latentScale);
  checkOptions('diffusionLoss', options, ['checkpoint']);
  checkWhole('diffusionLoss', 'checkpoint', options.checkpoint ?? 0, 0);
  const diffusion = runDiffusion(config);
  return lossOfDraws({
    draw: (model: DiT, batch: DiffusionBatch, key) => {
      const fields = ['posterior', 'labels'];
      checkFields('diffusionLoss', 'batch', batch, fields, 'Write { posterior, labels }.');
      const { posterior, labels } = batch;
      checkTensors('diffusionLoss', { key, ...(labels instanceof Tensor && { labels }) });
      const hint = 'Give a DiT.';
      checkFields('diffusionLoss', 'model', model, ['forward', 'dropConditions'], hint);
      const [latentKey, timeKey, noiseKey, dropKey] = split(key, 4);
      const xStart = samplePosterior(posterior, latentKey).mul(latentScale);
      return {
        xStart,
        t: randomInt(timeKey, [xStart.shape[0]], 0, diffusion.schedule.timesteps),
        eps: normal(noiseKey, xStart.shape),
        y: model.dropConditions(labels, dropKey),
      };
    },
    lossOf: (model, { y, ...drawn }) =>
      trainingLosses(diffusion, (x, t) => model.forward(x, t, y, options), drawn).loss.mean(),
  });
}
