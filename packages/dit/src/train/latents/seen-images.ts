// Which images a training sees, and the scale of latents, whatever number of steps it will have.

import type { Autoencoder } from '../../autoencoder/autoencoder.ts';
import type { TrainConfig } from '../../config/config.ts';
import { batchOrder, epochOrder } from '../../data/batches.ts';
import { pixelCount, type ImageSet } from '../../data/data-set.ts';
import { gatherRows } from '../../data/gather-rows.ts';
import { encodeLatents, type LatentSet } from '../../codec/latents.ts';

/** The images of a set that a training sees. */
export interface SeenImages {
  /** These images, in the order of the whole set. */
  readonly set: ImageSet;
  /** Where some images of the whole set stand in it. */
  rowsOf(images: Int32Array): Int32Array;
}

/** The images that the first steps see, or all images if those steps are an epoch or more. */
export function seenImages(
  all: ImageSet,
  { steps, batch, seed }: Pick<TrainConfig, 'steps' | 'batch' | 'seed'>,
): SeenImages {
  if (steps >= batchOrder({ count: all.count, batch, seed }).stepsPerEpoch) {
    return { set: all, rowsOf: (images) => images };
  }
  const seen = epochOrder(all.count, seed, 0)
    .slice(0, steps * batch)
    .sort();
  const rows = new Int32Array(all.count);
  seen.forEach((image, row) => {
    rows[image] = row;
  });
  return { set: pick(all, seen), rowsOf: (images) => images.map((image) => rows[image]) };
}

/** Most images that the scale of latents is measured on. It is then known to about a thousandth. */
const MEASURED = 4000;

/**
 * The factor that gives latents unit variance, see {@link LatentSet.scale}, measured on images that are spread evenly
 * over the set.
 *
 * @param encoded the latents of the seen images
 */
export async function latentScaleOf(
  autoencoder: Autoencoder,
  all: ImageSet,
  seen: SeenImages,
  encoded: LatentSet,
): Promise<number> {
  const count = Math.min(MEASURED, all.count);
  // These latents are those of all images.
  if (seen.set === all && count === all.count) return encoded.scale;
  const spread = Int32Array.from({ length: count }, (_, i) => Math.floor((i * all.count) / count));
  return (await encodeLatents(autoencoder, pick(all, spread), count)).scale;
}

/** Some images of a set. */
function pick(set: ImageSet, indices: Int32Array): ImageSet {
  const size = pixelCount(set);
  const images = gatherRows(set.images, size, indices, new Uint8Array(indices.length * size));
  const { rows, columns, channels = 1 } = set;
  return { images, count: indices.length, rows, columns, channels };
}
