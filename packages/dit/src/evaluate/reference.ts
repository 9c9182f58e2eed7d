// What real images score on a ruler: the marks beside which the scores of samples are read.

import { normal, ValueError, type Tensor } from '@tessera/tensor';
import { checkFields } from '../config/argument-check.ts';
import { scalePixels } from '../data/batches.ts';
import { pixelCount, type AnnotatedImages, type Labels } from '../data/data-set.ts';
import { checkImages } from '../data/idx.ts';
import { nearestImages, quantile } from './copies.ts';
import {
  featureMoments,
  selectFeatures,
  type FeatureMoments,
  type FeatureSet,
} from './features.ts';
import { frechetFrom } from './frechet.ts';
import { readImages, type Ruler } from './ruler.ts';

/** The two halves of a data set, in the square of a run. Test images have labels. */
export interface RealImages {
  readonly train: AnnotatedImages;
  readonly test: AnnotatedImages;
}

/** Marks on the scale of a ruler. */
export interface Marks {
  /** Share of the test images that the ruler reads right: samples should not be expected to beat it. */
  readonly accuracy: number;
  /** The Fréchet distance of as many training images as there are samples, from all test images. */
  readonly floor: number;
  /** The Fréchet distance of noise from all test images. */
  readonly ceiling: number;
}

/** Real images as a ruler reads them. */
export interface Reference {
  readonly marks: Marks;
  readonly test: AnnotatedImages;
  readonly train: AnnotatedImages;
  /** Features of all test images, and their moments. */
  readonly features: FeatureSet;
  readonly moments: FeatureMoments;
  /** The Fréchet distance of other features from those of all test images. */
  readonly distance: (features: FeatureSet) => number;
  /** Distance to the nearest training image that one in a hundred test images falls below. */
  readonly copyDistance: number;
}

/** Test images whose nearest training images are looked up, at most. */
const MOST_LOOKUPS = 2000;

/** Fewest samples: precision and recall look at three neighbours of each. */
export const LEAST_SAMPLES = 4;

/** Throws unless these are real images for a ruler, and both they and the samples are enough to compare. */
export function checkReal(op: string, ruler: Ruler, real: RealImages, samples: number): void {
  checkFields(op, 'ruler', ruler, ['lenet', 'card'], 'readRuler gives one.');
  const hint = 'readData gives both.';
  checkFields(op, 'real', real, ['train', 'test'], hint);
  const { side } = ruler.card;
  for (const set of [real.train, real.test]) {
    checkFields(op, 'real', set, ['images', 'count', 'rows', 'columns', 'labels'], hint);
    checkImages(op, set);
    if (set.rows === side && set.columns === side) continue;
    throw new ValueError(
      op,
      `the images are ${set.rows}×${set.columns}, but the ruler reads ${side}×${side}.`,
    );
  }
  if (samples >= LEAST_SAMPLES && real.test.count >= LEAST_SAMPLES) return;
  throw new ValueError(op, `expected at least ${LEAST_SAMPLES} samples and test images.`);
}

/** Reads the real images. */
export async function readReference(
  ruler: Ruler,
  real: RealImages,
  samples: number,
  random: Tensor,
): Promise<Reference> {
  const { train, test } = real;
  const { features, classes } = await readImages(ruler, scalePixels(test.images));
  const moments = featureMoments(features);
  const distanceOfMoments = frechetFrom(moments);
  const distance = (some: FeatureSet): number => distanceOfMoments(featureMoments(some));
  const size = pixelCount(train);
  const some = scalePixels(train.images.subarray(0, Math.min(samples, train.count) * size));
  const noise = normal(random, [Math.min(samples, test.count), size])
    .maximum(-1)
    .minimum(1);
  const lookups = scalePixels(test.images.subarray(0, MOST_LOOKUPS * size));
  return {
    marks: {
      accuracy: shareEqual(classes, labelsOf(test)),
      floor: distance((await readImages(ruler, some)).features),
      ceiling: distance((await readImages(ruler, (await noise.data()) as Float32Array)).features),
    },
    test,
    train,
    features,
    moments,
    distance,
    copyDistance: quantile(await nearestImages(lookups, train), 0.01),
  };
}

/** The labels of images. Throws a ValueError if there are none: a ruler reads classes. */
export function labelsOf({ labels }: AnnotatedImages): Labels {
  if (labels !== undefined) return labels;
  throw new ValueError('evaluate', 'the data have no labels, and a ruler reads classes.');
}

/** Share of places where two lists are equal. */
export function shareEqual(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).filter((value, i) => value === b[i]).length / a.length;
}

/** As many of the test images' features as there are samples, spread evenly. */
export function someFeatures(features: FeatureSet, count: number): FeatureSet {
  const all = features.values.length / features.length;
  const kept = Math.min(count, all);
  const indices = Int32Array.from({ length: kept }, (_, i) => Math.floor((i * all) / kept));
  return selectFeatures(features, indices);
}
