// The tangent, and angles from coordinates, sines and cosines.

import { checkTensors } from '../../arguments.ts';
import { binary } from '../../methods/arithmetic.ts';
import { pointwise } from '../../primitives/pointwise.ts';
import type { Operand, Tensor } from '../../tensor.ts';

/**
 * The tangent, `sin x / cos x`.
 *
 * @param x Radians, any shape.
 * @returns float32 of the shape of x.
 * @example
 * tan(tensor([0, Math.PI / 4])); // [0, 1]
 */
export function tan(x: Tensor): Tensor {
  checkTensors('tan', { x });
  return x.sin().div(x.cos());
}

/**
 * The angle of the point `(x, y)` seen from the origin, in radians from −π to π. It distinguishes 0 from −0,
 * as IEEE 754 does: `atan2(0, −1)` is π, `atan2(−0, −1)` is −π. At the origin the gradients are 0, as in
 * PyTorch.
 *
 * @param y Any shape.
 * @param x A number, or a tensor that broadcasts with y.
 * @returns float32 of the broadcast shape.
 * @example
 * atan2(tensor([1, 1, -1]), tensor([1, -1, 0])); // [0.7853982, 2.3561945, -1.5707964]
 */
export function atan2(y: Tensor, x: Operand): Tensor {
  checkTensors('atan2', { y });
  return binary(pointwise.atan2, y.cast('float32'), x);
}

/**
 * The arctangent, in radians from −π/2 to π/2.
 *
 * @param x Any shape.
 * @returns float32 of the shape of x.
 * @example
 * atan(tensor([0, 1, Infinity])); // [0, 0.7853982, 1.5707964]
 */
export function atan(x: Tensor): Tensor {
  checkTensors('atan', { x });
  return atan2(x, 1);
}

/**
 * The arcsine, in radians from −π/2 to π/2; NaN where |x| > 1.
 *
 * It is the angle of the point `(√(1 − x²), x)`; at ±1 the gradient is ∞.
 *
 * @param x Any shape.
 * @returns float32 of the shape of x.
 * @example
 * asin(tensor([0, 0.5, 1])); // [0, 0.5235988, 1.5707964]
 */
export function asin(x: Tensor): Tensor {
  checkTensors('asin', { x });
  const y = x.cast('float32');
  return atan2(y, otherSide(y));
}

/**
 * The arccosine, in radians from 0 to π; NaN where |x| > 1.
 *
 * It is the angle of the point `(x, √(1 − x²))`; at ±1 the gradient is −∞.
 *
 * @param x Any shape.
 * @returns float32 of the shape of x.
 * @example
 * acos(tensor([1, 0.5, -1])); // [0, 1.0471976, 3.1415927]
 */
export function acos(x: Tensor): Tensor {
  checkTensors('acos', { x });
  const y = x.cast('float32');
  return atan2(otherSide(y), y);
}

/** `√(1 − x²)` without cancellation near ±1. */
function otherSide(x: Tensor): Tensor {
  return x.neg().add(1).mul(x.add(1)).sqrt();
}
