// argsort, sort and topk, together with their sorting kernels.

import { checkOptions, checkTensors, kindOf } from '../../arguments.ts';
import { argsort as onCpu } from '../../backends/cpu/argsort.ts';
import { argsort as onWasm } from '../../backends/wasm/rows/argsort.ts';
import { formatShape, ValueError } from '../../errors.ts';
import { apply } from '../../interpreter.ts';
import type { KernelPrimitive } from '../../primitives/primitive.ts';
import { sort as primitives, type SortParams } from '../../primitives/sort.ts';
import { normalizeAxis } from '../../array/shape.ts';
import type { Tensor } from '../../tensor.ts';
import { gather } from './gather.ts';

/** Options of {@link sort} and {@link argsort}. */
export interface SortOptions {
  /** Whether the largest comes first. Default false. */
  readonly descending?: boolean;
}

/** Options of {@link topk}. */
export interface TopkOptions {
  /** Whether to take the largest elements; otherwise the smallest. Default true. */
  readonly largest?: boolean;
}

/** Elements, and the indices where they stood. */
export interface Ranked {
  readonly values: Tensor;
  /** int32, of the shape of `values`. */
  readonly indices: Tensor;
}

/**
 * The indices along `axis` that put x in order: `gather(x, argsort(x), axis)` is sorted.
 *
 * The order is stable: among equal elements the one with the smaller index comes first, in both directions.
 * NaN counts as the largest number, as in PyTorch: it comes last, or first if descending. `−0` equals 0.
 *
 * @param x Any dtype, of at least one dimension.
 * @param axis Default: the last one.
 * @returns int32 of the shape of x; no gradient passes.
 * @throws AxisError if the axis does not exist.
 * @example
 * argsort(tensor([30, 10, 20])); // [1, 2, 0]
 * argsort(tensor([30, 10, 20]), 0, { descending: true }); // [0, 2, 1]
 */
export function argsort(x: Tensor, axis = -1, options: SortOptions = {}): Tensor {
  return orderOf('argsort', x, axis, options);
}

/**
 * Sorts the elements of x along `axis`, ascending by default; see {@link argsort} for ties and NaN.
 *
 * The gradient of each element goes back to the place that it came from.
 *
 * @param x Any dtype, of at least one dimension.
 * @param axis Default: the last one.
 * @returns the shape and dtype of x. (PyTorch also returns the indices: they are `argsort(x)`.)
 * @throws AxisError if the axis does not exist.
 * @example
 * sort(tensor([[3, 1, 2], [9, 7, 8]])); // [[1, 2, 3], [7, 8, 9]]
 * sort(tensor([3, 1, 2]), -1, { descending: true }); // [3, 2, 1]
 */
export function sort(x: Tensor, axis = -1, options: SortOptions = {}): Tensor {
  return gather(x, orderOf('sort', x, axis, options), axis);
}

/**
 * Takes the `k` largest (or smallest) elements along `axis`, the most extreme first, and their indices. See
 * {@link argsort} for ties; NaN counts as the largest.
 *
 * @param x Any dtype, of at least one dimension.
 * @param k A whole number from 0 to the size of the axis.
 * @param axis Default: the last one.
 * @throws AxisError if the axis does not exist, ValueError if it has fewer than k elements.
 * @example
 * const { values, indices } = topk(tensor([5, 9, 1, 7]), 2);
 * values; // [9, 7]
 * indices; // [1, 3]
 */
export function topk(x: Tensor, k: number, axis = -1, options: TopkOptions = {}): Ranked {
  checkTensors('topk', { x });
  checkOptions('topk', options, ['largest']);
  const at = normalizeAxis('topk', axis, x.rank);
  if (!Number.isInteger(k) || k < 0 || k > x.shape[at]) {
    throw new ValueError(
      'topk',
      `k is ${kindOf(k)}, but axis ${axis} of ${formatShape(x.shape)} takes whole numbers from 0 to ${x.shape[at]}.`,
    );
  }
  const order = orderOf('topk', x, at, { descending: options.largest ?? true });
  const indices = order.slice(x.shape.map((_, i) => (i === at ? [0, k] : null)));
  return { values: gather(x, indices, at), indices };
}

const withKernels: KernelPrimitive<SortParams['argsort']> = {
  ...primitives.argsort,
  kernels: { cpu: onCpu, wasm: onWasm },
};

/** The order along an axis; errors name `op`. */
function orderOf(op: string, x: Tensor, axis: number, options: SortOptions): Tensor {
  checkTensors(op, { x });
  checkOptions(op, options, ['descending']);
  const at = normalizeAxis(op, axis, x.rank);
  const { descending = false } = options;
  return apply(withKernels, [x.transpose(at, -1)], { descending })[0].transpose(at, -1);
}
