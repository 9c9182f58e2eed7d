import { checkTensors } from '../arguments.ts';
import { ValueError } from '../errors.ts';
import type { Operand, Tensor } from '../tensor.ts';

/**
 * x cut off at two bounds: `min(max(x, low), high)`; NaN stays NaN.
 *
 * The gradient passes wherever `low ≤ x ≤ high`, the bounds included, as in PyTorch.
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
  if (Number.isNaN(low) || Number.isNaN(high)) {
    throw new ValueError(
      'clamp',
      `a bound is NaN: low ${String(low)}, high ${String(high)}. Use null for none.`,
    );
  }
  const raised = low === null ? x : x.less(low).where(low, x);
  return high === null ? raised : raised.greater(high).where(high, raised);
}
