// A set of feature vectors with their mean and covariance in float64.

import { kindOf, ShapeError, ValueError } from '@tessera/tensor';
import type { Matrix } from '@tessera/tensor/linalg';
import { checkArray, checkWhole } from '../config/argument-check.ts';
import { gatherRows } from '../data/gather-rows.ts';

/** Feature vectors, one behind the other. */
export interface FeatureSet {
  /** `[count, length]`, row-major. */
  readonly values: Float32Array;
  /** Numbers of one vector. */
  readonly length: number;
}

/** The mean and the covariance of a set of feature vectors. */
export interface FeatureMoments {
  /** Number of vectors that were measured. */
  readonly count: number;
  /** `[length]` */
  readonly mean: Float64Array;
  /** `[length, length]`, divided by count − 1. */
  readonly covariance: Matrix;
}

/** Throws unless `set` is whole vectors of finite numbers, at least two of them. */
export function checkFeatures(op: string, { values, length }: FeatureSet): void {
  checkArray(op, 'values', values, 'Float32Array');
  checkWhole(op, 'length', length, 1);
  if (values.length % length !== 0 || values.length < 2 * length) {
    throw new ShapeError(
      op,
      `${values.length} numbers are not two or more vectors of ${length}. Give [count, ${length}].`,
      [[values.length], [length]],
    );
  }
  const bad = values.find((value) => !Number.isFinite(value));
  if (bad !== undefined) {
    throw new ValueError(op, `a feature is ${kindOf(bad)}, expected finite numbers.`);
  }
}

/** Number of vectors in a set. */
export function featureCount({ values, length }: FeatureSet): number {
  return values.length / length;
}

/** The vectors with these numbers. */
export function selectFeatures(
  { values, length }: FeatureSet,
  indices: ArrayLike<number>,
): FeatureSet {
  const selected = new Float32Array(indices.length * length);
  return { values: gatherRows(values, length, indices, selected), length };
}

/**
 * The mean and the covariance of a set of feature vectors, in float64. The covariance is the unbiased one,
 * as numpy.cov computes it.
 *
 * @throws ShapeError for fewer than two vectors; ValueError if a number is not finite
 */
export function featureMoments(set: FeatureSet): FeatureMoments {
  checkFeatures('featureMoments', set);
  const { values, length: n } = set;
  const count = featureCount(set);
  const mean = new Float64Array(n);
  for (let i = 0; i < values.length; i++) mean[i % n] += values[i];
  for (let j = 0; j < n; j++) mean[j] /= count;
  const elements = new Float64Array(n * n);
  const centred = new Float64Array(n);
  for (let start = 0; start < values.length; start += n) {
    for (let j = 0; j < n; j++) centred[j] = values[start + j] - mean[j];
    for (let j = 0; j < n; j++) {
      const factor = centred[j];
      for (let k = j; k < n; k++) elements[j * n + k] += factor * centred[k];
    }
  }
  for (let j = 0; j < n; j++) {
    for (let k = j; k < n; k++) {
      elements[j * n + k] /= count - 1;
      elements[k * n + j] = elements[j * n + k];
    }
  }
  return { count, mean, covariance: { rows: n, columns: n, elements } };
}
