// Correlation, and the power law through points by least squares.

/** A point of positive numbers. */
export interface CostPoint {
  readonly cost: number;
  readonly value: number;
}

/** A law value = factor · cost^exponent, and how well it holds. */
export interface PowerLaw {
  readonly exponent: number;
  readonly factor: number;
  /** Share of the variance of log value that the law explains; NaN if there is none. */
  readonly r2: number;
  /** Number of points. */
  readonly count: number;
}

/** The mean of some numbers; NaN of none. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The standard deviation of a sample; NaN of fewer than two numbers. */
export function deviation(values: readonly number[]): number {
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return values.length < 2 ? NaN : Math.sqrt(squares / (values.length - 1));
}

/** Sums of squares and products of the distances from both means. */
function moments(
  xs: readonly number[],
  ys: readonly number[],
): { readonly xx: number; readonly xy: number; readonly yy: number } {
  const [x̄, ȳ] = [mean(xs), mean(ys)];
  let [xx, xy, yy] = [0, 0, 0];
  for (const [i, x] of xs.entries()) {
    xx += (x - x̄) ** 2;
    xy += (x - x̄) * (ys[i] - ȳ);
    yy += (ys[i] - ȳ) ** 2;
  }
  return { xx, xy, yy };
}

/**
 * Pearson's correlation of two lists of numbers; NaN if one of them is constant.
 *
 * Source: with log₁₀ of Gflops and FID of the twelve models of Peebles & Xie 2023, table 4, it is the −0.93 that their
 * figure 8 states. With Gflops themselves it is −0.73.
 */
export function correlation(xs: readonly number[], ys: readonly number[]): number {
  const { xx, xy, yy } = moments(xs, ys);
  return xy / Math.sqrt(xx * yy);
}

/** The correlation of log₁₀ cost with the value itself: the one of the paper's figure 8. */
export function logCostCorrelation(points: readonly CostPoint[]): number {
  return correlation(
    points.map(({ cost }) => Math.log10(cost)),
    points.map(({ value }) => value),
  );
}

/**
 * The power law through points: the straight line of least squares through log₁₀ value over log₁₀ cost. Large and small
 * values count the same, as it is their ratio to the law that is made small.
 */
export function powerLaw(points: readonly CostPoint[]): PowerLaw {
  const xs = points.map(({ cost }) => Math.log10(cost));
  const ys = points.map(({ value }) => Math.log10(value));
  const { xx, xy, yy } = moments(xs, ys);
  const exponent = xy / xx;
  return {
    exponent,
    factor: 10 ** (mean(ys) - exponent * mean(xs)),
    r2: xy ** 2 / (xx * yy),
    count: points.length,
  };
}

/** What the law says at a cost. */
export function lawAt({ factor, exponent }: PowerLaw, cost: number): number {
  return factor * cost ** exponent;
}
