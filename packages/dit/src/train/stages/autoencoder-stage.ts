// The first stage of a run: the autoencoder.

import { split, tensor, type Tensor } from '@tessera/tensor';
import { Autoencoder, autoencoderLoss } from '../../autoencoder/autoencoder.ts';
import { imageShapeOf, type AutoencoderConfig } from '../../config/autoencoder-config.ts';
import { batchOrder, gatherImages } from '../../data/batches.ts';
import type { ImageSet } from '../../data/data-set.ts';
import { plainOptimizer } from '../optimizer.ts';
import { compiledTrainStep, initialState } from '../step.ts';
import { runLogged, savesOf, startOf, type Run } from './run.ts';

/** Trains the autoencoder and gives its moving average. */
export async function trainAutoencoder(
  run: Run,
  sizes: AutoencoderConfig,
  set: ImageSet,
  random: Tensor,
): Promise<Autoencoder> {
  const { config, onStage, onProgress } = run;
  const { steps, batch, klWeight, learningRate } = sizes;
  const { size, channels } = imageShapeOf(sizes);
  const [initKey, stepKey] = split(random);
  const order = batchOrder({ count: set.count, batch, seed: config.seed });
  const first = initialState(new Autoencoder(sizes, initKey), stepKey);
  const start = startOf(run, 'autoencoder', first);
  onStage?.({ name: 'autoencoder', totalSteps: steps, stepsBefore: start.stepsBefore });
  const state = await runLogged(run, 'Autoencoder training loss', {
    ...start,
    name: 'autoencoder',
    step: compiledTrainStep(
      (model: Autoencoder, images: Tensor, lossKey: Tensor) =>
        autoencoderLoss(model, images, lossKey, klWeight),
      { ...plainOptimizer(config.optimizer), learningRate },
      steps,
    ),
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
