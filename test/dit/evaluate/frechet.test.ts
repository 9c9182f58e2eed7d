import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { key, normal, ShapeError, ValueError } from '@tessera/tensor';
import {
  featureMoments,
  type FeatureMoments,
  type FeatureSet,
} from '../../../packages/dit/src/evaluate/features.ts';
import { frechetDistance, unbiasedFrechet } from '../../../packages/dit/src/evaluate/frechet.ts';

/** Moments with a diagonal covariance. */
function diagonal(mean: readonly number[], variance: readonly number[]): FeatureMoments {
  const n = mean.length;
  const elements = new Float64Array(n * n);
  variance.forEach((value, i) => (elements[i * n + i] = value));
  return {
    count: 1000,
    mean: Float64Array.from(mean),
    covariance: { rows: n, columns: n, elements },
  };
}

const numbers = fc.double({ min: -3, max: 3, noNaN: true });

/** At least two feature vectors of one to four numbers. */
const sets = (length: number): fc.Arbitrary<FeatureSet> =>
  fc
    .array(fc.array(numbers, { minLength: length, maxLength: length }), {
      minLength: 2,
      maxLength: 12,
    })
    .map((vectors) => ({ values: Float32Array.from(vectors.flat()), length }));

const pairs = fc
  .integer({ min: 1, max: 4 })
  .chain((length) => fc.tuple(sets(length), sets(length)));

describe('featureMoments', () => {
  it('are the mean and the unbiased covariance', () => {
    const set = { values: Float32Array.of(1, 2, 3, 6, 5, 4), length: 2 };
    const { count, mean, covariance } = featureMoments(set);
    expect(count).toBe(3);
    expect([...mean]).toEqual([3, 4]);
    expect([...covariance.elements]).toEqual([4, 2, 2, 4]);
  });

  it('refuses one vector, half a vector and numbers that are not finite', () => {
    expect(() => featureMoments({ values: new Float32Array(3), length: 3 })).toThrow(ShapeError);
    expect(() => featureMoments({ values: new Float32Array(5), length: 2 })).toThrow(ShapeError);
    expect(() => featureMoments({ values: Float32Array.of(1, NaN), length: 1 })).toThrow(
      ValueError,
    );
  });
});

describe('frechetDistance', () => {
  it('is (m₁ − m₂)² + (σ₁ − σ₂)² in each direction of diagonal Gaussians', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(numbers, numbers, fc.double({ min: 0, max: 3, noNaN: true }), numbers), {
          minLength: 1,
          maxLength: 6,
        }),
        (rows) => {
          const a = diagonal(rows.map(([m]) => m), rows.map(([, , s]) => s ** 2)); // prettier-ignore
          const b = diagonal(rows.map(([, m]) => m), rows.map(([, , , s]) => s ** 2)); // prettier-ignore
          const expected = rows.reduce(
            (sum, [m, n, s, r]) => sum + (m - n) ** 2 + (s - Math.abs(r)) ** 2,
            0,
          );
          // A variance below 1e-16 of the largest is lost in float64; its root is 1e-8.
          expect(frechetDistance(a, b)).toBeCloseTo(expected, 6);
        },
      ),
    );
  });

  it('is 0 from a set to itself, symmetric, and not negative', () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        const [p, q] = [featureMoments(a), featureMoments(b)];
        // Roots of eigenvalues that should be 0: √1e-16 each, times the norm.
        expect(Math.abs(frechetDistance(p, p))).toBeLessThan(1e-5);
        expect(frechetDistance(p, q)).toBeCloseTo(frechetDistance(q, p), 5);
        expect(frechetDistance(p, q)).toBeGreaterThan(-1e-5);
      }),
    );
  });

  it('grows by the square of a shift', () => {
    fc.assert(
      fc.property(sets(3), numbers, (set, shift) => {
        const moments = featureMoments(set);
        const mean = moments.mean.map((m, i) => (i === 1 ? m + shift : m));
        expect(frechetDistance(moments, { ...moments, mean })).toBeCloseTo(shift ** 2, 5);
      }),
    );
  });

  it('refuses features of other lengths', () => {
    expect(() => frechetDistance(diagonal([0], [1]), diagonal([0, 0], [1, 1]))).toThrow(ShapeError);
  });
});

describe('unbiasedFrechet', () => {
  const length = 8;
  const gaussian = (count: number, seed: number): FeatureSet => ({
    values: normal(key(seed), [count, length]).dataSync() as Float32Array,
    length,
  });
  const exact = diagonal(new Array<number>(length).fill(0), new Array<number>(length).fill(1));

  it('is nearer to the distance of endless many samples than the distance itself, on average', () => {
    // The same Gaussian, so that distance is 0. One estimate varies as much as the bias of 400 samples.
    const means = [0, 0];
    for (let seed = 0; seed < 12; seed++) {
      const set = gaussian(400, seed);
      means[0] += frechetDistance(featureMoments(set), exact) / 12;
      means[1] += unbiasedFrechet(set, exact) / 12;
    }
    expect(means[0]).toBeGreaterThan(0.03);
    expect(Math.abs(means[1])).toBeLessThan(means[0] / 3);
  });

  it('gives the same number for the same seed', () => {
    const set = gaussian(100, 1);
    expect(unbiasedFrechet(set, exact, 3)).toBe(unbiasedFrechet(set, exact, 3));
    expect(unbiasedFrechet(set, exact, 3)).not.toBe(unbiasedFrechet(set, exact, 4));
  });

  it('refuses too few samples', () => {
    expect(() => unbiasedFrechet(gaussian(32, 0), exact)).toThrow('too few');
  });
});
