// expm1 and log1p: e^x − 1 and ln(1 + x), accurate near 0.

import { checkTensors } from '../../arguments.ts';
import type { Tensor } from '../../tensor.ts';

/**
 * `e^x − 1`, accurate also near 0, where `x.exp().sub(1)` loses all digits.
 *
 * For |x| < 1 it is `2t / (1 − t)` with `t = tanh(x/2)`, which has no cancellation. Otherwise the plain
 * difference is exact enough. The gradient, e^x, is as accurate.
 *
 * @param x Any shape.
 * @returns float32 of the shape of x.
 * @example
 * expm1(tensor([1e-6, 1])); // [1.0000005e-6, 1.7182818]
 */
export function expm1(x: Tensor): Tensor {
  checkTensors('expm1', { x });
  const y = x.cast('float32');
  const near = y.abs().less(1);
  const t = near.where(y, 0).mul(0.5).tanh();
  return near.where(t.mul(2).div(t.neg().add(1)), y.exp().sub(1));
}

/**
 * `ln(1 + x)`, accurate also near 0, where `1 + x` rounds x away.
 *
 * For |x| < 0.4 it is `2 artanh(s)` with `s = x / (2 + x)`, by the series `s + s³/3 + … + s¹³/13` (|s| ≤ ¼,
 * so the remainder is below 1e-9 of it). Otherwise the logarithm of the sum is exact enough. The usual
 * correction subtracts one rounding error from another, which has no useful gradient; the series has accurate
 * gradients.
 *
 * @param x Any shape.
 * @returns float32 of the shape of x: −∞ at −1, NaN below −1.
 * @example
 * log1p(tensor([1e-6, 1])); // [9.999995e-7, 0.6931472]
 */
export function log1p(x: Tensor): Tensor {
  checkTensors('log1p', { x });
  const y = x.cast('float32');
  const near = y.abs().less(0.4);
  const small = near.where(y, 0);
  const s = small.div(small.add(2));
  const q = s.square();
  const tail = [11, 9, 7, 5, 3].reduce((sum, n) => sum.add(1 / n).mul(q), q.mul(1 / 13));
  return near.where(s.mul(2).mul(tail.add(1)), y.add(1).log());
}
