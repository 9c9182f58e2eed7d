// norm: the length of vectors along axes, safe from overflow, with gradient 0 at 0.

import { checkOptions, checkTensors, kindOf } from '../../arguments.ts';
import { ValueError } from '../../errors.ts';
import { normalizeAxes } from '../../array/shape.ts';
import type { Axes, ReduceOptions, Tensor } from '../../tensor.ts';

/** Options of {@link norm}. */
export interface NormOptions extends ReduceOptions {
  /** `1`: Σ|xᵢ|, `2` and `'fro'`: √Σxᵢ², `Infinity`: max |xᵢ|. Default 2. */
  readonly order?: number | 'fro';
}

/** `[bound, factor]`: above the bound the square of an element may overflow, so all elements are scaled. */
const LARGE = [2 ** 40, 2 ** -80] as const;
/** `[bound, factor]`: if all elements are below the bound, their squares may vanish, so all are scaled. */
const SMALL = [2 ** -50, 2 ** 90] as const;

/**
 * The norm of x over `axes`: `√Σ xᵢ²`, or another order.
 *
 * It is always a norm of vectors. For a matrix, order 2 is the norm of its elements, as in `torch.norm`; in
 * NumPy it is the largest singular value. Where x is 0, the gradient is 0. Very large or very small elements
 * are scaled by a power of 2 first, so that the sum of their squares neither overflows nor vanishes.
 *
 * @param x Any shape; int32 and bool count as float32.
 * @param axes One axis, several, or `null` for all. Default all.
 * @returns float32; NaN if an element is NaN.
 * @throws AxisError if an axis does not exist or is named twice, ValueError for any other order.
 * @example
 * norm(tensor([3, 4])); // 5
 * norm(tensor([[3, -4], [6, 8]]), 1, { order: 1 }); // [7, 14]
 */
export function norm(x: Tensor, axes: Axes = null, options: NormOptions = {}): Tensor {
  checkTensors('norm', { x });
  checkOptions('norm', options, ['order', 'keepDims']);
  const { order = 2, keepDims = false } = options;
  const list = normalizeAxes('norm', axes, x.rank);
  const sizes = x.cast('float32').abs();
  if (order === 1) return sizes.sum(list, { keepDims });
  if (order === Infinity) return sizes.max(list, { keepDims });
  if (order !== 2 && order !== 'fro') {
    throw new ValueError(
      'norm',
      `there is no order ${kindOf(order)}. Use 1, 2, Infinity or 'fro'.`,
    );
  }
  const squares = x.cast('float32');
  if (list.some((axis) => x.shape[axis] === 0)) return squares.sum(list, { keepDims });
  const largest = sizes.max(list, { keepDims: true });
  const scale = largest
    .greater(LARGE[0])
    .where(LARGE[1], largest.less(SMALL[0]).where(SMALL[1], 1));
  const length = rootOrZero(squares.mul(scale).square().sum(list, { keepDims }));
  return length.div(keepDims ? scale : scale.reshape(length.shape));
}

/** `√x`, with gradient 0 at 0 instead of ∞. */
export function rootOrZero(x: Tensor): Tensor {
  const isZero = x.equal(0);
  return isZero.where(0, isZero.where(1, x).sqrt());
}
