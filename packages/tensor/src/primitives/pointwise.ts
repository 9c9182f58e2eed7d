// The primitives of arithmetic on single elements: add, exp, less, where, cast, … and their meaning.

import { expectDType, roundTo, type DType } from '../array/dtype.ts';
import { DTypeError, formatShape, ShapeError } from '../errors.ts';
import { sameShape, sizeOf } from '../array/shape.ts';
import { erf } from './erf.ts';
import type { NoParams, PointwisePrimitive, TensorSpec } from './primitive.ts';

/** Attributes of every pointwise primitive. */
export interface PointwiseParams {
  neg: NoParams;
  exp: NoParams;
  log: NoParams;
  sqrt: NoParams;
  sin: NoParams;
  cos: NoParams;
  tanh: NoParams;
  sigmoid: NoParams;
  erf: NoParams;
  floor: NoParams;
  round: NoParams;
  add: NoParams;
  sub: NoParams;
  mul: NoParams;
  div: NoParams;
  pow: NoParams;
  mod: NoParams;
  atan2: NoParams;
  maximum: NoParams;
  less: NoParams;
  lessEqual: NoParams;
  equal: NoParams;
  where: NoParams;
  cast: { readonly dtype: DType };
}

/**
 * The pointwise primitives. Their operands have equal shapes: broadcasting is an explicit `expand`
 * before them, so its gradient (a sum) is written once.
 */
export const pointwise: {
  readonly [N in keyof PointwiseParams]: PointwisePrimitive<PointwiseParams[N]>;
} = {
  neg: unary('neg', (x) => -x, ['float32', 'int32']),
  exp: unary('exp', (x) => Math.exp(x)),
  log: unary('log', (x) => Math.log(x)),
  sqrt: unary('sqrt', (x) => Math.sqrt(x)),
  sin: unary('sin', (x) => Math.sin(x)),
  cos: unary('cos', (x) => Math.cos(x)),
  tanh: unary('tanh', (x) => Math.tanh(x)),
  sigmoid: unary('sigmoid', (x) => 1 / (1 + Math.exp(-x))),
  erf: unary('erf', (x) => erf(x)),
  floor: unary('floor', (x) => Math.floor(x)),
  /** The nearest whole number; the even one if two are equally near. */
  round: unary('round', roundHalfToEven),
  add: binary('add', (a, b) => a + b, {
    dtypes: ['float32', 'int32'],
    commutative: true,
    rightIdentity: -0,
  }),
  sub: binary('sub', (a, b) => a - b, { dtypes: ['float32', 'int32'], rightIdentity: 0 }),
  /** a · b; for int32 modulo 2^32, for bools the logical and. */
  mul: binary('mul', (a, b, _c, dtype) => (dtype === 'int32' ? Math.imul(a, b) : a * b), {
    dtypes: ['float32', 'int32', 'bool'],
    commutative: true,
    rightIdentity: 1,
  }),
  div: binary('div', (a, b) => a / b, { rightIdentity: 1 }),
  pow: binary('pow', power, { rightIdentity: 1 }),
  /** a − b · ⌊a / b⌋ without rounding: the remainder with the sign of b. */
  mod: binary('mod', (a, b, _c, dtype) => modulo(a, b, dtype), { dtypes: ['float32', 'int32'] }),
  /** The angle of the point (b, a), seen from the origin, in (−π, π]. */
  atan2: binary('atan2', (a, b) => Math.atan2(a, b), {}),
  /** The larger one, NaN if either is NaN; for bools the logical or. */
  maximum: binary('maximum', (a, b) => Math.max(a, b), {
    dtypes: ['float32', 'int32', 'bool'],
    commutative: true,
  }),
  less: comparison('less', (a, b) => Number(a < b)),
  lessEqual: comparison('lessEqual', (a, b) => Number(a <= b)),
  equal: comparison('equal', (a, b) => Number(a === b), true),
  /** condition ? a : b */
  where: {
    kind: 'pointwise',
    name: 'where',
    commutative: false,
    rightIdentity: null,
    scalar: (condition, a, b) => (condition === 0 ? b : a),
    infer: (inputs) => {
      const [condition, a, b] = inputs;
      expectSameShapes('where', inputs);
      expectDType('where', condition.dtype, ['bool']);
      expectSameDTypes('where', [a, b]);
      return [{ shape: a.shape, dtype: a.dtype }];
    },
    flops: ([condition]) => sizeOf(condition.shape),
  },
  /**
   * x as another dtype; float to int truncates towards 0 and saturates (NaN becomes 0), to bool all but 0 is
   * true
   */
  cast: {
    kind: 'pointwise',
    name: 'cast',
    commutative: false,
    rightIdentity: null,
    scalar: (x, _b, _c, dtype) =>
      dtype === 'bool' ? Number(x !== 0) : dtype === 'int32' ? saturateInt32(x) : x,
    infer: ([x], { dtype }) => [{ shape: x.shape, dtype }],
    flops: () => 0,
  },
};

