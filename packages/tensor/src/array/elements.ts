// Reads the elements of a strided view in row-major order.

import { allocateArray, type DType, type TypedArray } from './dtype.ts';
import { expectMemory } from '../errors.ts';
import { sizeOf, type Shape } from './shape.ts';
import { isContiguous, mergeRuns, type View } from './view.ts';

/** Numbers in arrays nested as deep as the tensor's rank; a scalar is a number. */
export type NestedArray = number | NestedArray[];

/**
 * The elements that `view` reads, in row-major order: a subarray if they lie in that order, otherwise a copy.
 */
export function gatherElements(elements: ArrayLike<number>, dtype: DType, view: View): TypedArray {
  const size = sizeOf(view.shape);
  if (ArrayBuffer.isView(elements) && isContiguous(view)) {
    return (elements as TypedArray).subarray(view.offset, view.offset + size);
  }
  const result = allocateArray(dtype, size, 'data');
  let at = 0;
  forEachOffset(view, (offset) => {
    result[at++] = elements[offset];
  });
  return result;
}

/** Calls `visit` with the storage offset of every element of `view` in row-major order. */
export function forEachOffset(view: View, visit: (offset: number) => void): void {
  if (sizeOf(view.shape) === 0) return;
  const runs = mergeRuns(view);
  const inner = runs.pop() ?? { size: 1, stride: 0 };
  const index = runs.map(() => 0);
  let base = view.offset;
  for (;;) {
    for (let i = 0; i < inner.size; i++) visit(base + i * inner.stride);
    let axis = runs.length - 1;
    for (; axis >= 0; axis--) {
      base += runs[axis].stride;
      if (++index[axis] < runs[axis].size) break;
      base -= runs[axis].stride * runs[axis].size;
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

/** Nests row-major elements into arrays of `shape`. */
export function nestElements(elements: TypedArray, shape: Shape): NestedArray {
  const nest = (axis: number, start: number, count: number): NestedArray => {
    if (axis === shape.length) return elements[start];
    const step = shape[axis] === 0 ? 0 : count / shape[axis];
    return Array.from({ length: shape[axis] }, (_, i) => nest(axis + 1, start + i * step, step));
  };
  return expectMemory('toArray', 8 * Math.max(sizeOf(shape), ...shape), () =>
    nest(0, 0, sizeOf(shape)),
  );
}
