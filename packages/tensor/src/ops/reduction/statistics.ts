// std, median and quantile along axes.

import { checkOptions, checkTensors, kindOf } from '../../arguments.ts';
import { formatShape, ShapeError, ValueError } from '../../errors.ts';
import { normalizeAxes } from '../../array/shape.ts';
import type { Axes, ReduceOptions, Tensor } from '../../tensor.ts';
import { joinAxes } from '../arrangement/axes.ts';
import { stack } from '../arrangement/combine.ts';
import { isNaN } from '../elementwise/logic.ts';
import { rootOrZero } from './norm.ts';
import { sort } from '../indexing/sort.ts';

/** Options of {@link std}. */
export interface StdOptions extends ReduceOptions {
  /** The variance is divided by `N − correction`. Default 1, the unbiased estimate. */
  readonly correction?: number;
}

/**
 * The standard deviation over `axes`: the square root of the variance. If all elements are equal, the
 * gradient is 0.
 *
 * As in PyTorch the variance is divided by `N − 1`; NumPy divides by N, which is `{ correction: 0 }` here.
 *
 * @param x Any shape; int32 and bool count as float32.
 * @param axes One axis, several, or `null` for all. Default all.
 * @returns float32; NaN if there are not more elements than the correction.
 * @throws AxisError if an axis does not exist or is named twice.
 * @example
 * std(tensor([1, 2, 3, 4])); // 1.291
 * std(tensor([1, 2, 3, 4]), null, { correction: 0 }); // 1.118
 */
export function std(x: Tensor, axes: Axes = null, options: StdOptions = {}): Tensor {
  checkTensors('std', { x });
  checkOptions('std', options, ['keepDims', 'correction']);
  return rootOrZero(x.cast('float32').variance(normalizeAxes('std', axes, x.rank), options));
}

/**
 * The median over `axes`: the element in the middle. For an even number of elements it is the mean of the two
 * in the middle, as in NumPy (PyTorch takes the lower one). NaN if an element is NaN.
 *
 * @param x Any shape; int32 and bool count as float32.
 * @param axes One axis, several, or `null` for all. Default all.
 * @returns float32.
 * @throws AxisError if an axis does not exist or is named twice, ShapeError if there are no elements.
 * @example
 * median(tensor([[5, 1, 3], [2, 9, 4]]), 1); // [3, 4]
 * median(tensor([1, 2, 3, 4])); // 2.5
 */
export function median(x: Tensor, axes: Axes = null, options: ReduceOptions = {}): Tensor {
  return quantiles('median', x, [0.5], axes, options)[0];
}

/**
 * The quantiles q over `axes`, with linear interpolation: the number at place `q · (N − 1)` of the sorted
 * elements. NaN if an element is NaN.
 *
 * @param x Any shape; int32 and bool count as float32.
 * @param q A number from 0 to 1, or several, which then form the first dimension of the result.
 * @param axes One axis, several, or `null` for all. Default all.
 * @returns float32.
 * @throws AxisError if an axis does not exist or is named twice, ShapeError if there are no elements.
 * @example
 * quantile(tensor([1, 2, 3, 5]), 0.5); // 2.5
 * quantile(tensor([[1, 2, 3], [4, 6, 8]]), [0, 0.75], 1); // [[1, 4], [2.5, 7]]
 */
export function quantile(
  x: Tensor,
  q: number | readonly number[],
  axes: Axes = null,
  options: ReduceOptions = {},
): Tensor {
  const list = [q].flat();
  const odd = list.find((each) => !(typeof each === 'number' && each >= 0 && each <= 1));
  if (odd !== undefined || list.length === 0) {
    throw new ValueError(
      'quantile',
      `q must be numbers from 0 to 1, but ${list.length === 0 ? 'there is none' : `one is ${kindOf(odd)}`}.`,
    );
  }
  const found = quantiles('quantile', x, list, axes, options);
  return typeof q === 'number' ? found[0] : stack(found);
}

/** One tensor for each number of `list`; errors name `op`. */
function quantiles(
  op: string,
  x: Tensor,
  list: readonly number[],
  axes: Axes,
  options: ReduceOptions,
): Tensor[] {
  checkTensors(op, { x });
  checkOptions(op, options, ['keepDims']);
  const { joined, kept, dropped } = joinAxes(op, x.cast('float32'), axes);
  const n = joined.shape[dropped.length];
  if (n === 0) {
    throw new ShapeError(op, `${formatShape(x.shape)} has no elements to put in order.`, [x.shape]);
  }
  const sorted = sort(joined);
  const last = sorted.select(-1, n - 1); // NaN if there is one
  return list.map((q) => {
    const place = q * (n - 1);
    const below = sorted.select(-1, Math.floor(place));
    const above = sorted.select(-1, Math.ceil(place));
    const share = place - Math.floor(place);
    // Equal elements are taken as they are, since infinite ones have no interpolation between them.
    const between = below.mul(1 - share).add(above.mul(share));
    const value = below.equal(above).where(below, between);
    return isNaN(last)
      .where(NaN, value)
      .reshape(options.keepDims === true ? kept : dropped);
  });
}
