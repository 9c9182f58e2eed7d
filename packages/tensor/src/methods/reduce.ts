// What sum, max, mean and variance do along axes.

import { checkOptions, kindOf } from '../arguments.ts';
import { ValueError } from '../errors.ts';
import { apply } from '../interpreter.ts';
import { checkElements, reduce } from '../primitives/reduce.ts';
import { normalizeAxes } from '../array/shape.ts';
import type { Axes, ReduceOptions, Tensor } from '../tensor.ts';

/** Folds the elements along `axes`; errors name `op`. */
export function reduction(
  name: keyof typeof reduce,
  x: Tensor,
  axes: Axes,
  options: ReduceOptions,
  op: string = name,
): Tensor {
  checkOptions(op, options, ['keepDims']);
  const list = normalizeAxes(op, axes, x.rank);
  if (name === 'max') checkElements(op, x, list);
  const reduced = list.length === 0 ? x : apply(reduce[name], [x], { axes: list })[0];
  return options.keepDims
    ? reduced.reshape(x.shape.map((n, i) => (list.includes(i) ? 1 : n)))
    : reduced;
}

/** The number of elements that one result of a reduction covers. */
export function reducedCount(op: string, { shape, rank }: Tensor, axes: Axes): number {
  return normalizeAxes(op, axes, rank).reduce((count, axis) => count * shape[axis], 1);
}

/** The sum of the squared differences from the mean, divided by N − `correction`. */
export function variance(
  x: Tensor,
  axes: Axes,
  options: ReduceOptions & { readonly correction?: number },
): Tensor {
  checkOptions('variance', options, ['keepDims', 'correction']);
  const { correction = 1, ...shape } = options;
  if (!Number.isFinite(correction)) {
    throw new ValueError('variance', `correction must be finite, but is ${kindOf(correction)}.`);
  }
  const count = reducedCount('variance', x, axes);
  const center = (y: Tensor): Tensor => y.sub(y.mean(axes, { keepDims: true }));
  const centered = center(center(x)); // the second takes away what rounding left of a large mean
  return centered
    .square()
    .sum(axes, shape)
    .div(count === 0 ? 0 : Math.max(0, count - correction));
}
