// Checks before the first step all that a run will need at its end.

import { ValueError } from '@tessera/tensor';
import { parseTrainConfig, type TrainConfig } from '../config/config.ts';
import { MNIST_CLASSES, type Mnist } from '../data/mnist.ts';
import { runDiffusion } from '../diffusion/run-diffusion.ts';

/** Denoising steps of a preview. They are fewer than those of the last grid, for speed. */
export const PREVIEW_STEPS = 20;

/**
 * Checks a configuration as `parseTrainConfig` does. It also checks that the training and each of its
 * pictures have a diffusion process.
 *
 * @throws FormatError, ValueError
 */
export function checkConfig(config: TrainConfig): void {
  parseTrainConfig(config, 'config');
  const { steps } = config.sampling;
  for (const kept of [undefined, steps, Math.min(PREVIEW_STEPS, steps)]) runDiffusion(config, kept);
}

/**
 * Checks that there are enough images for a batch, that the model knows all labels, and that images have captions
 * if the model reads text.
 */
export function checkData(
  { autoencoder, batch, model, data, classNames }: TrainConfig,
  { train, classNames: names = classNames }: Mnist,
): void {
  const largest = Math.max(autoencoder.batch, batch);
  if (largest > train.count) {
    throw new ValueError(
      'train',
      `a batch of ${largest} images cannot be drawn from the ${train.count} training images. Choose a smaller --batch, or more data.`,
    );
  }
  const last = train.labels.reduce((most, label) => Math.max(most, label), 0);
  if (model.numClasses > 0 && last >= model.numClasses) {
    throw new ValueError(
      'train',
      `the images of ${data} have labels up to ${last}, but model.numClasses is ${model.numClasses}, so that labels go up to ${model.numClasses - 1}. Set model.numClasses to ${last + 1}.`,
    );
  }
  const text = model.conditions?.find(({ kind }) => kind === 'text');
  if (text !== undefined && (names !== undefined || last >= MNIST_CLASSES)) {
    const found = names === undefined ? `labels up to ${last}` : `classes such as ${names[0]}`;
    throw new ValueError(
      'train',
      `the condition '${text.name}' reads captions of digits, but the images of ${data} have ${found}. Leave the text out, or train on digits without classNames.`,
    );
  }
}

/** The classes of the training images, in ascending order. */
export function classesOf({ train }: Mnist): number[] {
  return [...new Set(train.labels)].sort((a, b) => a - b);
}
