// The range of the values of a tensor: smallest, largest, and how many are not finite.

import { formatSpec, type Tensor } from '@tessera/tensor';

/** The values of a tensor in short. */
export interface ValueRange {
  /** Dtype and shape, such as `float32[2, 3]`. */
  readonly spec: string;
  /** Number of values. */
  readonly size: number;
  /** The smallest of the finite values; NaN if there are none. */
  readonly min: number;
  /** The largest of the finite values; NaN if there are none. */
  readonly max: number;
  /** How many are NaN. */
  readonly nans: number;
  /** How many are `∞` or `−∞`. */
  readonly infinities: number;
}

/** Reads a tensor, and sums up its values. */
export async function rangeOf(x: Tensor): Promise<ValueRange> {
  let [min, max, nans, infinities] = [Infinity, -Infinity, 0, 0];
  for (const value of await x.data()) {
    if (Number.isNaN(value)) nans++;
    else if (!Number.isFinite(value)) infinities++;
    else {
      min = Math.min(min, value);
      max = Math.max(max, value);
    }
  }
  const shown = min <= max ? { min, max } : { min: NaN, max: NaN };
  return { spec: formatSpec(x), size: x.size, ...shown, nans, infinities };
}

/** Whether some values are not finite. */
export function isOdd({ nans, infinities }: ValueRange): boolean {
  return nans + infinities > 0;
}

/** The values that are not finite: `2 NaN and 1 infinite`. */
export function formatOdd({ nans, infinities }: ValueRange): string {
  const parts = [nans > 0 ? `${nans} NaN` : '', infinities > 0 ? `${infinities} infinite` : ''];
  return parts.filter((part) => part !== '').join(' and ');
}

/**
 * Prints a range in the way of errors.
 *
 * @example
 * const range = { spec: 'float32[3]', size: 3, min: -1, max: 2, nans: 1, infinities: 0 };
 * formatRange(range); // 'float32[3] from -1 to 2, 1 NaN'
 */
export function formatRange(range: ValueRange): string {
  const { spec, size, min, max } = range;
  const digits = (value: number): string => String(Number(value.toPrecision(4)));
  const finite = min === max ? `all ${digits(min)}` : `from ${digits(min)} to ${digits(max)}`;
  const parts = [
    ...(Number.isNaN(min) ? [] : [finite]),
    ...(isOdd(range) ? [formatOdd(range)] : []),
  ];
  return `${spec} ${size === 0 ? 'empty' : parts.join(', ')}`;
}
