// Strided views: how a shape reads memory, and how transpose, slice or reshape move no element.

import type { Range } from './dtype.ts';
import { rowMajorStrides, sizeOf, type Shape } from './shape.ts';

/**
 * How a tensor reads its storage: element `[i, j, …]` lies at `offset + i·strides[0] + j·strides[1] + …`.
 * Every movement (permute, expand, slice, flip, most reshapes) is arithmetic on a view; no element moves.
 */
export interface View {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
}

/**
 * The view of a new row-major buffer.
 *
 * @example
 * contiguousView([2, 3]); // { shape: [2, 3], strides: [3, 1], offset: 0 }
 */
export function contiguousView(shape: Shape): View {
  return { shape, strides: rowMajorStrides(shape), offset: 0 };
}

/**
 * Whether the elements of `view` lie in row-major order without gaps (with any offset).
 *
 * @example
 * isContiguous(contiguousView([2, 3])); // true
 * isContiguous(permuteView(contiguousView([2, 3]), [1, 0])); // false
 */
export function isContiguous(view: View): boolean {
  let stride = 1;
  for (let i = view.shape.length - 1; i >= 0; i--) {
    if (view.shape[i] === 0) return true;
    if (view.shape[i] !== 1 && view.strides[i] !== stride) return false;
    stride *= view.shape[i];
  }
  return true;
}

/**
 * Reorders the dimensions: dimension `i` of the result is dimension `axes[i]` of `view`.
 *
 * @example
 * permuteView(contiguousView([2, 3]), [1, 0]); // { shape: [3, 2], strides: [1, 3], offset: 0 }
 */
export function permuteView(view: View, axes: readonly number[]): View {
  return {
    shape: axes.map((axis) => view.shape[axis]),
    strides: axes.map((axis) => view.strides[axis]),
    offset: view.offset,
  };
}

/**
 * Broadcasts to `shape` (aligned at the last dimension) with stride 0 along stretched dimensions.
 *
 * @example
 * expandView(contiguousView([3]), [4, 3]); // { shape: [4, 3], strides: [0, 1], offset: 0 }
 */
export function expandView(view: View, shape: Shape): View {
  const missing = shape.length - view.shape.length;
  const strides = shape.map((n, i) => {
    if (i < missing) return 0;
    return view.shape[i - missing] === 1 && n !== 1 ? 0 : view.strides[i - missing];
  });
  return { shape, strides, offset: view.offset };
}

/**
 * Takes `sizes[i]` elements from `starts[i]` in steps of `steps[i]` (which may be negative).
 *
 * @example
 * sliceView(contiguousView([4]), [3], [4], [-1]); // { shape: [4], strides: [-1], offset: 3 }
 */
export function sliceView(
  view: View,
  starts: readonly number[],
  sizes: readonly number[],
  steps: readonly number[],
): View {
  let offset = view.offset;
  const empty = sizes.includes(0);
  for (let i = 0; i < starts.length && !empty; i++) offset += starts[i] * view.strides[i];
  return { shape: sizes, strides: view.strides.map((stride, i) => stride * steps[i]), offset };
}

/**
 * The same elements, in the same row-major order, under another shape; `null` if no strides can express it,
 * so that the elements must be copied.
 *
 * @example
 * reshapeView(contiguousView([2, 3]), [6]); // { shape: [6], strides: [1], offset: 0 }
 * reshapeView(permuteView(contiguousView([2, 3]), [1, 0]), [6]); // null: the elements must be copied
 */
export function reshapeView(view: View, shape: Shape): View | null {
  if (sizeOf(shape) === 0) return { shape, strides: rowMajorStrides(shape), offset: view.offset };
  const runs = mergeRuns(view);
  const strides = new Array<number>(shape.length);
  let run = runs.length - 1;
  let left = run >= 0 ? runs[run].size : 1;
  let stride = run >= 0 ? runs[run].stride : 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] === 1) {
      strides[i] = 0;
      continue;
    }
    if (left === 1) {
      run--;
      left = runs[run].size;
      stride = runs[run].stride;
    }
    if (left % shape[i] !== 0) return null;
    strides[i] = stride;
    stride *= shape[i];
    left /= shape[i];
  }
  return { shape, strides, offset: view.offset };
}

/**
 * The smallest range of a storage that holds all elements of `view`.
 *
 * @example
 * rangeOf(sliceView(contiguousView([4, 3]), [1, 0], [2, 2], [1, 1])); // { begin: 3, end: 8 }
 */
export function rangeOf({ shape, strides, offset }: View): Range {
  if (shape.includes(0)) return { begin: offset, end: offset };
  const spans = shape.map((size, i) => (size - 1) * strides[i]);
  const begin = spans.reduce((at, span) => at + Math.min(0, span), offset);
  const last = spans.reduce((at, span) => at + Math.max(0, span), offset);
  return { begin, end: last + 1 };
}

/** One loop over elements that several operands share: its size, and each operand's distance per turn. */
export interface Dimension {
  readonly size: number;
  /** The distance in elements per turn, for each operand. */
  readonly strides: readonly number[];
  /** Whether the loop's dimension was marked. */
  readonly marked: boolean;
}

/**
 * The fewest loops that walk all operands together in row-major order. Dimensions of size 1 are dropped, and
 * neighbours that every operand walks with one stride are merged.
 *
 * @param strides The strides of each operand.
 * @param marked Dimensions that must not merge with the others, such as those that a reduction folds.
 */
export function collapse(
  shape: Shape,
  strides: readonly (readonly number[])[],
  marked: readonly number[] = [],
): Dimension[] {
  const dimensions: Dimension[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const moves = strides.map((each) => each[axis]);
    const isMarked = marked.includes(axis);
    const last = dimensions.at(-1);
    const joins =
      last !== undefined &&
      last.marked === isMarked &&
      last.strides.every((stride, i) => stride === moves[i] * size);
    if (joins) dimensions.pop();
    dimensions.push({ size: joins ? last.size * size : size, strides: moves, marked: isMarked });
  });
  return dimensions;
}

/** The product of the sizes. */
export function countOf(dimensions: readonly Pick<Dimension, 'size'>[]): number {
  return dimensions.reduce((count, { size }) => count * size, 1);
}

/** The fewest loops that walk a view in row-major order, each with its own stride. */
export function mergeRuns({
  shape,
  strides,
}: Pick<View, 'shape' | 'strides'>): { readonly size: number; readonly stride: number }[] {
  return collapse(shape, [strides]).map(({ size, strides: [stride] }) => ({ size, stride }));
}

/** A short text for a view that names its unusual properties: `[2, 3]`, `[2, 3] strides [1, 2] offset 4`. */
export function formatView(view: View): string {
  const shape = `[${view.shape.join(', ')}]`;
  const strides = isContiguous(view) ? '' : ` strides [${view.strides.join(', ')}]`;
  return `${shape}${strides}${view.offset === 0 ? '' : ` offset ${view.offset}`}`;
}
