// Hyperbolic functions and their inverses.

import { checkTensors } from '../../arguments.ts';
import type { Tensor } from '../../tensor.ts';
import { expm1, log1p } from './exponential.ts';

/**
 * The hyperbolic sine, `(e^x − e^−x) / 2`, accurate near 0 and up to the largest float32.
 *
 * @param x Any shape.
 * @returns float32 of the shape of x.
 * @example
 * sinh(tensor([0, 1, -1])); // [0, 1.1752012, -1.1752012]
 */
export function sinh(x: Tensor): Tensor {
  checkTensors('sinh', { x });
  const y = x.cast('float32');
  const isSmall = y.abs().less(1);
  const small = isSmall.where(y, 0);
  const near = expm1(small).sub(expm1(small.neg())).mul(0.5);
  const { rising, falling } = halvesOfCosh(y);
  return isSmall.where(near, rising.sub(falling));
}

/**
 * The hyperbolic cosine, `(e^x + e^−x) / 2`.
 *
 * @param x Any shape.
 * @returns float32 of the shape of x.
 * @example
 * cosh(tensor([0, 1, -1])); // [1, 1.5430806, 1.5430806]
 */
export function cosh(x: Tensor): Tensor {
  checkTensors('cosh', { x });
  const { rising, falling } = halvesOfCosh(x.cast('float32'));
  return rising.add(falling);
}

/**
 * `e^x / 2` and `e^−x / 2`, as products of `e^(±x/2)`. So neither they nor their derivatives overflow before
 * the result does.
 */
function halvesOfCosh(x: Tensor): { readonly rising: Tensor; readonly falling: Tensor } {
  const [up, down] = [x.mul(0.5).exp(), x.mul(-0.5).exp()];
  return { rising: up.mul(0.5).mul(up), falling: down.mul(0.5).mul(down) };
}

/**
 * The inverse of {@link sinh}, `ln(x + √(x² + 1))`, accurate near 0 and for the largest float32.
 *
 * @param x Any shape.
 * @returns float32 of the shape of x.
 * @example
 * asinh(tensor([0, 1, -1])); // [0, 0.8813736, -0.8813736]
 */
export function asinh(x: Tensor): Tensor {
  checkTensors('asinh', { x });
  const y = x.cast('float32');
  const isSmall = y.abs().less(1);
  const small = isSmall.where(y, 0);
  const ratio = small.div(small.square().add(1).sqrt().add(1)); // tanh of half the result
  const near = log1p(ratio).sub(log1p(ratio.neg()));
  const large = isSmall.where(1, y.abs());
  const far = large.log().add(inverseSquare(large).add(1).sqrt().add(1).log());
  return isSmall.where(near, y.less(0).where(far.neg(), far));
}

/**
 * The inverse of {@link cosh} for results of at least 0, `ln(x + √(x² − 1))`; NaN for x < 1. At 1 the
 * gradient is ∞.
 *
 * @param x Any shape.
 * @returns float32 of the shape of x.
 * @example
 * acosh(tensor([1, 2])); // [0, 1.316958]
 */
export function acosh(x: Tensor): Tensor {
  checkTensors('acosh', { x });
  const y = x.cast('float32');
  const isLarge = y.greater(2);
  const above = isLarge.where(1, y).sub(1);
  const near = log1p(above.add(above.mul(above.add(2)).sqrt()));
  const large = isLarge.where(y, 2);
  const far = large.log().add(inverseSquare(large).neg().add(1).sqrt().add(1).log());
  return isLarge.where(far, near);
}

/** `1 / x²`; 0 if x² overflows float32. */
function inverseSquare(x: Tensor): Tensor {
  const inverse = x.reciprocal();
  return inverse.mul(inverse);
}

/**
 * The inverse of `tanh`, `½ (ln(1 + x) − ln(1 − x))`; ±∞ at ±1, NaN beyond them.
 *
 * @param x Any shape.
 * @returns float32 of the shape of x.
 * @example
 * atanh(tensor([0, 0.5, 1])); // [0, 0.5493061, Infinity]
 */
export function atanh(x: Tensor): Tensor {
  checkTensors('atanh', { x });
  return log1p(x).sub(log1p(x.neg())).mul(0.5);
}
