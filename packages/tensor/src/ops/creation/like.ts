// zerosLike, onesLike and fullLike: new tensors in the shape of another.

import { checkTensors } from '../../arguments.ts';
import { filled } from '../../create.ts';
import type { DType } from '../../array/dtype.ts';
import type { Tensor } from '../../tensor.ts';

/**
 * Zeros of the shape of x.
 *
 * @param x Any tensor.
 * @param dtype Default: the dtype of x.
 * @example
 * zerosLike(tensor([[1, 2]])); // [[0, 0]]
 */
export function zerosLike(x: Tensor, dtype?: DType): Tensor {
  checkTensors('zerosLike', { x });
  return filled('zerosLike', x.shape, 0, dtype ?? x.dtype);
}

/**
 * Ones of the shape of x.
 *
 * @param x Any tensor.
 * @param dtype Default: the dtype of x.
 * @example
 * onesLike(tensor([[1, 2]])); // [[1, 1]]
 */
export function onesLike(x: Tensor, dtype?: DType): Tensor {
  checkTensors('onesLike', { x });
  return filled('onesLike', x.shape, 1, dtype ?? x.dtype);
}

/**
 * A tensor of the shape of x that holds `value` everywhere.
 *
 * @param x Any tensor.
 * @param value A number or boolean that the dtype can hold.
 * @param dtype Default: the dtype of x.
 * @throws ValueError if the dtype cannot hold the value.
 * @example
 * fullLike(tensor([[1, 2]]), 7); // [[7, 7]]
 */
export function fullLike(x: Tensor, value: number | boolean, dtype?: DType): Tensor {
  checkTensors('fullLike', { x });
  return filled('fullLike', x.shape, value, dtype ?? x.dtype);
}
