// The vector instructions of WebAssembly by name, as typed functions.

/**
 * The vector instructions by the names of the specification: `f32x4.mul(a, b)`.
 *
 * Source: WebAssembly Core Specification 2.0, section 5.4.9, and the relaxed SIMD proposal.
 */
import {
  float32Bytes,
  float64Bytes,
  int32Bytes,
  unsigned,
  type F32,
  type F64,
  type I32,
  type Statement,
  type V128,
  type Value,
  type ValueType,
} from './code.ts';
import type { Binary, Instructions, Load, Store, Unary } from './instructions.ts';

const PREFIX = 0xfd;

function instruction<R extends ValueType>(
  type: R,
  operands: readonly Value<ValueType>[],
  opcode: number,
  immediate: readonly number[] = [],
): Value<R> {
  return {
    type,
    code: [...operands.map(({ code }) => code), PREFIX, unsigned(opcode), immediate],
  };
}

const constant = (bytes: readonly number[]): V128 => ({ type: 'v128', code: [{ bytes }] });
const unary =
  (opcode: number): Unary<'v128'> =>
  (a) =>
    instruction('v128', [a], opcode);
const binary =
  (opcode: number): Binary<'v128'> =>
  (a, b) =>
    instruction('v128', [a, b], opcode);
const test =
  (opcode: number): Unary<'v128', 'i32'> =>
  (a) =>
    instruction('i32', [a], opcode);
const splat =
  <A extends ValueType>(opcode: number): Unary<A, 'v128'> =>
  (a) =>
    instruction('v128', [a], opcode);
const shift =
  (opcode: number): Shift =>
  (a, bits) =>
    instruction('v128', [a, bits], opcode);
const load =
  (opcode: number, alignment: number): Load<'v128'> =>
  (address, offset = 0) =>
    instruction('v128', [address], opcode, [alignment, ...unsigned(offset)]);
const ternary =
  (opcode: number): Ternary =>
  (a, b, c) =>
    instruction('v128', [a, b, c], opcode);

/** An instruction of three vectors. */
type Ternary = (a: V128, b: V128, c: V128) => V128;
/** A shift of every lane by `bits`. */
type Shift = (a: V128, bits: I32) => V128;
/** A load of one lane of `into` from `address + offset`. */
type LoadLane = (address: I32, into: V128, lane: number, offset?: number) => V128;
/** A store of one lane to `address + offset`. */
type StoreLane = (address: I32, value: V128, lane: number, offset?: number) => Statement;

const loadLane =
  (opcode: number, alignment: number): LoadLane =>
  (address, into, lane, offset = 0) =>
    instruction('v128', [address, into], opcode, [alignment, ...unsigned(offset), lane]);
const storeLane =
  (opcode: number, alignment: number): StoreLane =>
  (address, value, lane, offset = 0) => ({
    type: 'none',
    code: instruction('i32', [address, value], opcode, [alignment, ...unsigned(offset), lane]).code,
  });

const store: Store<'v128'> = (address, value, offset = 0) => ({
  type: 'none',
  code: instruction('i32', [address, value], 0x0b, [4, ...unsigned(offset)]).code,
});

/** Sixteen bytes as such. No access has to be aligned. */
export const v128: Instructions<
  'load' | 'load8x8_u' | 'load32_splat' | 'load64_splat' | 'load32_zero' | 'load64_zero',
  Load<'v128'>
> &
  Instructions<'load8_lane' | 'load32_lane' | 'load64_lane', LoadLane> &
  Instructions<'store', Store<'v128'>> &
  Instructions<'store8_lane' | 'store32_lane' | 'store64_lane', StoreLane> &
  Instructions<'not', Unary<'v128'>> &
  Instructions<'and' | 'andnot' | 'or' | 'xor', Binary<'v128'>> &
  Instructions<'bitselect', Ternary> &
  Instructions<'any_true', Unary<'v128', 'i32'>> = {
  load: load(0x00, 4),
  /** Four unsigned bytes, twice: eight bytes widened to 16 bits each. */
  load8x8_u: load(0x02, 3),
  /** One 32-bit number in every lane. */
  load32_splat: load(0x09, 2),
  /** One 64-bit number in both lanes. */
  load64_splat: load(0x0a, 3),
  /** One 32-bit number in lane 0, zeros elsewhere. */
  load32_zero: load(0x5c, 2),
  /** One 64-bit number in lane 0, zeros elsewhere. */
  load64_zero: load(0x5d, 3),
  load8_lane: loadLane(0x54, 0),
  load32_lane: loadLane(0x56, 2),
  load64_lane: loadLane(0x57, 3),
  store,
  store8_lane: storeLane(0x58, 0),
  store32_lane: storeLane(0x5a, 2),
  store64_lane: storeLane(0x5b, 3),
  not: unary(0x4d),
  and: binary(0x4e),
  /** `a & ~b` */
  andnot: binary(0x4f),
  or: binary(0x50),
  xor: binary(0x51),
  /** `bitselect(a, b, mask)`, bit by bit: `mask ? a : b`. */
  bitselect: ternary(0x52),
  any_true: test(0x53),
};

