// How near samples lie to the images that a model was trained on: copies are nearer than new images.

import { compile, tensor, type Tensor } from '@tessera/tensor';
import { scalePixels } from '../data/batches.ts';
import { pixelCount, type ImageSet } from '../data/data-set.ts';

/** Samples compared at once, and training images. */
const SAMPLES = 500;
const IMAGES = 2000;

/** The squared distance from each of some samples to the nearest of some images, compiled once for all calls. */
const nearest = compile((a: Tensor, b: Tensor): Tensor => {
  const products = a.matmul(b.transpose()); // [S, T]
  const squares = b.square().sum(1); // [T]
  return squares.sub(products.mul(2)).min(1).add(a.square().sum(1));
});

/**
 * The distance from each sample to the nearest image of a set: root mean square over pixels of [-1, 1]. It is
 * computed as |a|² + |b|² − 2 a·b, so two equal images may be 0.001 apart.
 *
 * @param samples `[count, channels, rows, columns]`
 * @returns `[count]`
 */
export async function nearestImages(samples: Float32Array, set: ImageSet): Promise<Float64Array> {
  const pixels = pixelCount(set);
  const count = samples.length / pixels;
  const least = new Float64Array(count).fill(Infinity);
  for (let first = 0; first < set.count; first += IMAGES) {
    const some = set.images.subarray(first * pixels, (first + IMAGES) * pixels);
    const b = tensor(scalePixels(some), { shape: [some.length / pixels, pixels] });
    for (let start = 0; start < count; start += SAMPLES) {
      const part = samples.subarray(start * pixels, (start + SAMPLES) * pixels);
      const a = tensor(part, { shape: [part.length / pixels, pixels] });
      const squared = nearest(a, b);
      (await squared.data()).forEach((value: number, i: number) => {
        least[start + i] = Math.min(least[start + i], Math.max(0, value) / pixels);
      });
      for (const done of [a, squared]) done.dispose();
    }
    b.dispose();
  }
  return least.map(Math.sqrt);
}

/** The value below which a share of the values lies. */
export function quantile(values: Float64Array, share: number): number {
  const sorted = values.toSorted();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}
