// Checks before the first step all that a run will need at its end.

import { ValueError } from '@tessera/tensor';
import { parseTrainConfig, type TrainConfig } from '../config/config.ts';
import { codecName } from '../config/codec/codec-rules.ts';
import { lastLabel, type BadFile, type DataSet } from '../data/data-set.ts';
import { MNIST_CLASSES } from '../data/mnist.ts';
import { runDiffusion } from '../diffusion/run-diffusion.ts';
import { noImages, noLatents } from './run-data.ts';

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
 * Checks that the data are of the kind that the run takes, that there are enough for a batch, that the model knows all
 * labels, and that images have captions if the model reads text.
 */
export function checkData(config: TrainConfig, found: DataSet): void {
  const { autoencoder, batch, model, data, classNames } = config;
  const takesLatents = codecName(config) === 'latents';
  if (found.kind === 'latents' && !takesLatents) throw noImages(config);
  if (found.kind === 'images' && takesLatents) throw noLatents(config);
  const { train, classNames: names = classNames } = found;
  const largest = Math.max(autoencoder?.batch ?? 0, batch);
  if (largest > train.count) {
    throw new ValueError(
      'train',
      `a batch of ${largest} ${found.kind} cannot be drawn from the ${train.count} training ${found.kind}. Choose a smaller --batch, or more data.`,
    );
  }
  if (model.numClasses > 0 && train.labels === undefined) {
    throw new ValueError(
      'train',
      `the ${found.kind} of ${data} have no labels, but model.numClasses is ${model.numClasses}. Set it to 0.`,
    );
  }
  const last = lastLabel(train.labels);
  if (model.numClasses > 0 && last >= model.numClasses) {
    throw new ValueError(
      'train',
      `the ${found.kind} of ${data} have labels up to ${last}, but model.numClasses is ${model.numClasses}, so that labels go up to ${model.numClasses - 1}. Set model.numClasses to ${last + 1}.`,
    );
  }
  const text = model.conditions?.find(({ kind }) => kind === 'text');
  const isDigits =
    found.kind === 'images' && names === undefined && last >= 0 && last < MNIST_CLASSES;
  if (text !== undefined && train.captions === undefined && !isDigits) {
    const told =
      names === undefined
        ? last < 0
          ? 'no labels'
          : `labels up to ${last}`
        : `classes such as ${names[0]}`;
    throw new ValueError(
      'train',
      `the condition '${text.name}' reads captions of digits, but the ${found.kind} of ${data} have ${told}. Leave the text out, add captions to the data, or train on digits without classNames.`,
    );
  }
}

/** The classes of the training images, in ascending order. */
export function classesOf({ train }: DataSet): number[] {
  return [...new Set(train.labels ?? [0])].sort((a, b) => a - b);
}

/** Bad files that a notice names. */
const NAMED_FILES = 5;

/** One sentence about bad files that are left out. */
export function badNotice({ bad }: { readonly bad: readonly BadFile[] }): string {
  const named = bad.slice(0, NAMED_FILES).map(({ path, problem }) => `${path} (${problem})`);
  const more = bad.length > NAMED_FILES ? `, and ${bad.length - NAMED_FILES} more` : '';
  return `${bad.length} bad ${bad.length === 1 ? 'file is' : 'files are'} left out: ${named.join(', ')}${more}.`;
}
