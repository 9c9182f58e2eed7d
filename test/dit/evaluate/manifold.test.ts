import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShapeError, ValueError } from '@tessera/tensor';
import type { FeatureSet } from '../../../packages/dit/src/evaluate/features.ts';
import { precisionRecall } from '../../../packages/dit/src/evaluate/manifold.ts';
import { estimate } from '../../../packages/dit/src/evaluate/student.ts';
import { nearestImages, quantile } from '../../../packages/dit/src/evaluate/copies.ts';

/** Vectors of 20 numbers, more than the sixteen after which a distance may be given up. */
const LENGTH = 20;

const sets: fc.Arbitrary<FeatureSet> = fc
  .array(fc.array(fc.integer({ min: -4, max: 4 }), { minLength: LENGTH, maxLength: LENGTH }), {
    minLength: 4,
    maxLength: 9,
  })
  .map((vectors) => ({ values: Float32Array.from(vectors.flat()), length: LENGTH }));

function vectorsOf({ values, length }: FeatureSet): number[][] {
  return Array.from({ length: values.length / length }, (_, i) => [
    ...values.subarray(i * length, (i + 1) * length),
  ]);
}

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0));
}

/** Precision as its definition says it, without haste. */
function precisionOf(samples: FeatureSet, real: FeatureSet, k: number): number {
  const centres = vectorsOf(real);
  const radii = centres.map(
    (c, i) =>
      centres
        .filter((_, j) => j !== i)
        .map((o) => distance(c, o))
        .sort((a, b) => a - b)[k - 1],
  );
  const points = vectorsOf(samples);
  const inside = points.filter((p) => centres.some((c, i) => distance(p, c) <= radii[i]));
  return inside.length / points.length;
}

describe('precisionRecall', () => {
  it('is its definition, and recall is precision the other way round', () => {
    fc.assert(
      fc.property(sets, sets, fc.integer({ min: 1, max: 3 }), (a, b, k) => {
        const { precision, recall } = precisionRecall(a, b, k);
        expect(precision).toBe(precisionOf(a, b, k));
        expect(recall).toBe(precisionOf(b, a, k));
      }),
    );
  });

  it('is 1 for the same set, and 0 for sets far apart', () => {
    fc.assert(
      fc.property(sets, (set) => {
        expect(precisionRecall(set, set)).toEqual({ precision: 1, recall: 1 });
        const far = { ...set, values: set.values.map((value) => value + 1000) };
        expect(precisionRecall(far, set)).toEqual({ precision: 0, recall: 0 });
      }),
    );
  });

  it('refuses sets of no more than k vectors, and vectors of other lengths', () => {
    const small = { values: new Float32Array(3), length: 1 };
    expect(() => precisionRecall(small, small, 3)).toThrow(ValueError);
    const other = { values: new Float32Array(8), length: 2 };
    expect(() => precisionRecall(small, other, 1)).toThrow(ShapeError);
  });
});

describe('nearestImages', () => {
  it('is 0 for a copy and the distance over pixels for others', async () => {
    const images = Uint8Array.of(0, 0, 0, 0, 255, 255, 255, 255);
    const set = { images, count: 2, rows: 2, columns: 2 };
    const samples = Float32Array.of(1, 1, 1, 1, -1, -1, -1, 1);
    const [copy, other] = await nearestImages(samples, set);
    expect(copy).toBe(0);
    // One of four pixels is off by 2: √(4 / 4).
    expect(other).toBeCloseTo(1, 6);
  });
});

describe('quantile', () => {
  it('is the value below which a share lies', () => {
    const values = Float64Array.of(3, 1, 2, 0);
    expect([0, 0.25, 0.5, 0.99, 1].map((share) => quantile(values, share))).toEqual([
      0, 1, 2, 3, 3,
    ]);
  });
});

describe('estimate', () => {
  it('has no interval for one value, and that of Student for more', () => {
    expect(estimate([4])).toEqual({ mean: 4, values: [4] });
    const { mean, plusMinus } = estimate([1, 2, 3]);
    expect(mean).toBe(2);
    expect(plusMinus).toBeCloseTo(4.303 / Math.sqrt(3), 12);
  });

  it('refuses none, and more than are tabulated', () => {
    expect(() => estimate([])).toThrow(ValueError);
    expect(() => estimate(new Array<number>(11).fill(0))).toThrow(ValueError);
  });
});
