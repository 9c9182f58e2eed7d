// The first stage of a run: the autoencoder.

import { split, tensor, type Tensor } from '@tessera/tensor';
import { Autoencoder, autoencoderLoss } from '../../autoencoder/autoencoder.ts';
import { imageShapeOf, type AutoencoderConfig } from '../../config/autoencoder-config.ts';
import type { TrainConfig } from '../../config/config.ts';
import type { OptimizerConfig } from '../../config/optimizer-config.ts';
import { batchOrder, gatherImages } from '../../data/batches.ts';
import type { ImageSet } from '../../data/data-set.ts';
import { plainOptimizer } from '../optimizer.ts';
import { compiledTrainStep, initialState, type Loss, type TrainState } from '../step.ts';
import { runLogged, savesOf, startOf, type Run } from './run.ts';

/** How the autoencoder of a run is trained. */
export interface AutoencoderTraining {
  readonly loss: Loss<Autoencoder, Tensor>;
  readonly settings: OptimizerConfig;
  readonly steps: number;
}

/** The training of an autoencoder: by AdamW on a cosine. */
export function autoencoderTraining(
  { klWeight, learningRate, steps }: AutoencoderConfig,
  { optimizer }: Pick<TrainConfig, 'optimizer'>,
): AutoencoderTraining {
  return {
    loss: (model, images, lossKey) => autoencoderLoss(model, images, lossKey, klWeight),
    settings: { ...plainOptimizer(optimizer), learningRate },
    steps,
  };
}

/** Trains the autoencoder and gives its moving average. */
export async function trainAutoencoder(
  run: Run,
  sizes: AutoencoderConfig,
  set: ImageSet,
  random: Tensor,
): Promise<Autoencoder> {
  const { config, onStage, onProgress } = run;
  const { batch } = sizes;
  const { loss, settings, steps } = autoencoderTraining(sizes, config);
  const { size, channels } = imageShapeOf(sizes);
  const [initKey, stepKey] = split(random);
  const order = batchOrder({ count: set.count, batch, seed: config.seed });
  // The first step takes over the memory of the key that it is given.
  const first = (): TrainState<Autoencoder> =>
    initialState(new Autoencoder(sizes, initKey), stepKey.add(0));
  const start = startOf(run, 'autoencoder', first());
  onStage?.({ name: 'autoencoder', totalSteps: steps, stepsBefore: start.stepsBefore });
  const state = await runLogged(run, 'Autoencoder training loss', {
    ...start,
    name: 'autoencoder',
    first,
    step: compiledTrainStep(loss, settings, steps, { moduleNorms: true }),
    indicesAt: (i) => order.indices(i),
    batchAt: (i) =>
      tensor(gatherImages(set, order.indices(i)), { shape: [batch, channels, size, size] }),
    batch,
    totalSteps: steps,
    logEvery: config.logEvery,
    onProgress,
    saves: savesOf(run, 'autoencoder'),
  });
  return state.average;
}
