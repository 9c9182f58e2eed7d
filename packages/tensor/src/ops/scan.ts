import { checkTensors } from '../arguments.ts';
import { normalizeAxis } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { concat } from './combine.ts';

/**
 * The running sum along `axis`: `yᵢ = x₀ + … + xᵢ`.
 *
 * Adds the tensor to itself shifted by 1, 2, 4, …: log₂ n passes, in which every sum is formed as a
 * balanced tree, so its rounding error grows with log n instead of n. Elements after i take no part,
 * so an infinity does not reach back.
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
  checkTensors('cumsum', { x });
  const at = normalizeAxis('cumsum', axis, x.rank);
  const n = x.shape[at];
  const part = (y: Tensor, start: number, stop: number): Tensor =>
    y.slice(y.shape.map((_, i) => (i === at ? [start, stop] : null)));
  let y = x.dtype === 'bool' ? x.cast('int32') : x;
  for (let shift = 1; shift < n; shift *= 2) {
    y = concat([part(y, 0, shift), part(y, shift, n).add(part(y, 0, n - shift))], at);
  }
  return y;
}
