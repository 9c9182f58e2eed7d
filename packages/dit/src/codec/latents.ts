// Encodes all training images once, so that training the DiT need not do it again.

import { compile, kindOf, tensor, ValueError, type Tensor } from '@tessera/tensor';
import type { Autoencoder, Posterior } from '../autoencoder/autoencoder.ts';
import { checkFields } from '../config/argument-check.ts';
import { checkIndices, gatherImages } from '../data/batches.ts';
import { gatherRows } from '../data/gather-rows.ts';
import { checkImages } from '../data/idx.ts';
import type { ImageSet } from '../data/data-set.ts';

/** The posteriors of a set of images, encoded once for all training steps of the DiT. */
export interface LatentSet {
  readonly count: number;
  /** Shape of one latent: `[C, h, w]`. */
  readonly shape: readonly [number, number, number];
  /** `[count, C, h, w]`, row-major. */
  readonly mean: Float32Array;
  /** `[count, C, h, w]`, row-major. */
  readonly logVariance: Float32Array;
  /**
   * 1 / standard deviation of all values of latents drawn from the posteriors, `√(E[mean² + variance] −
   * E[mean]²)`. Latents are multiplied by it, so the diffusion starts from unit variance.
   *
   * Source: Rombach et al. 2022, "High-resolution image synthesis with latent diffusion models",
   * appendix G. Theirs is 0.18215; MNIST has another.
   */
  readonly scale: number;
}

/** Images encoded at once. */
const CHUNK = 250;

/**
 * Encodes the first `count` images of a set.
 *
 * @param set images of a size that the autoencoder takes
 * @throws ValueError unless count is a whole number from 1 to the images of the set
 * @example
 * const autoencoder = new Autoencoder({ channels: [4, 8], latentChannels: 2 }, key(0));
 * const digits = { images: new Uint8Array(3 * 8 * 8), count: 3, rows: 8, columns: 8 };
 * const latents = await encodeLatents(autoencoder, digits, 3);
 * latents.shape; // [2, 4, 4]
 */
export async function encodeLatents(
  autoencoder: Autoencoder,
  set: ImageSet,
  count: number,
): Promise<LatentSet> {
  const hint = 'Give an Autoencoder.';
  checkFields('encodeLatents', 'autoencoder', autoencoder, ['encode'], hint);
  checkImages('encodeLatents', set);
  if (!Number.isInteger(count) || count < 1 || count > set.count) {
    throw new ValueError(
      'encodeLatents',
      `count is ${kindOf(count)}, expected a whole number from 1 to ${set.count}.`,
    );
  }
  const encode = compile((model: Autoencoder, images: Tensor) => {
    const { mean, logVariance } = model.encode(images);
    const square = mean.square().add(logVariance.exp());
    return { mean, logVariance, first: mean.mean(), second: square.mean() };
  });
  let [channels, height, width] = [0, 0, 0];
  // The first and second moment of a latent's values, summed over the images.
  let [first, second] = [0, 0];
  let mean = new Float32Array();
  let logVariance = mean;
  for (let start = 0; start < count; start += CHUNK) {
    const size = Math.min(CHUNK, count - start);
    const indices = Int32Array.from({ length: size }, (_, i) => start + i);
    const images = tensor(gatherImages(set, indices), {
      shape: [size, set.channels ?? 1, set.rows, set.columns],
    });
    const chunk = encode(autoencoder, images);
    if (start === 0) {
      [, channels, height, width] = chunk.mean.shape;
      mean = new Float32Array(count * channels * height * width);
      logVariance = new Float32Array(mean.length);
    }
    const at = start * channels * height * width;
    mean.set(await chunk.mean.data(), at);
    logVariance.set(await chunk.logVariance.data(), at);
    first += size * (await chunk.first.item());
    second += size * (await chunk.second.item());
    for (const done of [images, ...Object.values(chunk)]) done.dispose();
  }
  return {
    count,
    shape: [channels, height, width],
    mean,
    logVariance,
    scale: 1 / Math.sqrt(second / count - (first / count) ** 2),
  };
}

/**
 * The posteriors of some images of a set, as tensors `[B, C, h, w]`, for a step of {@link diffusionLoss}.
 *
 * @param indices which images: [B]
 * @example
 * const autoencoder = new Autoencoder({ channels: [4, 8], latentChannels: 2 }, key(0));
 * const digits = { images: new Uint8Array(3 * 8 * 8), count: 3, rows: 8, columns: 8 };
 * const latents = await encodeLatents(autoencoder, digits, 3);
 * gatherPosteriors(latents, Int32Array.of(2, 0)).mean; // float32[2, 2, 4, 4]
 */
export function gatherPosteriors(set: LatentSet, indices: Int32Array): Posterior {
  const fields = ['count', 'shape', 'mean', 'logVariance'];
  checkFields('gatherPosteriors', 'set', set, fields, 'encodeLatents gives one.');
  checkIndices('gatherPosteriors', indices, set.count);
  const size = set.shape[0] * set.shape[1] * set.shape[2];
  const gather = (values: Float32Array): Tensor => {
    const rows = gatherRows(values, size, indices, new Float32Array(indices.length * size));
    return tensor(rows, { shape: [indices.length, ...set.shape] });
  };
  return { mean: gather(set.mean), logVariance: gather(set.logVariance) };
}
