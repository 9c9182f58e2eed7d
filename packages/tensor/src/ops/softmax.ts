import { composites } from '../composites/table.ts';
import { apply } from '../interpreter.ts';
import { normalizeAxis } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** `e^x / Σ e^x` along `axis`, safe from overflow. */
export function softmax(x: Tensor, axis = -1): Tensor {
  return apply(composites.softmax, [x.cast('float32')], { axis: normalizeAxis('softmax', axis, x.rank) })[0];
}

/** `ln Σ e^x` along `axis`, which disappears; safe from overflow. */
export function logSumExp(x: Tensor, axis = -1): Tensor {
  return apply(composites.logSumExp, [x.cast('float32')], { axis: normalizeAxis('logSumExp', axis, x.rank) })[0];
}

/** `x − ln Σ e^x` along `axis`: the logarithm of {@link softmax} without its underflow. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return apply(composites.logSoftmax, [x.cast('float32')], { axis: normalizeAxis('logSoftmax', axis, x.rank) })[0];
}
