// A training of a Diffusion Transformer on latents in memory, step by step, without the folder of a run.

import { key, split, tensor, type Compiled } from '@tessera/tensor';
import type { LatentSource } from '../../codec/codec.ts';
import { checkFields } from '../../config/argument-check.ts';
import type { TrainConfig } from '../../config/config.ts';
import { batchOrder, gatherLabels } from '../../data/batches.ts';
import type { Labels } from '../../data/data-set.ts';
import { DiT } from '../../model/dit.ts';
import { diffusionLoss, type DiffusionBatch } from '../diffusion-loss.ts';
import { compiledTrainStep, initialState, type StepMetrics, type TrainState } from '../step.ts';

/** Latents of images, and the class of each. */
export interface LabelledLatents {
  readonly latents: LatentSource;
  /** [count] */
  readonly labels: Labels;
}

/** A training whose caller takes the steps. */
export interface LatentTraining {
  /** A new state. A compiled step takes its state over, the key too: each pass over the steps needs its own. */
  readonly start: () => TrainState<DiT>;
  readonly step: Compiled<[TrainState<DiT>, DiffusionBatch], [TrainState<DiT>, StepMetrics]>;
  /** The batch of a step, from 0. */
  readonly batchAt: (step: number) => DiffusionBatch;
}

/**
 * The training of a model that is told labels, by the batch, the steps, the optimizer and the seed of a configuration.
 * Models of several configurations can train on the same latents.
 *
 * @example
 * // not run: takes seconds
 * const config = presetConfig('smoke', { steps: 100 });
 * const { train: set } = await loadMnist();
 * const digits = { ...padImages(set, 32), labels: set.labels };
 * const shared = await sharedLatents('autoencoder.safetensors', config, digits);
 * const { start, step, batchAt } = latentTraining(config, shared);
 * let state = start();
 * for (let i = 0; i < config.steps; i++) [state] = step(state, batchAt(i));
 */
export function latentTraining(config: TrainConfig, source: LabelledLatents): LatentTraining {
  const fields = ['model', 'optimizer', 'batch', 'steps', 'seed'];
  checkFields('latentTraining', 'config', config, fields, 'Make one with presetConfig(…).');
  const hint = 'sharedLatents gives some.';
  checkFields('latentTraining', 'source', source, ['latents', 'labels'], hint);
  const { latents, labels } = source;
  checkFields('latentTraining', 'latents', latents, ['count', 'scale', 'gather'], hint);
  const { model, optimizer, batch, steps, seed } = config;
  const order = batchOrder({ count: latents.count, batch, seed });
  return {
    start: () => {
      const [initKey, stepKey] = split(key(seed));
      return initialState(DiT.init(model, initKey), stepKey, optimizer);
    },
    step: compiledTrainStep(diffusionLoss(config, latents.scale), optimizer, steps),
    batchAt: (step) => {
      const indices = order.indices(step);
      return {
        posterior: latents.gather(indices),
        labels: tensor(gatherLabels(labels, indices)),
      };
    },
  };
}
