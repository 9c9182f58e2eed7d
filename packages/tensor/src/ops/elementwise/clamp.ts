// clamp: values cut off at a lower and an upper bound.

import { asTensor } from '../../methods/arithmetic.ts';
import { checkTensors } from '../../arguments.ts';
import { ValueError } from '../../errors.ts';
import type { Operand, Tensor } from '../../tensor.ts';

/**
 * x cut off at two bounds: `min(max(x, low), high)`; NaN where x or a bound is.
 *
 * The gradient passes to x wherever `low ≤ x ≤ high`, the bounds included, as in PyTorch; so none does
 * where x is NaN.
 *
 * @param x Any shape.
 * @param low The lower bound, a number or a tensor that broadcasts; `null` for none.
 * @param high The upper bound, likewise. It wins where the bounds cross.
 * @example
 * clamp(tensor([-2, 0.5, 3]), 0, 1); // [0, 0.5, 1]
 * clamp(tensor([-2, 0.5, 3]), null, 1); // [-2, 0.5, 1]
 */
export function clamp(x: Tensor, low: Operand | null, high: Operand | null = null): Tensor {
  checkTensors('clamp', { x });
  for (const bound of [low, high]) if (bound !== null) asTensor('clamp', bound, x);
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
