// The mean of a few repeated measurements, and its confidence interval.

import { ValueError } from '@tessera/tensor';

/** A mean, and how sure it is. */
export interface Estimate {
  readonly mean: number;
  /** Half the width of the 95 % confidence interval; absent for a single measurement. */
  readonly plusMinus?: number;
  /** The measurements, in order. */
  readonly values: readonly number[];
}

/**
 * The 97.5 % quantiles of Student's t distribution for 1 to 9 degrees of freedom.
 *
 * Source: NIST/SEMATECH e-Handbook of Statistical Methods, section 1.3.6.7.2.
 */
const QUANTILES = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/** Most measurements that {@link estimate} takes. */
export const MOST_MEASUREMENTS: number = QUANTILES.length + 1;

/**
 * The mean of a few measurements and its 95 % confidence interval by Student's t distribution.
 *
 * @param values one to {@link MOST_MEASUREMENTS}
 */
export function estimate(values: readonly number[]): Estimate {
  const n = values.length;
  if (n < 1 || n > MOST_MEASUREMENTS) {
    throw new ValueError('estimate', `there are ${n} values, expected 1 to ${MOST_MEASUREMENTS}.`);
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mean, values };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, plusMinus: QUANTILES[n - 2] * Math.sqrt(variance / n), values };
}
