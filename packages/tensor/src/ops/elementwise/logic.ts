// any, all, isNaN, isInf, isFinite, isClose and allClose: questions about elements.

import { checkOptions, checkTensors } from '../../arguments.ts';
import { ValueError } from '../../errors.ts';
import { asTensor } from '../../methods/arithmetic.ts';
import { broadcastShapes, normalizeAxes } from '../../array/shape.ts';
import type { Axes, Operand, ReduceOptions, Tensor } from '../../tensor.ts';
import { expectReadable } from './readable.ts';

/** Options of {@link isClose} and {@link allClose}. */
export interface CloseOptions {
  /** Tolerance as a multiple of |b|. Default 1e-5. */
  readonly rtol?: number;
  /** Absolute tolerance, added to the relative one. Default 1e-8. */
  readonly atol?: number;
  /** Whether NaN is close to NaN. Default false. */
  readonly equalNaN?: boolean;
}

/**
 * Whether any element along `axes` is true (a number is true if it is not 0; NaN is true). False if there are
 * no elements.
 *
 * @param x Any shape and dtype.
 * @param axes One axis, several, or `null` for all. Default all.
 * @returns bool.
 * @throws AxisError if an axis does not exist or is named twice.
 * @example
 * any(tensor([[true, false], [false, false]]), 1); // [true, false]
 */
export function any(x: Tensor, axes: Axes = null, options: ReduceOptions = {}): Tensor {
  checkTensors('any', { x });
  checkOptions('any', options, ['keepDims']);
  const list = normalizeAxes('any', axes, x.rank);
  return x.cast('bool').sum(list, options).greater(0);
}

/**
 * Whether all elements along `axes` are true (a number is true if it is not 0; NaN is true). True if there
 * are no elements.
 *
 * @param x Any shape and dtype.
 * @param axes One axis, several, or `null` for all. Default all.
 * @returns bool.
 * @throws AxisError if an axis does not exist or is named twice.
 * @example
 * all(tensor([[true, false], [true, true]]), 1); // [false, true]
 */
export function all(x: Tensor, axes: Axes = null, options: ReduceOptions = {}): Tensor {
  checkTensors('all', { x });
  checkOptions('all', options, ['keepDims']);
  const list = normalizeAxes('all', axes, x.rank);
  return x.cast('bool').not().sum(list, options).equal(0);
}

/**
 * Whether each element is NaN.
 *
 * @returns bool of the shape of x: false everywhere for int32 and bool.
 * @example
 * isNaN(tensor([1, NaN, Infinity])); // [false, true, false]
 */
export function isNaN(x: Tensor): Tensor {
  checkTensors('isNaN', { x });
  return x.notEqual(x);
}

/**
 * Whether each element is `∞` or `−∞`.
 *
 * @returns bool of the shape of x: false everywhere for int32 and bool.
 * @example
 * isInf(tensor([1, NaN, -Infinity])); // [false, false, true]
 */
export function isInf(x: Tensor): Tensor {
  checkTensors('isInf', { x });
  return x.cast('float32').abs().equal(Infinity);
}

/**
 * Whether each element is neither infinite nor NaN.
 *
 * @returns bool of the shape of x: true everywhere for int32 and bool.
 * @example
 * isFinite(tensor([1, NaN, -Infinity])); // [true, false, false]
 */
export function isFinite(x: Tensor): Tensor {
  checkTensors('isFinite', { x });
  return x.cast('float32').abs().less(Infinity);
}

/**
 * Whether `|a − b| ≤ atol + rtol · |b|` for each element, with NumPy's tolerances. Equal infinities are
 * close. NaN is close to NaN only with `equalNaN`.
 *
 * @param a Any shape and dtype.
 * @param b A number or a tensor; both broadcast.
 * @returns bool.
 * @example
 * isClose(tensor([1, 2]), tensor([1.000001, 2.1])); // [true, false]
 */
export function isClose(a: Tensor, b: Operand, options: CloseOptions = {}): Tensor {
  return closeness('isClose', a, b, options);
}

/**
 * Whether all elements of a and b are close, see {@link isClose}; a and b broadcast.
 *
 * It reads values, so it needs `await` and cannot be used inside `compile` and `grad`. There, use
 * `all(isClose(a, b))`, which is a tensor.
 *
 * @throws ShapeError if the shapes do not broadcast, StateError inside of `compile` and `grad`.
 * @example
 * await allClose(tensor([0.1, 0.2]).add(0.1), tensor([0.2, 0.3])); // true
 */
export function allClose(a: Tensor, b: Operand, options: CloseOptions = {}): Promise<boolean> {
  const close = all(closeness('allClose', a, b, options));
  expectReadable('allClose', close);
  return close.item().then((truth) => truth === 1);
}

function closeness(op: string, a: Tensor, b: Operand, options: CloseOptions): Tensor {
  checkTensors(op, { a });
  checkOptions(op, options, ['rtol', 'atol', 'equalNaN']);
  const { rtol = 1e-5, atol = 1e-8, equalNaN = false } = options;
  if (!(Number.isFinite(rtol) && rtol >= 0 && Number.isFinite(atol) && atol >= 0)) {
    throw new ValueError(
      op,
      `rtol and atol must be finite and at least 0, but got ${rtol} and ${atol}.`,
    );
  }
  const other = asTensor(op, b, a);
  broadcastShapes(op, a.shape, other.shape);
  const [x, y] = [a.cast('float32'), other.cast('float32')];
  const near = x.sub(y).abs().lessEqual(y.abs().mul(rtol).add(atol)).and(isFinite(y));
  const close = a.equal(other).or(near);
  return equalNaN ? close.or(isNaN(x).and(isNaN(y))) : close;
}
