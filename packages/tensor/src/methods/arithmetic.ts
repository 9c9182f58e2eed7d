// Promotes dtypes, broadcasts shapes and applies a primitive: the arithmetic methods of tensors.

import { isTensor, kindOf } from '../arguments.ts';
import { promoteDTypes, type DType } from '../array/dtype.ts';
import { DTypeError, ValueError } from '../errors.ts';
import { apply } from '../interpreter.ts';
import { pointwise, saturateInt32 } from '../primitives/pointwise.ts';
import type { NoParams, PointwisePrimitive } from '../primitives/primitive.ts';
import { literal } from '../primitives/source.ts';
import { broadcastShapes, type Shape } from '../array/shape.ts';
import type { Operand, Tensor } from '../tensor.ts';

/** A tensor that holds `value` everywhere. */
export function constant(value: number, dtype: DType, shape: Shape): Tensor {
  return apply(literal, [], { value, dtype })[0].expand(shape);
}

/** Advice for a number that a dtype cannot hold. */
const HINTS = {
  float32: '',
  int32: 'Use float32, or round it first.',
  bool: "A bool is 0 or 1: compare first, e.g. x.notEqual(0), or take dtype 'int32'.",
} as const;

/** Throws a ValueError unless `dtype` holds `value`. `at` is its index if it is one of several elements. */
export function checkNumber(op: string, value: number, dtype: DType, at?: number): void {
  if (typeof value !== 'number' && typeof value !== 'boolean') {
    throw new ValueError(op, `takes a number, but got ${kindOf(value)}.`);
  }
  if (dtype === 'float32') return;
  if (dtype === 'int32' ? saturateInt32(value) === value : value === 0 || value === 1) return;
  const subject = at === undefined ? `${value} is` : `element ${at} is ${value}, which is`;
  throw new ValueError(op, `${subject} no ${dtype}. ${HINTS[dtype]}`);
}

/** Throws a ValueError unless `x` is a tensor, a number or a boolean. */
function checkOperand(op: string, x: unknown): void {
  if (typeof x === 'number' || typeof x === 'boolean' || isTensor(x)) return;
  throw new ValueError(
    op,
    `operands are tensors, numbers or booleans, but got ${kindOf(x)}. Make a tensor first, with tensor(…).`,
  );
}

/** `x` as a tensor. A number takes the dtype of `like` if that dtype holds it. */
export function asTensor(op: string, x: Operand, like: Tensor): Tensor {
  checkOperand(op, x);
  if (typeof x === 'object') return x;
  if (typeof x === 'boolean') return constant(Number(x), 'bool', []);
  const dtype = like.dtype === 'int32' && saturateInt32(x) === x ? 'int32' : 'float32';
  return constant(x, dtype, []);
}

/** `x` as float32. */
export function float(x: Operand, op = 'cast'): Tensor {
  checkOperand(op, x);
  return typeof x === 'object' ? x.cast('float32') : constant(Number(x), 'float32', []);
}

/** x with the order of all values reversed: `−x`, for int32 `−1 − x`, for bool not. It is its own inverse. */
export function reverseOrder(x: Tensor): Tensor {
  if (x.dtype === 'float32') return x.neg();
  return x.dtype === 'bool' ? x.not() : constant(-1, 'int32', []).sub(x);
}

/** Applies a primitive with one operand. */
export function unary(primitive: PointwisePrimitive<NoParams>, x: Tensor): Tensor {
  return apply(primitive, [x], {})[0];
}

/** Applies a primitive with two operands, after bringing them to one dtype and one shape. */
export function binary(primitive: PointwisePrimitive<NoParams>, a: Tensor, b: Operand): Tensor {
  const other = asTensor(primitive.name, b, a);
  const dtype = promoteDTypes(a.dtype, other.dtype);
  const shape = broadcastShapes(primitive.name, a.shape, other.shape);
  return apply(primitive, [a.cast(dtype).expand(shape), other.cast(dtype).expand(shape)], {})[0];
}

/**
 * Compares a with b, or b with a under another name. If a is int32 and b a number that is not, the comparison
 * is exact: it takes the next whole number towards 0, as in `x < 2.5` for `x ≤ 2`.
 */
export function compare(
  name: 'less' | 'lessEqual' | 'equal',
  a: Tensor,
  b: Operand,
  flipped?: 'greater' | 'greaterEqual',
): Tensor {
  let [primitive, other] = [pointwise[name], b];
  if (a.dtype === 'int32' && typeof b === 'number' && saturateInt32(b) !== b) {
    other = name === 'equal' || Number.isNaN(b) ? NaN : saturateInt32(b);
    primitive = b > 0 === (flipped === undefined) ? pointwise.lessEqual : pointwise.less;
    if (name === 'equal') primitive = pointwise.equal;
  }
  return flipped === undefined
    ? binary(primitive, a, other)
    : binary(primitive, asTensor(flipped, other, a), a);
}

/** `min(a, b)`: the maximum with the order of all values reversed. */
export function minimum(a: Tensor, b: Operand): Tensor {
  const other = asTensor('minimum', b, a);
  broadcastShapes('minimum', a.shape, other.shape);
  const dtype = promoteDTypes(a.dtype, other.dtype);
  const [x, y] = [a, other].map((each) => reverseOrder(each.cast(dtype)));
  return reverseOrder(x.maximum(y));
}

/** `condition ? ifTrue : ifFalse`, after bringing all three to one shape and both branches to one dtype. */
export function select(condition: Tensor, ifTrue: Operand, ifFalse: Operand): Tensor {
  expectBool('where', condition);
  const tensors = [ifTrue, ifFalse].filter((x) => typeof x === 'object' && isTensor(x));
  const like = tensors[0] ?? constant(0, 'float32', []);
  const [a, b] = [asTensor('where', ifTrue, like), asTensor('where', ifFalse, like)];
  const dtype = promoteDTypes(a.dtype, b.dtype);
  const shape = broadcastShapes('where', condition.shape, a.shape, b.shape);
  const branches = [a, b].map((x) => x.cast(dtype).expand(shape));
  return apply(pointwise.where, [condition.expand(shape), ...branches], {})[0];
}

/** Throws a DTypeError unless all tensors are bool. */
export function expectBool(op: string, ...tensors: readonly Tensor[]): void {
  const dtypes = tensors.map((x) => (isTensor(x) ? x.dtype : kindOf(x)));
  if (dtypes.every((dtype) => dtype === 'bool')) return;
  throw new DTypeError(
    op,
    `takes bool, but got ${dtypes.join(' and ')}. Compare first, e.g. x.greater(0).`,
    dtypes,
  );
}
