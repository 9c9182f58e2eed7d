// The autoencoder that all rows of the table share.

import { key, tensor, type Tensor } from '@tessera/tensor';
import {
  autoencoderLoss,
  batchOrder,
  compiledTrainStep,
  gatherImages,
  initialState,
  type Autoencoder,
  type AutoencoderTrainConfig,
} from '@tessera/dit';
import type { DigitSet } from '@tessera/dit/node';

/** Trains an autoencoder as a run does, and gives its average. */
export async function trainAutoencoder(
  start: Autoencoder,
  set: DigitSet,
  { autoencoder, optimizer }: AutoencoderTrainConfig,
  steps: number,
): Promise<Autoencoder> {
  const { batch, klWeight, learningRate } = autoencoder;
  const order = batchOrder({ count: set.count, batch, seed: 0 });
  const loss = (model: Autoencoder, images: Tensor, random: Tensor): Tensor =>
    autoencoderLoss(model, images, random, klWeight);
  const step = compiledTrainStep(loss, { ...optimizer, learningRate }, steps);
  let state = initialState(start, key(1));
  for (let i = 0; i < steps; i++) {
    const shape = [batch, 1, set.rows, set.columns];
    [state] = step(state, tensor(gatherImages(set, order.indices(i)), { shape }));
    if (i % 100 === 0) await new Promise(setImmediate);
  }
  return state.average;
}