/** Bytes. */
export const i8x16: {
  readonly shuffle: (a: V128, b: V128, lanes: readonly number[]) => V128;
} & Instructions<'narrow_i16x8_u', Binary<'v128'>> = {
  /** Byte i of the result is byte `lanes[i]` of the 32 bytes of a and b. */
  shuffle: (a: V128, b: V128, lanes: readonly number[]): V128 =>
    instruction('v128', [a, b], 0x0d, lanes),
  narrow_i16x8_u: binary(0x66),
};

/** 16-bit integers: the step between bytes and 32-bit numbers. */
export const i16x8: Instructions<'narrow_i32x4_u', Binary<'v128'>> &
  Instructions<'extend_low_i8x16_u', Unary<'v128'>> = {
  narrow_i32x4_u: binary(0x86),
  extend_low_i8x16_u: unary(0x89),
};

/** Four 32-bit integers, or masks: a true lane has all bits set. */
export const i32x4: {
  readonly const: (...lanes: readonly [number, number, number, number]) => V128;
  readonly extract_lane: (a: V128, lane: number) => I32;
  readonly replace_lane: (a: V128, lane: number, value: I32) => V128;
} & Instructions<'splat', Unary<'i32', 'v128'>> &
  Instructions<'all_true' | 'bitmask', Unary<'v128', 'i32'>> &
  Instructions<
    'extend_low_i16x8_u' | 'neg' | 'trunc_sat_f32x4_s' | 'trunc_sat_f64x2_s_zero',
    Unary<'v128'>
  > &
  Instructions<
    'eq' | 'ne' | 'lt_s' | 'gt_s' | 'le_s' | 'ge_s' | 'add' | 'sub' | 'mul' | 'min_s' | 'max_s',
    Binary<'v128'>
  > &
  Instructions<'shl' | 'shr_s' | 'shr_u', Shift> = {
  const: (...lanes: readonly [number, number, number, number]): V128 =>
    constant(int32Bytes(...lanes)),
  splat: splat<'i32'>(0x11),
  extract_lane: (a: V128, lane: number): I32 => instruction('i32', [a], 0x1b, [lane]),
  replace_lane: (a: V128, lane: number, value: I32): V128 =>
    instruction('v128', [a, value], 0x1c, [lane]),
  extend_low_i16x8_u: unary(0xa9),
  eq: binary(0x37),
  ne: binary(0x38),
  lt_s: binary(0x39),
  gt_s: binary(0x3b),
  le_s: binary(0x3d),
  ge_s: binary(0x3f),
  neg: unary(0xa1),
  all_true: test(0xa3),
  bitmask: test(0xa4),
  shl: shift(0xab),
  shr_s: shift(0xac),
  shr_u: shift(0xad),
  add: binary(0xae),
  sub: binary(0xb1),
  mul: binary(0xb5),
  min_s: binary(0xb6),
  max_s: binary(0xb8),
  /** Rounds towards 0 and saturates; NaN gives 0. */
  trunc_sat_f32x4_s: unary(0xf8),
  trunc_sat_f64x2_s_zero: unary(0xfc),
};

/** Two 64-bit integers: the bits of float64 numbers. */
export const i64x2: Instructions<'shl' | 'shr_s' | 'shr_u', Shift> &
  Instructions<'add' | 'sub', Binary<'v128'>> = {
  shl: shift(0xcb),
  shr_s: shift(0xcc),
  shr_u: shift(0xcd),
  add: binary(0xce),
  sub: binary(0xd1),
};

