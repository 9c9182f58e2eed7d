// What the trainings of a scaling study share: latents of one autoencoder, and the judge of their samples.

import { join } from 'node:path';
import { tensor } from '@tessera/tensor';
import { IMAGE_SIZE } from '../config/autoencoder-config.ts';
import { gatherImages, padImages } from '../data/batches.ts';
import { loadMnist, type DigitSet } from '../data/mnist.ts';
import { createJudge } from '../evaluate/judge.ts';
import { readRuler } from '../evaluate/ruler.ts';
import type { Judge } from '../train/evaluation/judge.ts';
import {
  sharedLatents,
  type LabelledImages,
  type SharedLatents,
} from '../train/latents/shared-latents.ts';
import type { TrainProgress } from '../train/options.ts';
import { autoencoderHash, checkAutoencoder, SCALE_FILES, writeMarks } from './folder.ts';
import type { Recipe } from './recipe.ts';

/** Images to train on and to compare with, in the square of the autoencoder. */
export interface Halves {
  readonly train: LabelledImages;
  readonly test: LabelledImages;
}

/** What the trainings share. */
export interface Laboratory extends SharedLatents {
  readonly judge: Judge;
}

/** The digits of MNIST. */
export async function loadDigits(): Promise<Halves> {
  const padded = ({ labels, ...set }: DigitSet): LabelledImages => ({
    ...padImages(set, IMAGE_SIZE),
    labels,
  });
  const { train, test } = await loadMnist();
  return { train: padded(train), test: padded(test) };
}

/** Trains the autoencoder, or reads it from the folder, and measures what no model should be expected to beat. */
export async function openLaboratory(
  folder: string,
  { config, samples }: Recipe,
  { train, test }: Halves,
  onProgress: (progress: TrainProgress) => void,
): Promise<Laboratory> {
  const path = join(folder, SCALE_FILES.autoencoder);
  const shared = await sharedLatents(path, config, train, onProgress);
  await checkAutoencoder(folder);
  const judge = await createJudge(config.model, await readRuler(), test, samples);
  const { autoencoder } = shared;
  const real = await judge(({ labels }) => Promise.resolve(imagesOf(train, labels)));
  const rebuilt = await judge(async ({ labels }) => {
    const shape = [labels.length, train.channels ?? 1, train.rows, train.columns];
    const { mean } = autoencoder.encode(tensor(imagesOf(train, labels), { shape }));
    return (await autoencoder.decode(mean).data()) as Float32Array;
  });
  await writeMarks(folder, { autoencoder: await autoencoderHash(folder), real, rebuilt });
  return { ...shared, judge };
}

/** The first images of a set that show some classes: a new one for each label, from the start again after the last. */
function imagesOf(set: LabelledImages, labels: readonly number[]): Float32Array {
  const next = new Map<number, number>();
  const indices = labels.map((label) => {
    const found = set.labels.indexOf(label, next.get(label) ?? 0);
    const image = Math.max(0, found === -1 ? set.labels.indexOf(label) : found);
    next.set(label, image + 1);
    return image;
  });
  return gatherImages(set, Int32Array.from(indices));
}
