// matmul and linear: the matrix product, and x Wᵀ + bias.

import { checkTensors } from '../../arguments.ts';
import { formatShape, ShapeError } from '../../errors.ts';
import type { Tensor } from '../../tensor.ts';

/**
 * The matrix product; see {@link Tensor.matmul}.
 *
 * @example
 * matmul(tensor([[1, 2]]), tensor([[3], [4]])); // [[11]]
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  checkTensors('matmul', { a });
  return a.matmul(b);
}

/**
 * `y = x Wᵀ + bias`: x `[..., in]`, weight `[out, in]` and bias `[out]` give `[..., out]`.
 *
 * @example
 * const weight = tensor([[1, 0], [0, 1], [1, 1]]); // [out, in]
 * linear(tensor([2, 3]), weight, tensor([0, 0, 10])); // [2, 3, 15]
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  checkTensors('linear', bias ? { x, weight, bias } : { x, weight });
  if (weight.rank !== 2 || x.rank === 0 || x.shape[x.rank - 1] !== weight.shape[1]) {
    throw new ShapeError(
      'linear',
      `x is ${formatShape(x.shape)}, weight is ${formatShape(weight.shape)}: [..., in] and [out, in] expected.`,
      [x.shape, weight.shape],
    );
  }
  if (bias && (bias.rank !== 1 || bias.shape[0] !== weight.shape[0])) {
    throw new ShapeError(
      'linear',
      `bias is ${formatShape(bias.shape)}, weight is ${formatShape(weight.shape)}: [out] and [out, in] expected.`,
      [bias.shape, weight.shape],
    );
  }
  const product = x.matmul(weight.transpose());
  return bias === undefined || bias === null ? product : product.add(bias);
}
