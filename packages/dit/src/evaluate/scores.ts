// The scores of a set of samples on a ruler.

import { nearestImages, quantile } from './copies.ts';
import { unbiasedFrechet } from './frechet.ts';
import { precisionRecall } from './manifold.ts';
import { shareEqual, someFeatures, type Reference } from './reference.ts';
import { readImages, type Ruler } from './ruler.ts';

/** What a ruler says of a set of samples. */
export interface Scores {
  /** Share of the samples that are read as the class that was asked for; absent where none was. */
  readonly accuracy?: number;
  /** Fréchet distance from all test images in the features of the ruler. */
  readonly fcd: number;
  /** Its estimate for endless many samples; absent for too few of them. */
  readonly fcdUnbiased?: number;
  /** Share of the samples among the test images, and of the test images among the samples. */
  readonly precision: number;
  readonly recall: number;
  /** Median distance to the nearest training image, root mean square over pixels of [-1, 1]. */
  readonly nearest: number;
  /** Share of samples nearer to a training image than one in a hundred test images is. */
  readonly copies: number;
}

/** Samples for each number of a feature vector that the estimate of endless many samples needs. */
const UNBIASED_SHARE = 5;

/**
 * Scores samples.
 *
 * @param images `[count, side, side]`, about in [-1, 1]
 * @param labels the classes that were asked for
 */
export async function scoreSamples(
  ruler: Ruler,
  reference: Reference,
  images: Float32Array,
  labels?: ArrayLike<number>,
): Promise<Scores> {
  const { features, classes } = await readImages(ruler, images);
  const count = classes.length;
  const nearest = await nearestImages(images, reference.train);
  const copies = nearest.filter((distance) => distance < reference.copyDistance).length / count;
  return {
    ...(labels !== undefined && { accuracy: shareEqual(classes, labels) }),
    fcd: reference.distance(features),
    ...(count >= UNBIASED_SHARE * features.length && {
      fcdUnbiased: unbiasedFrechet(features, reference.moments),
    }),
    ...precisionRecall(features, someFeatures(reference.features, count)),
    nearest: quantile(nearest, 0.5),
    copies,
  };
}
