// Checks of the sizes and rates that layers are made with.

import { kindOf, formatShape, ShapeError, ValueError, type Size2d } from '@tessera/tensor';

/**
 * Throws a ShapeError unless every size is a whole number of at least `least`.
 *
 * @param op The layer that is being made, for the error.
 * @param sizes Its sizes by name; a pair `[vertical, horizontal]` counts as one size.
 */
export function checkSizes(
  op: string,
  sizes: Readonly<Record<string, Size2d>>,
  least: 0 | 1 = 1,
): void {
  for (const [name, size] of Object.entries(sizes)) {
    const numbers = Array.isArray(size) ? (size as readonly number[]) : [size as number];
    const pair = !Array.isArray(size) || size.length === 2;
    if (pair && numbers.every((n) => Number.isSafeInteger(n) && n >= least)) continue;
    throw new ShapeError(
      op,
      `${name} must be a whole number of at least ${least}, but is ${Array.isArray(size) ? formatShape(numbers) : kindOf(size)}.`,
      [numbers],
    );
  }
}

/** Throws a ValueError unless `value` lies between two ends. */
export function checkRange(
  op: string,
  name: string,
  value: number,
  [low, high]: readonly [number, number] = [0, Number.MAX_VALUE],
): void {
  if (value >= low && value <= high) return;
  const range =
    high === Number.MAX_VALUE ? `finite and at least ${low}` : `between ${low} and ${high}`;
  throw new ValueError(op, `${name} must be ${range}, but is ${kindOf(value)}.`);
}
