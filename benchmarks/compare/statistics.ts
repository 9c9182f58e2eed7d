// Medians and slopes of samples, and how many samples to take.

/** Times in milliseconds of several samples. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Median (of an even number, the mean of the two in the middle), least and greatest. */
export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const median = (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1] };
}

/** How often a work is run. */
export interface SamplePlan {
  readonly samples: number;
  /** Runs in one sample, so that the clock's resolution does not show. */
  readonly runs: number;
}

/**
 * Milliseconds for which a work is warmed up at least, and runs at least: engines that compile while they
 * run need some of both.
 */
export const WARM_UP: { readonly ms: number; readonly runs: number } = { ms: 1000, runs: 2 };

/** Least duration of a sample in milliseconds. */
const SHORTEST_SAMPLE = 30;
/** Works that take longer than this, in milliseconds, are sampled less often … */
const LONG_SAMPLE = 10_000;
/** … namely as often as this. */
const LONG_SAMPLES = 3;

/**
 * The plan for a work whose warm run took `ms`.
 *
 * @param samples how many are asked for
 */
export function samplePlan(ms: number, samples: number): SamplePlan {
  return {
    samples: ms > LONG_SAMPLE ? Math.min(samples, LONG_SAMPLES) : samples,
    runs: Math.max(1, Math.floor(SHORTEST_SAMPLE / Math.max(ms, 1e-4))),
  };
}

/** The slope of the line through points `[x, y]` that has the least squares: by how much y grows with x. */
export function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(points.map(([at]) => at));
  const y = mean(points.map(([, value]) => value));
  const along = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0);
  return along / points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
}
