import { describe, expect, it } from 'vitest';
import { samplePlan, slope, summarize } from '../../benchmarks/compare/statistics.ts';

describe('summarize', () => {
  it('takes the one in the middle of an odd number of samples', () => {
    expect(summarize([30, 1, 2])).toEqual({ median: 2, min: 1, max: 30 });
  });

  it('takes the mean of the two in the middle of an even number', () => {
    expect(summarize([4, 1, 2, 100])).toEqual({ median: 3, min: 1, max: 100 });
  });

  it('leaves the samples as they are', () => {
    const samples = [3, 1, 2];
    summarize(samples);
    expect(samples).toEqual([3, 1, 2]);
  });
});

describe('samplePlan', () => {
  it('repeats short work within a sample', () => {
    expect(samplePlan(0.3, 7)).toEqual({ samples: 7, runs: 100 });
  });

  it('runs work of some length once a sample', () => {
    expect(samplePlan(31, 7)).toEqual({ samples: 7, runs: 1 });
  });

  it('takes fewer samples of work that takes more than ten seconds', () => {
    expect(samplePlan(10_001, 7)).toEqual({ samples: 3, runs: 1 });
    expect(samplePlan(10_001, 2)).toEqual({ samples: 2, runs: 1 });
  });
});

describe('slope', () => {
  it('is that of the line, wherever it lies', () => {
    expect(slope([1, 2, 5].map((x) => [x, 7 - 3 * x]))).toBeCloseTo(-3, 12);
    expect(slope([10, 20, 30].map((x) => [x, 4]))).toBe(0);
  });

  it('leaves points to both sides of the line', () => {
    // Least squares of 0, 3, 0, 3 at 0, 1, 2, 3: Σ (x − 1.5)(y − 1.5) / Σ (x − 1.5)² = 3 / 5.
    expect(slope([0, 3, 0, 3].map((y, x) => [x, y]))).toBeCloseTo(0.6, 12);
  });
});
