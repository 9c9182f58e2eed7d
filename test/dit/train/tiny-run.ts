/** A training of seconds, and the data for it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  encodeIdxImages,
  encodeIdxLabels,
  presetConfig,
  type AutoencoderTrainConfig,
} from '@tessera/dit';
import { loadMnist } from '@tessera/dit/node';

/** The smoke preset, shrunk to seconds. */
export function tinyConfig(data: string): AutoencoderTrainConfig {
  const smoke = presetConfig('smoke', { steps: 120, batch: 16, seed: 1, data });
  return {
    ...smoke,
    autoencoder: { ...smoke.autoencoder, channels: [4, 8], steps: 60, batch: 16 },
    model: { ...smoke.model, hiddenSize: 32, depth: 2, numHeads: 2, patchSize: 4 },
    optimizer: { ...smoke.optimizer, learningRate: 3e-3 },
    sampling: { ...smoke.sampling, steps: 4 },
  };
}

/** The same, of a few steps and half the width, with one preview. */
export function briefConfig(data: string): AutoencoderTrainConfig {
  const tiny = tinyConfig(data);
  return {
    ...tiny,
    steps: 12,
    batch: 8,
    autoencoder: { ...tiny.autoencoder, channels: [2, 4], steps: 5, batch: 8 },
    model: { ...tiny.model, hiddenSize: 16, depth: 1 },
    optimizer: { ...tiny.optimizer, warmupSteps: 2 },
    sampling: { ...tiny.sampling, steps: 2 },
  };
}

/** The first digits of MNIST as a folder of idx files. */
export async function writeFirstDigits(folder: string, count: number): Promise<void> {
  await mkdir(folder);
  const mnist = await loadMnist();
  for (const [prefix, set] of [
    ['train', mnist.train],
    ['t10k', mnist.test],
  ] as const) {
    const size = set.rows * set.columns;
    const images = { ...set, count, images: set.images.subarray(0, count * size) };
    await writeFile(join(folder, `${prefix}-images-idx3-ubyte`), encodeIdxImages(images));
    await writeFile(
      join(folder, `${prefix}-labels-idx1-ubyte`),
      encodeIdxLabels(set.labels.subarray(0, count)),
    );
  }
}