/** Four float32 numbers. */
export const f32x4: {
  readonly const: (...lanes: readonly [number, number, number, number]) => V128;
  readonly constant: (value: number) => V128;
  readonly extract_lane: (a: V128, lane: number) => F32;
  readonly replace_lane: (a: V128, lane: number, value: F32) => V128;
  readonly relaxed_madd: Ternary;
} & Instructions<'splat', Unary<'f32', 'v128'>> &
  Instructions<
    | 'eq'
    | 'ne'
    | 'lt'
    | 'gt'
    | 'le'
    | 'ge'
    | 'add'
    | 'sub'
    | 'mul'
    | 'div'
    | 'min'
    | 'max'
    | 'pmin'
    | 'pmax',
    Binary<'v128'>
  > &
  Instructions<
    | 'ceil'
    | 'floor'
    | 'trunc'
    | 'nearest'
    | 'abs'
    | 'neg'
    | 'sqrt'
    | 'convert_i32x4_s'
    | 'demote_f64x2_zero',
    Unary<'v128'>
  > = {
  const: (...lanes: readonly [number, number, number, number]): V128 =>
    constant(float32Bytes(...lanes)),
  /** One constant in all four lanes. */
  constant: (value: number): V128 => constant(float32Bytes(value, value, value, value)),
  splat: splat<'f32'>(0x13),
  extract_lane: (a: V128, lane: number): F32 => instruction('f32', [a], 0x1f, [lane]),
  replace_lane: (a: V128, lane: number, value: F32): V128 =>
    instruction('v128', [a, value], 0x20, [lane]),
  eq: binary(0x41),
  ne: binary(0x42),
  lt: binary(0x43),
  gt: binary(0x44),
  le: binary(0x45),
  ge: binary(0x46),
  ceil: unary(0x67),
  floor: unary(0x68),
  trunc: unary(0x69),
  nearest: unary(0x6a),
  abs: unary(0xe0),
  neg: unary(0xe1),
  sqrt: unary(0xe3),
  add: binary(0xe4),
  sub: binary(0xe5),
  mul: binary(0xe6),
  div: binary(0xe7),
  min: binary(0xe8),
  /** NaN if either is. */
  max: binary(0xe9),
  /** `b < a ? b : a` */
  pmin: binary(0xea),
  /** `a < b ? b : a` */
  pmax: binary(0xeb),
  convert_i32x4_s: unary(0xfa),
  demote_f64x2_zero: unary(0x5e),
  /** `a · b + c` of relaxed SIMD: rounded once or twice, depending on the engine. */
  relaxed_madd: ternary(0x105),
};

/** Two float64 numbers. */
export const f64x2: {
  readonly constant: (value: number) => V128;
  readonly extract_lane: (a: V128, lane: number) => F64;
} & Instructions<'splat', Unary<'f64', 'v128'>> &
  Instructions<
    | 'eq'
    | 'ne'
    | 'lt'
    | 'gt'
    | 'le'
    | 'ge'
    | 'add'
    | 'sub'
    | 'mul'
    | 'div'
    | 'min'
    | 'max'
    | 'pmin'
    | 'pmax',
    Binary<'v128'>
  > &
  Instructions<
    'floor' | 'nearest' | 'abs' | 'neg' | 'sqrt' | 'convert_low_i32x4_s' | 'promote_low_f32x4',
    Unary<'v128'>
  > = {
  constant: (value: number): V128 => constant(float64Bytes(value, value)),
  splat: splat<'f64'>(0x14),
  extract_lane: (a: V128, lane: number): F64 => instruction('f64', [a], 0x21, [lane]),
  eq: binary(0x47),
  ne: binary(0x48),
  lt: binary(0x49),
  gt: binary(0x4a),
  le: binary(0x4b),
  ge: binary(0x4c),
  floor: unary(0x75),
  nearest: unary(0x94),
  abs: unary(0xec),
  neg: unary(0xed),
  sqrt: unary(0xef),
  add: binary(0xf0),
  sub: binary(0xf1),
  mul: binary(0xf2),
  div: binary(0xf3),
  min: binary(0xf4),
  max: binary(0xf5),
  pmin: binary(0xf6),
  pmax: binary(0xf7),
  convert_low_i32x4_s: unary(0xfe),
  /** The lower two float32 lanes as float64. */
  promote_low_f32x4: unary(0x5f),
};
