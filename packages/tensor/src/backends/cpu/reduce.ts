// Sums and maxima along axes, accumulated in float64 (int32 in int32).

import type { ReduceKernel } from '../../plan/kernel.ts';
import type { TypedArray } from '../../array/dtype.ts';
import type { ReduceParams } from '../../primitives/reduce.ts';
import { rowMajorStrides, sizeOf, type Shape } from '../../array/shape.ts';
import type { View } from '../../array/view.ts';
import { RunCursor } from './cursor.ts';
import { evaluator } from './expression.ts';
import { Workspace } from './workspace.ts';

/** The totals so far; those of int32 are int32, since their sums wrap. */
type Accumulators = Float64Array | Int32Array;

/** How a run of `n` elements is added to its accumulators. */
interface Fold {
  /** All elements join the accumulator at `at`. */
  into(accumulators: Accumulators, at: number, values: TypedArray, start: number, n: number): void;
  /** Element i joins the accumulator at `at + i · stride`. */
  along(
    accumulators: Accumulators,
    at: number,
    stride: number,
    values: TypedArray,
    start: number,
    n: number,
  ): void;
}

const folds: Readonly<Record<keyof ReduceParams, Fold>> = {
  sum: {
    into: (accumulators, at, values, start, n) => {
      accumulators[at] += sumOf(values, start, n);
    },
    along: (accumulators, at, stride, values, start, n) => {
      for (let i = 0; i < n; i++) accumulators[at + i * stride] += values[start + i];
    },
  },
  max: {
    into: (accumulators, at, values, start, n) => {
      let largest = accumulators[at];
      for (let i = start; i < start + n; i++) largest = Math.max(largest, values[i]);
      accumulators[at] = largest;
    },
    along: (accumulators, at, stride, values, start, n) => {
      for (let i = 0; i < n; i++) {
        const to = at + i * stride;
        accumulators[to] = Math.max(accumulators[to], values[start + i]);
      }
    },
  },
};

const workspace = new Workspace();

/**
 * Prepares a reduce kernel. It walks the iteration space once, in row-major order, and folds every element
 * into the accumulator of its output, float64 or int32. The totals are rounded at the end.
 */
export function reduce(kernel: ReduceKernel): (buffers: readonly TypedArray[]) => void {
  const evaluate = evaluator(kernel.shape, kernel.inputs, kernel.expression);
  const [result] = kernel.expression.results;
  const [output] = kernel.outputs;
  const size = sizeOf(output.view.shape);
  const fold = folds[kernel.primitive.name as keyof ReduceParams];
  const cursor = new RunCursor(accumulatorView(kernel.shape, kernel.axes));
  return (buffers) => {
    const accumulators = output.dtype === 'int32' ? new Int32Array(size) : workspace.reserve(size);
    accumulators.fill(kernel.primitive.initial(output.dtype), 0, size);
    const consume = (values: readonly TypedArray[], _start: number, n: number): void => {
      for (let done = 0; done < n;) {
        const count = cursor.take(n - done);
        if (cursor.stride === 0) fold.into(accumulators, cursor.at, values[result], done, count);
        else fold.along(accumulators, cursor.at, cursor.stride, values[result], done, count);
        done += count;
      }
    };
    evaluate(buffers, consume, null);
    const target = buffers[output.buffer];
    for (let i = 0; i < size; i++) target[output.view.offset + i] = accumulators[i];
  };
}

/** A view of the accumulator of each index of the iteration space: stride 0 along the reduced axes. */
function accumulatorView(shape: Shape, axes: readonly number[]): View {
  const kept = shape.filter((_, i) => !axes.includes(i));
  const keptStrides = rowMajorStrides(kept);
  let next = 0;
  return {
    shape,
    strides: shape.map((_, i) => (axes.includes(i) ? 0 : keptStrides[next++])),
    offset: 0,
  };
}

/** The sum of `n` elements, in four interleaved partial sums that can be added in parallel. */
function sumOf(values: TypedArray, start: number, n: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  const end = start + n;
  let i = start;
  for (; i + 3 < end; i += 4) {
    s0 += values[i];
    s1 += values[i + 1];
    s2 += values[i + 2];
    s3 += values[i + 3];
  }
  for (; i < end; i++) s0 += values[i];
  return s0 + s1 + (s2 + s3);
}
