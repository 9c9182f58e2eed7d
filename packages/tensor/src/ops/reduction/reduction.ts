// prod, argmax and argmin along axes.

import { checkOptions, checkTensors } from '../../arguments.ts';
import { arange, ones } from '../../create.ts';
import { formatShape, ShapeError } from '../../errors.ts';
import type { Axes, ReduceOptions, Tensor } from '../../tensor.ts';
import { joinAxes } from '../arrangement/axes.ts';
import { concat } from '../arrangement/combine.ts';

/**
 * The product over `axes`: `y = ∏ᵢ xᵢ`; 1 if there are no elements.
 *
 * It multiplies the two halves elementwise until one element is left. The gradient, the product of the other
 * elements, is computed without division, so it is right even where elements are 0.
 *
 * @param x float32 or int32 of any shape; bool counts as int32.
 * @param axes One axis, several, or `null` for all. Default all.
 * @throws AxisError if an axis does not exist or is named twice.
 * @example
 * prod(tensor([[1, 2], [3, 4]]), 0); // [3, 8]
 */
export function prod(x: Tensor, axes: Axes = null, options: ReduceOptions = {}): Tensor {
  checkTensors('prod', { x });
  checkOptions('prod', options, ['keepDims']);
  const numbers = x.dtype === 'bool' ? x.cast('int32') : x;
  const { joined, kept, dropped } = joinAxes('prod', numbers, axes);
  const shape = options.keepDims ? kept : dropped;
  let left = joined; // [..., n]
  for (let n = left.shape[dropped.length]; n !== 1; n = Math.ceil(n / 2)) {
    if (n === 0) return ones(shape, x.dtype === 'float32' ? 'float32' : 'int32');
    const half = Math.floor(n / 2);
    const [a, b, ...odd] = left.split(n % 2 === 0 ? [half, half] : [half, half, 1], -1);
    left = concat([a.mul(b), ...odd], -1);
  }
  return left.reshape(shape);
}

/**
 * The index of the largest element along `axis`; the first one on ties. NaN counts as the largest.
 *
 * @param x Any shape and dtype.
 * @param axis The axis to search, or `null` for the flattened tensor. Default `null`.
 * @param options With `keepDims` the axis stays, with size 1 (if it is `null`: every axis).
 * @returns int32; no gradient passes.
 * @throws AxisError if the axis does not exist, ShapeError if it has no elements.
 * @example
 * argmax(tensor([[1, 5, 2], [7, 0, 7]]), 1); // [1, 0]
 */
export function argmax(x: Tensor, axis: number | null = null, options: ReduceOptions = {}): Tensor {
  return indexOf('argmax', (values) => values.max(-1, { keepDims: true }), x, axis, options);
}

/**
 * The index of the smallest element along `axis`; the first one on ties. NaN counts as the smallest.
 * Otherwise like {@link argmax}.
 *
 * @example
 * argmin(tensor([3, 1, 1])); // 1
 */
export function argmin(x: Tensor, axis: number | null = null, options: ReduceOptions = {}): Tensor {
  return indexOf('argmin', (values) => values.min(-1, { keepDims: true }), x, axis, options);
}

/** The first index along the axis where x equals its extreme element. */
function indexOf(
  op: string,
  extreme: (values: Tensor) => Tensor,
  x: Tensor,
  axis: number | null,
  options: ReduceOptions,
): Tensor {
  checkTensors(op, { x });
  checkOptions(op, options, ['keepDims']);
  const numbers = x.dtype === 'bool' ? x.cast('int32') : x;
  const { joined, kept, dropped } = joinAxes(op, numbers, axis);
  const n = joined.shape[dropped.length];
  if (n === 0)
    throw new ShapeError(op, `${formatShape(x.shape)} has no elements to compare.`, [x.shape]);
  const hit = joined.equal(extreme(joined)).or(joined.notEqual(joined)); // NaN equals nothing
  return hit
    .where(arange(n), n)
    .min(-1)
    .reshape(options.keepDims ? kept : dropped);
}
