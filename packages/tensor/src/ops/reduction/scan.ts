// cumsum, cumprod, cummax and cummin: running totals, in log₂ n passes.

import { checkTensors } from '../../arguments.ts';
import { normalizeAxis } from '../../array/shape.ts';
import type { Tensor } from '../../tensor.ts';
import { concat } from '../arrangement/combine.ts';

/**
 * The running sum along `axis`: `yᵢ = x₀ + … + xᵢ`.
 *
 * Adds the tensor to itself shifted by 1, 2, 4, …, in log₂ n passes. Every sum is a balanced tree, so its
 * rounding error grows with log n instead of n. Elements after i take no part, so an infinity does not affect
 * earlier sums.
 *
 * Source: Hillis & Steele 1986, "Data parallel algorithms", section on partial sums.
 *
 * @param x float32 or int32 of any shape with that axis; bool counts as int32.
 * @returns The shape of x.
 * @throws AxisError if the axis does not exist.
 * @example
 * cumsum(tensor([1, 2, 3]), 0); // [1, 3, 6]
 */
export function cumsum(x: Tensor, axis: number): Tensor {
  return scan('cumsum', x, axis, (a, b) => a.add(b));
}

/**
 * The running product along `axis`: `yᵢ = x₀ · … · xᵢ`, by passes as in {@link cumsum}.
 *
 * The gradient is computed without division, so it is right even where elements are 0.
 *
 * @param x float32 or int32 of any shape with that axis; bool counts as int32.
 * @returns The shape of x.
 * @throws AxisError if the axis does not exist.
 * @example
 * cumprod(tensor([1, 2, 3, 4]), 0); // [1, 2, 6, 24]
 */
export function cumprod(x: Tensor, axis: number): Tensor {
  return scan('cumprod', x, axis, (a, b) => a.mul(b));
}

/**
 * The running maximum along `axis`: `yᵢ = max(x₀, …, xᵢ)`, NaN from the first NaN on. (PyTorch also returns
 * the indices.)
 *
 * @param x float32 or int32 of any shape with that axis; bool counts as int32.
 * @returns The shape of x.
 * @throws AxisError if the axis does not exist.
 * @example
 * cummax(tensor([1, 3, 2, 5]), 0); // [1, 3, 3, 5]
 */
export function cummax(x: Tensor, axis: number): Tensor {
  return scan('cummax', x, axis, (a, b) => a.maximum(b));
}

/**
 * The running minimum along `axis`; otherwise like {@link cummax}.
 *
 * @example
 * cummin(tensor([4, 3, 5, 1]), 0); // [4, 3, 3, 1]
 */
export function cummin(x: Tensor, axis: number): Tensor {
  return scan('cummin', x, axis, (a, b) => a.minimum(b));
}

/** For each element, `combine` over all elements along the axis up to it. */
function scan(
  op: string,
  x: Tensor,
  axis: number,
  combine: (later: Tensor, earlier: Tensor) => Tensor,
): Tensor {
  checkTensors(op, { x });
  const at = normalizeAxis(op, axis, x.rank);
  const n = x.shape[at];
  const part = (y: Tensor, start: number, stop: number): Tensor =>
    y.slice(y.shape.map((_, i) => (i === at ? [start, stop] : null)));
  let y = x.dtype === 'bool' ? x.cast('int32') : x;
  for (let shift = 1; shift < n; shift *= 2) {
    y = concat([part(y, 0, shift), combine(part(y, shift, n), part(y, 0, n - shift))], at);
  }
  return y;
}
