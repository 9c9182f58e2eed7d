// Whole numbers, signs, remainders and whole quotients.

import { checkTensors } from '../../arguments.ts';
import { promoteDTypes } from '../../array/dtype.ts';
import { asTensor, binary, float, unary } from '../../methods/arithmetic.ts';
import { pointwise } from '../../primitives/pointwise.ts';
import type { Operand, Tensor } from '../../tensor.ts';

/**
 * Rounds x to the nearest whole number; halves go to the even one, as in PyTorch and NumPy. No gradient
 * passes.
 *
 * @param x Any shape.
 * @returns float32 of the shape of x.
 * @example
 * round(tensor([0.5, 1.5, 2.4, -2.6])); // [0, 2, 2, -3]
 */
export function round(x: Tensor): Tensor {
  checkTensors('round', { x });
  return unary(pointwise.round, float(x));
}

/**
 * The smallest whole number that is not below x. No gradient passes.
 *
 * @param x Any shape.
 * @returns float32 of the shape of x.
 * @example
 * ceil(tensor([0.2, -1.5, 3])); // [1, -1, 3]
 */
export function ceil(x: Tensor): Tensor {
  checkTensors('ceil', { x });
  return x.neg().floor().neg();
}

/**
 * 1 where x is above 0, −1 where it is below 0, else 0 (also for NaN), as in PyTorch. No gradient passes.
 *
 * @param x float32 or int32 of any shape.
 * @returns The shape and dtype of x.
 * @throws DTypeError if x is bool.
 * @example
 * sign(tensor([-3, 0, 0.1])); // [-1, 0, 1]
 */
export function sign(x: Tensor): Tensor {
  checkTensors('sign', { x });
  return x.greater(0).cast(x.dtype).sub(x.less(0).cast(x.dtype));
}

/**
 * The remainder of `a / b` with the sign of b: `a − b · ⌊a / b⌋`, without rounding the quotient. It is the
 * same as `torch.remainder`, `np.mod` and Python's `%`.
 *
 * `mod(a, 0)` is NaN, and 0 for int32, as in NumPy (PyTorch throws for integers). The gradients are 1 and
 * `−⌊a / b⌋`.
 *
 * @param a float32 or int32.
 * @param b A number, or a tensor that broadcasts with a.
 * @returns the broadcast shape; float32 unless both are int32
 * @example
 * mod(tensor([5, -5, 5.5]), 3); // [2, 1, 2.5]
 */
export function mod(a: Tensor, b: Operand): Tensor {
  checkTensors('mod', { a });
  return binary(pointwise.mod, a, b);
}

/**
 * `⌊a / b⌋`, without rounding the quotient first: the whole number q with `a = q · b + mod(a, b)`. It is the
 * same as `torch.floor_divide` and Python's `//`. No gradient passes.
 *
 * For b = 0 it is the same as `a / b`: ±∞ or NaN. For int32 it is 0, as in NumPy (PyTorch throws for
 * integers).
 *
 * @param a float32 or int32.
 * @param b A number, or a tensor that broadcasts with a.
 * @returns the broadcast shape; float32 unless both are int32
 * @example
 * floorDivide(tensor([7, -7, 7.5]), 2); // [3, -4, 3]
 */
export function floorDivide(a: Tensor, b: Operand): Tensor {
  checkTensors('floorDivide', { a });
  const divisor = asTensor('floorDivide', b, a);
  const isWhole = promoteDTypes(a.dtype, divisor.dtype) === 'int32';
  return isWhole ? divideInts(a, divisor) : divideFloats(a.cast('float32'), divisor);
}

/** The remainder of |a| is exact, so |a| minus it is a multiple of |b|. */
function divideFloats(a: Tensor, b: Tensor): Tensor {
  const [size, step] = [a.abs(), b.abs()];
  const rest = mod(size, step);
  const quotient = round(size.sub(rest).div(step));
  const below = rest.equal(0).where(quotient.neg(), quotient.neg().sub(1));
  const isNegative = a.less(0).notEqual(b.less(0));
  return b.equal(0).where(a.div(b).floor(), isNegative.where(below, quotient));
}

/** Above this number, float32 cannot hold every int32. */
const EXACT = 2 ** 24;

/** The quotient in float32, corrected by the remainder. All sums are modulo 2^32. */
function divideInts(a: Tensor, b: Tensor): Tensor {
  const estimate = round(a.div(b)).cast('int32');
  const missing = a.sub(estimate.mul(b)).sub(mod(a, b)); // a multiple of b, of one digit where b is large
  const ofLarge = missing.equal(b).cast('int32').sub(missing.equal(b.neg()).cast('int32'));
  const isSmall = b.less(EXACT).and(b.greater(-EXACT));
  const correction = isSmall.where(round(missing.div(b)).cast('int32'), ofLarge);
  return b.equal(0).where(0, estimate.add(correction));
}