/** `x` as an int32: truncated towards 0, limited to the range, NaN as 0. */
export function saturateInt32(x: number): number {
  return Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, x)) | 0;
}

/**
 * `a^b` with the special values of IEEE 754. It is 1 for a = 1 and any b, and for a = −1 and b = ±∞;
 * `Math.pow` gives NaN there.
 *
 * Source: IEEE 754-2019, section 9.2.1.
 */
export function power(a: number, b: number): number {
  return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : Math.pow(a, b);
}

/**
 * Rounds `x` to the nearest whole number, halves to the even one; −0 stays −0.
 *
 * Source: IEEE 754-2019, section 5.9, roundToIntegralTiesToEven.
 */
function roundHalfToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  const isUp = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  return isUp ? -Math.floor(-x) : below;
}

/** The remainder of `a / b` with the sign of b. For b = 0 it is NaN, or 0 for int32. */
function modulo(a: number, b: number, dtype: DType): number {
  if (b === 0 && dtype === 'int32') return 0;
  const rest = a % b; // exact, with the sign of a
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

/**
 * Applies a pointwise primitive to numbers.
 *
 * @param operands One number per operand.
 * @param dtype The dtype of the result, to which the result is rounded.
 * @example
 * const add = primitives.add as PointwisePrimitive;
 * scalarOf(add, [0.1, 0.2], 'float32'); // 0.30000001192092896
 */
export function scalarOf(
  { scalar }: PointwisePrimitive,
  operands: readonly number[],
  dtype: DType,
): number {
  const [a, b = a, c = a] = operands;
  return roundTo(dtype, scalar(a, b, c, dtype));
}

/** The meaning of a primitive for one element. */
type Scalar = PointwisePrimitive['scalar'];

function unary(
  name: string,
  scalar: Scalar,
  dtypes: readonly DType[] = ['float32'],
): PointwisePrimitive<NoParams> {
  return {
    kind: 'pointwise',
    name,
    commutative: false,
    rightIdentity: null,
    scalar,
    infer: ([x]) => {
      expectDType(name, x.dtype, dtypes);
      return [{ shape: x.shape, dtype: x.dtype }];
    },
    flops: ([x]) => sizeOf(x.shape),
  };
}

interface BinaryTraits {
  readonly dtypes?: readonly DType[];
  readonly commutative?: boolean;
  readonly rightIdentity?: number;
}

function binary(name: string, scalar: Scalar, traits: BinaryTraits): PointwisePrimitive<NoParams> {
  return {
    kind: 'pointwise',
    name,
    commutative: traits.commutative ?? false,
    rightIdentity: traits.rightIdentity ?? null,
    scalar,
    infer: (inputs) => {
      expectSameShapes(name, inputs);
      expectSameDTypes(name, inputs);
      expectDType(name, inputs[0].dtype, traits.dtypes ?? ['float32']);
      return [{ shape: inputs[0].shape, dtype: inputs[0].dtype }];
    },
    flops: ([a]) => sizeOf(a.shape),
  };
}

function comparison(
  name: string,
  scalar: Scalar,
  commutative = false,
): PointwisePrimitive<NoParams> {
  return {
    kind: 'pointwise',
    name,
    commutative,
    rightIdentity: null,
    scalar,
    infer: (inputs) => {
      expectSameShapes(name, inputs);
      expectSameDTypes(name, inputs);
      return [{ shape: inputs[0].shape, dtype: 'bool' }];
    },
    flops: ([a]) => sizeOf(a.shape),
  };
}

function expectSameShapes(op: string, inputs: readonly TensorSpec[]): void {
  if (inputs.every((input) => sameShape(input.shape, inputs[0].shape))) return;
  const shapes = inputs.map((input) => input.shape);
  throw new ShapeError(
    op,
    `operands must have one shape, but got ${shapes.map(formatShape).join(' and ')}. Expand them first.`,
    shapes,
  );
}

function expectSameDTypes(op: string, inputs: readonly TensorSpec[]): void {
  if (inputs.every((input) => input.dtype === inputs[0].dtype)) return;
  const dtypes = inputs.map((input) => input.dtype);
  throw new DTypeError(
    op,
    `operands must have one dtype, but got ${dtypes.join(' and ')}. Cast them first.`,
    dtypes,
  );
}
