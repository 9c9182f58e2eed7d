// expm1 and log1p: e^x − 1 and ln(1 + x), accurate near 0.

import { checkTensors } from '../../arguments.ts';
import type { Tensor } from '../../tensor.ts';

/**
 * `e^x − 1`, accurate near 0 too, where `x.exp().sub(1)` loses all digits.
 *
 * Where |x| < 1 it is `2t / (1 − t)` with `t = tanh(x/2)`, which cancels nothing; further out the
 * difference itself is exact enough. The gradient, e^x, is as accurate.
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
 * `ln(1 + x)`, accurate near 0 too, where `1 + x` rounds x away.
 *
 * Where |x| < 0.4 it is `2 artanh(s)` with `s = x / (2 + x)`, by the series `s + s³/3 + … + s¹³/13`
 * (|s| ≤ ¼, so the rest is below 1e-9 of it); further out the logarithm of the sum is exact enough.
 * The usual correction subtracts one rounding error from another, which no gradient survives; this
 * has accurate gradients.
 *
 * @param x Any shape.
 * @returns float32 of the shape of x: −∞ at −1, NaN below.
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
