// clamp: values cut off at a lower and an upper bound.

import { asTensor } from '../../methods/arithmetic.ts';
import { checkTensors } from '../../arguments.ts';
import { broadcastShapes } from '../../array/shape.ts';
import { ValueError } from '../../errors.ts';
import type { Operand, Tensor } from '../../tensor.ts';

/**
 * Limits x to two bounds: `min(max(x, low), high)`; NaN where x or a bound is NaN.
 *
 * The gradient passes to x wherever `low ≤ x ≤ high`, also at the bounds, as in PyTorch. It does not pass
 * where x is NaN.
 *
 * @param x Any shape.
 * @param low The lower bound, a number or a tensor that broadcasts; `null` for none.
 * @param high The upper bound, likewise. If it is below `low`, the result is `high`.
 * @example
 * clamp(tensor([-2, 0.5, 3]), 0, 1); // [0, 0.5, 1]
 * clamp(tensor([-2, 0.5, 3]), null, 1); // [-2, 0.5, 1]
 */
export function clamp(x: Tensor, low: Operand | null, high: Operand | null = null): Tensor {
  checkTensors('clamp', { x });
  for (const bound of [low, high]) {
    if (bound !== null) broadcastShapes('clamp', x.shape, asTensor('clamp', bound, x).shape);
  }
  if (Number.isNaN(low) || Number.isNaN(high)) {
    throw new ValueError(
      'clamp',
      `a bound is NaN: low ${String(low)}, high ${String(high)}. Use null for none.`,
    );
  }
  const raised =
    low === null || low === -Infinity ? x : bounded(x, low, x.less(low), x.greaterEqual(low));
  return high === null || high === Infinity
    ? raised
    : bounded(raised, high, raised.greater(high), raised.lessEqual(high));
}

/** x where it fits the bound, the bound where x is beyond it, NaN where neither holds. */
function bounded(x: Tensor, bound: Operand, beyond: Tensor, fits: Tensor): Tensor {
  const dtypes = [x, bound].map((each) => (typeof each === 'object' ? each.dtype : x.dtype));
  return beyond.where(bound, dtypes.includes('float32') ? fits.where(x, NaN) : x);
}
