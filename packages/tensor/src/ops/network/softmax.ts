// softmax, logSoftmax and logSumExp over any axes.

import { checkOptions, checkTensors } from '../../arguments.ts';
import { composites } from '../../composites/table.ts';
import { apply } from '../../interpreter.ts';
import { normalizeAxis } from '../../array/shape.ts';
import type { Axes, ReduceOptions, Tensor } from '../../tensor.ts';
import { joinAxes } from '../arrangement/axes.ts';

/**
 * `e^x / Σ e^x` along `axis`, safe from overflow. It is 0 at −∞, and NaN if all x are −∞ or one is ∞.
 *
 * @example
 * softmax(tensor([0, Math.log(3)])); // [0.25, 0.75]
 */
export function softmax(x: Tensor, axis = -1): Tensor {
  checkTensors('softmax', { x });
  return apply(composites.softmax, [x.cast('float32')], {
    axis: normalizeAxis('softmax', axis, x.rank),
  })[0];
}

/**
 * `ln Σ e^x` over `axes` (default: the last), safe from overflow. It is −∞ if all x are −∞, and ∞ if one is
 * ∞. The gradient is NaN at an infinite x that determines the sum, and 0 at the elements beside it.
 *
 * @example
 * logSumExp(tensor([1000, 1000])); // 1000.693: 1000 + ln 2
 */
export function logSumExp(x: Tensor, axes: Axes = -1, options: ReduceOptions = {}): Tensor {
  checkTensors('logSumExp', { x });
  checkOptions('logSumExp', options, ['keepDims']);
  const { joined, kept, dropped } = joinAxes('logSumExp', x.cast('float32'), axes);
  const y = apply(composites.logSumExp, [joined], { axis: dropped.length })[0];
  return options.keepDims ? y.reshape(kept) : y;
}

/**
 * `x − ln Σ e^x` along `axis`: the logarithm of {@link softmax} without its underflow. It is NaN if all x are
 * −∞.
 *
 * @example
 * logSoftmax(tensor([0, 1000])); // [-1000, 0]
 */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  checkTensors('logSoftmax', { x });
  return apply(composites.logSoftmax, [x.cast('float32')], {
    axis: normalizeAxis('logSoftmax', axis, x.rank),
  })[0];
}
