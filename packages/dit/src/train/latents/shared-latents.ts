// Images as latents of one autoencoder, which several trainings share and a file keeps.

import { existsSync } from 'node:fs';
import { checkFunction, key, split, tensor, type Tensor } from '@tessera/tensor';
import { Autoencoder } from '../../autoencoder/autoencoder.ts';
import { codecOf } from '../../codec/codec.ts';
import { checkFields, checkText } from '../../config/argument-check.ts';
import type { AutoencoderTrainConfig } from '../../config/config.ts';
import { batchOrder, gatherImages } from '../../data/batches.ts';
import type { ImageSet, Labels } from '../../data/data-set.ts';
import { checkImages } from '../../data/idx.ts';
import { loadModule, saveModule } from '../../run/checkpoint.ts';
import type { TrainProgress } from '../options.ts';
import { autoencoderTraining } from '../stages/autoencoder-stage.ts';
import { runStage } from '../stages/stage.ts';
import { compiledTrainStep, initialState } from '../step.ts';
import type { LabelledLatents } from './latent-training.ts';

/** Images with the class of each, in the square that the autoencoder takes. */
export type LabelledImages = ImageSet & { readonly labels: Labels };

/** What several trainings share. */
export interface SharedLatents extends LabelledLatents {
  readonly autoencoder: Autoencoder;
}

/**
 * Encodes images for several trainings. The autoencoder is read from a file; if there is none, it is trained as that of
 * a run, and the file is written.
 *
 * @param path a safetensors file
 * @param config the sizes and the training of the autoencoder, and its seed
 * @param onProgress called along its training
 * @throws ValueError if the file cannot be written; FormatError if it holds another autoencoder
 * @example
 * // not run: takes seconds
 * const { train: set } = await loadMnist();
 * const digits = { ...padImages(set, 32), labels: set.labels };
 * const { latents } = await sharedLatents('autoencoder.safetensors', presetConfig('smoke'), digits);
 * latents.count; // 60000
 */
export async function sharedLatents(
  path: string,
  config: AutoencoderTrainConfig,
  images: LabelledImages,
  onProgress?: (progress: TrainProgress) => void,
): Promise<SharedLatents> {
  checkText('sharedLatents', 'path', path);
  const fields = ['autoencoder', 'optimizer', 'seed'];
  checkFields('sharedLatents', 'config', config, fields, 'Make one with presetConfig(…).');
  checkFields('sharedLatents', 'images', images, ['labels'], 'loadMnist gives some.');
  checkImages('sharedLatents', images);
  if (onProgress !== undefined) checkFunction('sharedLatents', onProgress);
  if (!existsSync(path)) await saveModule(path, await trained(config, images, onProgress));
  const autoencoder = await loadModule(path, Autoencoder.blank(config.autoencoder));
  const latents = await codecOf(config, autoencoder).prepare(images, images.count);
  return { autoencoder, latents, labels: images.labels };
}

/** A trained autoencoder: the average of its weights. */
async function trained(
  config: AutoencoderTrainConfig,
  images: ImageSet,
  onProgress: ((progress: TrainProgress) => void) | undefined,
): Promise<Autoencoder> {
  const { autoencoder: sizes, seed } = config;
  const { batch } = sizes;
  const { loss, settings, steps } = autoencoderTraining(sizes, config);
  const { count, channels = 1, rows, columns } = images;
  const order = batchOrder({ count, batch, seed });
  const [initKey, stepKey] = split(key(seed));
  const { average } = await runStage<Autoencoder, Tensor>({
    name: 'autoencoder',
    step: compiledTrainStep(loss, settings, steps),
    state: initialState(new Autoencoder(sizes, initKey), stepKey),
    stepsBefore: 0,
    batchAt: (i) =>
      tensor(gatherImages(images, order.indices(i)), { shape: [batch, channels, rows, columns] }),
    batch,
    totalSteps: steps,
    onRows: () => Promise.resolve(),
    onProgress,
  });
  return average;
}
