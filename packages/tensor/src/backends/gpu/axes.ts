import type { Shape } from '../../shape.ts';

/** Axes that several operands share, and the stride of each operand along each. */
export interface Axes {
  readonly shape: Shape;
  readonly strides: readonly (readonly number[])[];
  /** For each axis, whether it is one of those that disappear. */
  readonly reduced: readonly boolean[];
}

/**
 * Merges neighbouring axes that every operand walks with one stride and drops those of size 1, so
 * that fewer indices are left to compute.
 *
 * @param shape Sizes of the axes.
 * @param strides Of each operand.
 * @param reduced Axes that disappear, which merge only with each other. Default none.
 */
export function mergeAxes(
  shape: Shape,
  strides: readonly (readonly number[])[],
  reduced: readonly number[] = [],
): Axes {
  const sizes: number[] = [];
  const kinds: boolean[] = [];
  const merged: number[][] = strides.map(() => []);
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const kind = reduced.includes(axis);
    const last = sizes.length - 1;
    const joins =
      last >= 0 &&
      kinds[last] === kind &&
      merged.every((of, operand) => of[last] === strides[operand][axis] * size);
    if (joins) {
      sizes[last] *= size;
      merged.forEach((of, operand) => {
        of[last] = strides[operand][axis];
      });
      return;
    }
    sizes.push(size);
    kinds.push(kind);
    merged.forEach((of, operand) => of.push(strides[operand][axis]));
  });
  return { shape: sizes, strides: merged, reduced: kinds };
}
