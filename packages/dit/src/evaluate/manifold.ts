// Precision and recall of samples by nearest neighbours.

import { ShapeError, ValueError } from '@tessera/tensor';
import { checkWhole } from '../config/argument-check.ts';
import { checkFeatures, featureCount, type FeatureSet } from './features.ts';

/** How far samples and real data cover each other. */
export interface PrecisionRecall {
  /** Share of the samples that lie among the real data: fidelity. */
  readonly precision: number;
  /** Share of the real data that lie among the samples: diversity. */
  readonly recall: number;
}

/**
 * Precision and recall by k nearest neighbours. Each vector of a set owns the ball that reaches to its k-th
 * neighbour in the same set; a vector of the other set counts if it lies in one of the balls.
 *
 * Source: Kynkäänniemi et al. 2019, "Improved precision and recall metric for assessing generative models",
 * section 2.
 *
 * @param k Default 3.
 * @throws ShapeError if the sets differ in the length of vectors; ValueError unless both have more than k
 */
export function precisionRecall(samples: FeatureSet, real: FeatureSet, k = 3): PrecisionRecall {
  checkPair('precisionRecall', samples, real);
  checkWhole('precisionRecall', 'k', k, 1);
  const fewer = Math.min(featureCount(samples), featureCount(real));
  if (fewer <= k) {
    throw new ValueError('precisionRecall', `a set has ${fewer} vectors, expected more than ${k}.`);
  }
  return {
    precision: shareInside(samples, real, neighbourDistances(real, k)),
    recall: shareInside(real, samples, neighbourDistances(samples, k)),
  };
}

/** The squared distance from each vector to its k-th neighbour in the same set. */
function neighbourDistances(set: FeatureSet, k: number): Float64Array {
  const count = featureCount(set);
  return Float64Array.from({ length: count }, (_, i) => {
    // The k least distances so far, ascending.
    const least = new Float64Array(k).fill(Infinity);
    for (let j = 0; j < count; j++) {
      if (j === i) continue;
      const distance = squaredDistance(set, i, set, j, least[k - 1]);
      if (distance >= least[k - 1]) continue;
      let at = k - 1;
      for (; at > 0 && least[at - 1] > distance; at--) least[at] = least[at - 1];
      least[at] = distance;
    }
    return least[k - 1];
  });
}

/** Share of the vectors of `points` that lie in a ball of `centres`. */
function shareInside(points: FeatureSet, centres: FeatureSet, squaredRadii: Float64Array): number {
  const count = featureCount(points);
  let inside = 0;
  for (let i = 0; i < count; i++) {
    const isIn = squaredRadii.some(
      (radius, j) => squaredDistance(points, i, centres, j, radius) <= radius,
    );
    if (isIn) inside++;
  }
  return inside / count;
}

/** The squared distance of vector i of `a` and vector j of `b`; any number above `limit` if it is larger. */
function squaredDistance(
  a: FeatureSet,
  i: number,
  b: FeatureSet,
  j: number,
  limit: number,
): number {
  const n = a.length;
  let sum = 0;
  for (let at = 0; at < n; at++) {
    const difference = a.values[i * n + at] - b.values[j * n + at];
    sum += difference * difference;
    // A look every sixteen numbers costs little and spares most of them.
    if ((at & 15) === 15 && sum > limit) return sum;
  }
  return sum;
}

function checkPair(op: string, a: FeatureSet, b: FeatureSet): void {
  checkFeatures(op, a);
  checkFeatures(op, b);
  if (a.length === b.length) return;
  throw new ShapeError(
    op,
    `the vectors have ${a.length} and ${b.length} numbers, expected the same.`,
    [[a.length], [b.length]],
  );
}
