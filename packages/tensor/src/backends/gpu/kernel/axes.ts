// Merges neighbouring axes that all operands walk with one stride, so fewer indices are computed.

import type { Shape } from '../../../array/shape.ts';
import { collapse } from '../../../array/view.ts';

/** Axes that several operands share, and the stride of each operand along each. */
export interface Axes {
  readonly shape: Shape;
  readonly strides: readonly (readonly number[])[];
  /** For each axis, whether it is reduced and so absent from the result. */
  readonly reduced: readonly boolean[];
}

/**
 * Merges neighbouring axes that every operand walks with one stride, and drops axes of size 1. Fewer indices
 * are then left to compute.
 *
 * @param shape Sizes of the axes.
 * @param strides Strides of each operand.
 * @param reduced For each axis, whether it is reduced; reduced axes merge only with each other. Default:
 *   none.
 */
export function mergeAxes(
  shape: Shape,
  strides: readonly (readonly number[])[],
  reduced: readonly number[] = [],
): Axes {
  const dimensions = collapse(shape, strides, reduced);
  return {
    shape: dimensions.map(({ size }) => size),
    strides: strides.map((_, operand) => dimensions.map((dimension) => dimension.strides[operand])),
    reduced: dimensions.map(({ marked }) => marked),
  };
}
