import type { Shape } from '../../shape.ts';
import type { View } from '../../view.ts';

/** One loop over all elements of a kernel: its size, and how far each operand moves a turn. */
export interface Dimension {
  readonly size: number;
  /** Elements, operand by operand. */
  readonly strides: readonly number[];
  /** Whether the loop is one of those that were marked. */
  readonly marked: boolean;
}

/**
 * The fewest loops that walk all operands together in row-major order: dimensions of size 1 go, and
 * neighbours that one stride walks in every operand become one.
 *
 * @param marked Dimensions that must stay apart from the others, such as those that a reduction folds.
 */
export function collapse(
  shape: Shape,
  views: readonly Pick<View, 'strides'>[],
  marked: readonly number[] = [],
): Dimension[] {
  const dimensions: Dimension[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const strides = views.map((view) => view.strides[axis]);
    const isMarked = marked.includes(axis);
    const last = dimensions.at(-1);
    const joins =
      last !== undefined &&
      last.marked === isMarked &&
      last.strides.every((stride, i) => stride === strides[i] * size);
    if (joins) dimensions.pop();
    dimensions.push({ size: joins ? last.size * size : size, strides, marked: isMarked });
  });
  return dimensions;
}

/** The product of the sizes. */
export function countOf(dimensions: readonly Dimension[]): number {
  return dimensions.reduce((count, { size }) => count * size, 1);
}
