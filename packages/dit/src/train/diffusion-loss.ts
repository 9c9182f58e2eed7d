// The loss of a DiT on a batch: draw latents, add noise, drop labels, compare the prediction.

import { normal, randomInt, split, type Tensor } from '@tessera/tensor';
import { samplePosterior, type Posterior } from '../autoencoder/autoencoder.ts';
import type { TrainConfig } from '../config/config.ts';
import { createDiffusion, type Diffusion } from '../diffusion/diffusion.ts';
import { trainingLosses } from '../diffusion/objective.ts';
import type { DiT } from '../model/dit.ts';
import type { Loss } from './step.ts';

/** What one step of the Diffusion Transformer trains on. */
export interface DiffusionBatch {
  readonly posterior: Posterior;
  /** int32 `[B]` */
  readonly labels: Tensor;
}

/**
 * The diffusion process of a run, over all of its timesteps.
 *
 * @example
 * runDiffusion(presetConfig('smoke')).schedule.timesteps; // 1000
 * runDiffusion(presetConfig('smoke'), 50).schedule.timesteps; // 50
 */
export function runDiffusion({ model, diffusion }: TrainConfig, respacing?: number): Diffusion {
  return createDiffusion({
    schedule: diffusion.schedule,
    timesteps: diffusion.timesteps,
    predicts: diffusion.objective,
    variance: model.learnSigma ? 'learned-range' : 'fixed-large',
    ...(respacing === undefined ? {} : { respacing }),
  });
}

/**
 * The loss of a DiT on a batch of posteriors: latents are drawn and scaled, noised at uniform
 * timesteps, labels dropped for guidance, and the prediction compared with the target.
 *
 * Source: Peebles & Xie 2023, section 3.1; Ho et al. 2020, algorithm 1.
 *
 * @param latentScale What brings latents to unit variance.
 * @example
 * const config = presetConfig('smoke');
 * const model = DiT.init(config.model, key(0));
 * const posterior = { mean: zeros([2, 4, 8, 8]), logVariance: zeros([2, 4, 8, 8]) };
 * const batch = { posterior, labels: tensor([3, 1], { dtype: 'int32' }) };
 * diffusionLoss(config, 1)(model, batch, key(1)); // float32[]
 */
export function diffusionLoss(config: TrainConfig, latentScale: number): Loss<DiT, DiffusionBatch> {
  const diffusion = runDiffusion(config);
  return (model, { posterior, labels }, key) => {
    const [latentKey, timeKey, noiseKey, dropKey] = split(key, 4);
    const xStart = samplePosterior(posterior, latentKey).mul(latentScale);
    const t = randomInt(timeKey, labels.shape, 0, diffusion.schedule.timesteps);
    const eps = normal(noiseKey, xStart.shape);
    const y = model.y_embedder.dropLabels(labels, dropKey);
    const { loss } = trainingLosses(diffusion, (x, steps) => model.forward(x, steps, y), {
      xStart,
      t,
      eps,
    });
    return loss.mean();
  };
}
