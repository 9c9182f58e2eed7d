// The Fréchet distance between two sets of features, and its value for endless many samples.

import { kindOf, ShapeError, ValueError } from '@tessera/tensor';
import { matrixProduct, symmetricEigen, type Matrix } from '@tessera/tensor/linalg';
import { epochOrder } from '../data/batches.ts';
import {
  checkFeatures,
  featureCount,
  featureMoments,
  selectFeatures,
  type FeatureMoments,
  type FeatureSet,
} from './features.ts';

/**
 * The squared Fréchet distance between two Gaussians with the moments of two sets of features:
 *
 *     |m₁ − m₂|² + tr(C₁ + C₂ − 2 (C₁^½ C₂ C₁^½)^½)
 *
 * All of it is float64. Both roots are those of symmetric matrices, by their eigenvalues; an eigenvalue
 * below zero can only be a rounding error and counts as zero.
 *
 * The distance of two finite samples of one distribution is above 0, and it falls with their size.
 * {@link unbiasedFrechet} takes that away.
 *
 * Sources: Dowson & Landau 1982, "The Fréchet distance between multivariate normal distributions"; Heusel et
 * al. 2017, "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", equation 6.
 *
 * @throws ShapeError if the features differ in length
 */
export function frechetDistance(a: FeatureMoments, b: FeatureMoments): number {
  return frechetFrom(a)(b);
}

/** {@link frechetDistance} from one set to any number of others: the root of its covariance is taken once. */
export function frechetFrom(a: FeatureMoments): (b: FeatureMoments) => number {
  const n = a.mean.length;
  const root = squareRoot(a.covariance);
  return (b) => {
    if (b.mean.length !== n) {
      throw new ShapeError(
        'frechetDistance',
        `the features have ${n} and ${b.mean.length} numbers, expected the same.`,
        [[n], [b.mean.length]],
      );
    }
    const { values } = symmetricEigen(matrixProduct(matrixProduct(root, b.covariance), root));
    let distance = 0;
    for (let i = 0; i < n; i++) {
      distance += (a.mean[i] - b.mean[i]) ** 2;
      distance += a.covariance.elements[i * n + i] + b.covariance.elements[i * n + i];
      distance -= 2 * Math.sqrt(Math.max(0, values[i]));
    }
    return distance;
  };
}

/** The symmetric square root V·diag(√λ)·Vᵀ of a matrix without negative eigenvalues. */
function squareRoot(a: Matrix): Matrix {
  const n = a.rows;
  const { values, vectors } = symmetricEigen(a);
  const scaled = new Float64Array(n * n);
  const turned = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const element = vectors.elements[i * n + j];
      scaled[i * n + j] = element * Math.sqrt(Math.max(0, values[j]));
      turned[j * n + i] = element;
    }
  }
  return matrixProduct(
    { rows: n, columns: n, elements: scaled },
    { rows: n, columns: n, elements: turned },
  );
}

/** How many sizes of samples the line of {@link unbiasedFrechet} goes through. */
const SIZES = 15;

/** The smallest of those sizes, as a share of all samples. */
const SMALLEST_SHARE = 0.25;

/**
 * The Fréchet distance that endless many samples would have. The distance of N samples is, in expectation,
 * a constant and a term of 1 / N; a straight line through the distances of subsets of several sizes, over
 * 1 / N, meets 1 / N = 0 at the constant. The reference keeps its size, so its own part of the bias stays.
 *
 * Source: Chong & Forsyth 2020, "Effectively unbiased FID and Inception Score and where to find them",
 * section 3.
 *
 * @param samples features of the samples: four for each number of a feature vector, or more
 * @param reference moments of the real data
 * @param seed of the subsets
 * @throws ValueError for too few samples
 */
export function unbiasedFrechet(samples: FeatureSet, reference: FeatureMoments, seed = 0): number {
  checkFeatures('unbiasedFrechet', samples);
  const count = featureCount(samples);
  const smallest = Math.floor(count * SMALLEST_SHARE);
  if (smallest <= samples.length) {
    throw new ValueError(
      'unbiasedFrechet',
      `${kindOf(count)} samples are too few for features of ${samples.length} numbers. Give more than ${4 * samples.length}.`,
    );
  }
  const distance = frechetFrom(reference);
  const points = Array.from({ length: SIZES }, (_, i) => {
    const size = Math.round(smallest + ((count - smallest) * i) / (SIZES - 1));
    const subset = selectFeatures(samples, epochOrder(count, seed, i).subarray(0, size));
    return { x: 1 / size, y: distance(featureMoments(subset)) };
  });
  return intercept(points);
}

/** Where the straight line of least squares meets x = 0. */
function intercept(points: readonly { readonly x: number; readonly y: number }[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const x̄ = mean(points.map(({ x }) => x));
  const ȳ = mean(points.map(({ y }) => y));
  const slope =
    mean(points.map(({ x, y }) => (x - x̄) * (y - ȳ))) / mean(points.map(({ x }) => (x - x̄) ** 2));
  return ȳ - slope * x̄;
}
