// The scalar, memory and atomic instructions of WebAssembly by name, as typed functions.

/**
 * The scalar instructions by the names of the specification, as functions from operands to code:
 * `i32.add(a, b)` is the code of a, the code of b, and the opcode.
 *
 * Source: WebAssembly Core Specification 2.0, section 5.4, and the threads proposal.
 */
import {
  float32Bytes,
  float64Bytes,
  signed,
  unsigned,
  type F32,
  type F64,
  type I32,
  type I64,
  type Statement,
  type Value,
  type ValueType,
} from './code.ts';

/** An instruction of one operand. */
export type Unary<A extends ValueType, R extends ValueType = A> = (a: Value<A>) => Value<R>;
/** An instruction of two operands of one type. */
export type Binary<A extends ValueType, R extends ValueType = A> = (
  a: Value<A>,
  b: Value<A>,
) => Value<R>;
/** A load from `address + offset`. */
export type Load<R extends ValueType> = (address: I32, offset?: number) => Value<R>;
/** A store to `address + offset`. */
export type Store<A extends ValueType> = (
  address: I32,
  value: Value<A>,
  offset?: number,
) => Statement;

/** Instructions of one form, by name. */
export type Instructions<Names extends string, Form> = Readonly<Record<Names, Form>>;

function unary<A extends ValueType, R extends ValueType = A>(
  type: R,
  ...opcode: readonly number[]
): Unary<A, R> {
  return (a) => ({ type, code: [a.code, opcode] });
}

function binary<A extends ValueType, R extends ValueType = A>(
  type: R,
  opcode: number,
): Binary<A, R> {
  return (a, b) => ({ type, code: [a.code, b.code, opcode] });
}

function load<R extends ValueType>(type: R, opcode: number, alignment: number): Load<R> {
  return (address, offset = 0) => ({
    type,
    code: [address.code, opcode, alignment, unsigned(offset)],
  });
}

function store<A extends ValueType>(opcode: number, alignment: number): Store<A> {
  return (address, value, offset = 0) => ({
    type: 'none',
    code: [address.code, value.code, opcode, alignment, unsigned(offset)],
  });
}

const test = (opcode: number): Unary<'i32'> => unary('i32', opcode);
const compare = (opcode: number): Binary<'i32'> => binary('i32', opcode);

/** 32-bit integers: addresses, counts, truth values (0 is false). */
export const i32: { readonly const: (value: number) => I32 } & Instructions<'eqz', Unary<'i32'>> &
  Instructions<
    | 'eq'
    | 'ne'
    | 'lt_s'
    | 'lt_u'
    | 'gt_s'
    | 'gt_u'
    | 'le_s'
    | 'le_u'
    | 'ge_s'
    | 'ge_u'
    | 'add'
    | 'sub'
    | 'mul'
    | 'div_u'
    | 'rem_u'
    | 'and'
    | 'or'
    | 'xor'
    | 'shl'
    | 'shr_s'
    | 'shr_u',
    Binary<'i32'>
  > &
  Instructions<'reinterpret_f32' | 'trunc_sat_f32_s', Unary<'f32', 'i32'>> &
  Instructions<'trunc_sat_f64_s', Unary<'f64', 'i32'>> &
  Instructions<'wrap_i64', Unary<'i64', 'i32'>> &
  Instructions<'load' | 'load8_u', Load<'i32'>> &
  Instructions<'store' | 'store8', Store<'i32'>> = {
  const: (value: number): I32 => ({ type: 'i32', code: [0x41, signed(value | 0)] }),
  eqz: test(0x45),
  eq: compare(0x46),
  ne: compare(0x47),
  lt_s: compare(0x48),
  lt_u: compare(0x49),
  gt_s: compare(0x4a),
  gt_u: compare(0x4b),
  le_s: compare(0x4c),
  le_u: compare(0x4d),
  ge_s: compare(0x4e),
  ge_u: compare(0x4f),
  add: binary<'i32'>('i32', 0x6a),
  sub: binary<'i32'>('i32', 0x6b),
  mul: binary<'i32'>('i32', 0x6c),
  div_u: binary<'i32'>('i32', 0x6e),
  rem_u: binary<'i32'>('i32', 0x70),
  and: binary<'i32'>('i32', 0x71),
  or: binary<'i32'>('i32', 0x72),
  xor: binary<'i32'>('i32', 0x73),
  shl: binary<'i32'>('i32', 0x74),
  shr_s: binary<'i32'>('i32', 0x75),
  shr_u: binary<'i32'>('i32', 0x76),
  reinterpret_f32: unary<'f32', 'i32'>('i32', 0xbc),
  trunc_sat_f32_s: unary<'f32', 'i32'>('i32', 0xfc, 0x00),
  trunc_sat_f64_s: unary<'f64', 'i32'>('i32', 0xfc, 0x02),
  wrap_i64: unary<'i64', 'i32'>('i32', 0xa7),
  load: load('i32', 0x28, 2),
  load8_u: load('i32', 0x2d, 0),
  store: store<'i32'>(0x36, 2),
  store8: store<'i32'>(0x3a, 0),
};

/** 64-bit integers: the bits of float64 numbers. */
export const i64: { readonly const: (value: bigint) => I64 } & Instructions<
  'add' | 'sub' | 'and' | 'or' | 'shl' | 'shr_s' | 'shr_u',
  Binary<'i64'>
> &
  Instructions<'extend_i32_s' | 'extend_i32_u', Unary<'i32', 'i64'>> &
  Instructions<'reinterpret_f64', Unary<'f64', 'i64'>> = {
  const: (value: bigint): I64 => ({ type: 'i64', code: [0x42, signed(BigInt.asIntN(64, value))] }),
  add: binary<'i64'>('i64', 0x7c),
  sub: binary<'i64'>('i64', 0x7d),
  and: binary<'i64'>('i64', 0x83),
  or: binary<'i64'>('i64', 0x84),
  shl: binary<'i64'>('i64', 0x86),
  shr_s: binary<'i64'>('i64', 0x87),
  shr_u: binary<'i64'>('i64', 0x88),
  extend_i32_s: unary<'i32', 'i64'>('i64', 0xac),
  extend_i32_u: unary<'i32', 'i64'>('i64', 0xad),
  reinterpret_f64: unary<'f64', 'i64'>('i64', 0xbd),
};

/** float32 numbers. */
export const f32: { readonly const: (value: number) => F32 } & Instructions<
  'eq' | 'ne' | 'lt' | 'gt' | 'le' | 'ge',
  Binary<'f32', 'i32'>
> &
  Instructions<'add' | 'sub' | 'mul' | 'div' | 'min' | 'max', Binary<'f32'>> &
  Instructions<'abs' | 'neg' | 'floor' | 'sqrt', Unary<'f32'>> &
  Instructions<'convert_i32_s' | 'reinterpret_i32', Unary<'i32', 'f32'>> &
  Instructions<'demote_f64', Unary<'f64', 'f32'>> &
  Instructions<'load', Load<'f32'>> &
  Instructions<'store', Store<'f32'>> = {
  const: (value: number): F32 => ({ type: 'f32', code: [0x43, float32Bytes(value)] }),
  eq: binary<'f32', 'i32'>('i32', 0x5b),
  ne: binary<'f32', 'i32'>('i32', 0x5c),
  lt: binary<'f32', 'i32'>('i32', 0x5d),
  gt: binary<'f32', 'i32'>('i32', 0x5e),
  le: binary<'f32', 'i32'>('i32', 0x5f),
  ge: binary<'f32', 'i32'>('i32', 0x60),
  abs: unary<'f32'>('f32', 0x8b),
  neg: unary<'f32'>('f32', 0x8c),
  floor: unary<'f32'>('f32', 0x8e),
  sqrt: unary<'f32'>('f32', 0x91),
  add: binary<'f32'>('f32', 0x92),
  sub: binary<'f32'>('f32', 0x93),
  mul: binary<'f32'>('f32', 0x94),
  div: binary<'f32'>('f32', 0x95),
  min: binary<'f32'>('f32', 0x96),
  max: binary<'f32'>('f32', 0x97),
  convert_i32_s: unary<'i32', 'f32'>('f32', 0xb2),
  demote_f64: unary<'f64', 'f32'>('f32', 0xb6),
  reinterpret_i32: unary<'i32', 'f32'>('f32', 0xbe),
  load: load('f32', 0x2a, 2),
  store: store<'f32'>(0x38, 2),
};

/** float64 numbers: accumulators of long sums. */
export const f64: { readonly const: (value: number) => F64 } & Instructions<
  'eq' | 'lt' | 'gt',
  Binary<'f64', 'i32'>
> &
  Instructions<'add' | 'sub' | 'mul' | 'div' | 'min' | 'max', Binary<'f64'>> &
  Instructions<'abs' | 'neg' | 'floor' | 'nearest' | 'sqrt', Unary<'f64'>> &
  Instructions<'convert_i32_s', Unary<'i32', 'f64'>> &
  Instructions<'promote_f32', Unary<'f32', 'f64'>> &
  Instructions<'reinterpret_i64', Unary<'i64', 'f64'>> &
  Instructions<'load', Load<'f64'>> &
  Instructions<'store', Store<'f64'>> = {
  const: (value: number): F64 => ({ type: 'f64', code: [0x44, float64Bytes(value)] }),
  eq: binary<'f64', 'i32'>('i32', 0x61),
  lt: binary<'f64', 'i32'>('i32', 0x63),
  gt: binary<'f64', 'i32'>('i32', 0x64),
  abs: unary<'f64'>('f64', 0x99),
  neg: unary<'f64'>('f64', 0x9a),
  floor: unary<'f64'>('f64', 0x9c),
  nearest: unary<'f64'>('f64', 0x9e),
  sqrt: unary<'f64'>('f64', 0x9f),
  add: binary<'f64'>('f64', 0xa0),
  sub: binary<'f64'>('f64', 0xa1),
  mul: binary<'f64'>('f64', 0xa2),
  div: binary<'f64'>('f64', 0xa3),
  min: binary<'f64'>('f64', 0xa4),
  max: binary<'f64'>('f64', 0xa5),
  convert_i32_s: unary<'i32', 'f64'>('f64', 0xb7),
  promote_f32: unary<'f32', 'f64'>('f64', 0xbb),
  reinterpret_i64: unary<'i64', 'f64'>('f64', 0xbf),
  load: load('f64', 0x2b, 3),
  store: store<'f64'>(0x39, 3),
};

/** Fills and copies stretches of memory. */
export const memory: {
  readonly fill: (address: I32, byte: I32, count: I32) => Statement;
  readonly copy: (to: I32, from: I32, count: I32) => Statement;
} = {
  /** Sets `count` bytes from `address` on to `byte`. */
  fill: (address: I32, byte: I32, count: I32): Statement => ({
    type: 'none',
    code: [address.code, byte.code, count.code, 0xfc, 0x0b, 0x00],
  }),
  /** Copies `count` bytes; the stretches may overlap. */
  copy: (to: I32, from: I32, count: I32): Statement => ({
    type: 'none',
    code: [to.code, from.code, count.code, 0xfc, 0x0a, 0x00, 0x00],
  }),
};

const ATOMIC = 0xfe;

function atomic(operands: readonly { readonly code: readonly unknown[] }[], opcode: number): I32 {
  const codes = operands.map((operand) => operand.code) as I32['code'];
  return { type: 'i32', code: [...codes, ATOMIC, opcode, 2, 0] };
}

/**
 * 32-bit integers that threads share. Each access happens as a whole, and all threads see the accesses in
 * one order.
 */
export const atomics: {
  readonly load: (address: I32) => I32;
  readonly store: (address: I32, value: I32) => Statement;
  readonly add: (address: I32, value: I32) => I32;
  readonly compareExchange: (address: I32, expected: I32, value: I32) => I32;
  readonly notify: (address: I32, count: I32) => I32;
} = {
  /** `i32.atomic.load` */
  load: (address: I32): I32 => atomic([address], 0x10),
  /** `i32.atomic.store` */
  store: (address: I32, value: I32): Statement => ({
    type: 'none',
    code: atomic([address, value], 0x17).code,
  }),
  /** `i32.atomic.rmw.add`: the result is the value before. */
  add: (address: I32, value: I32): I32 => atomic([address, value], 0x1e),
  /**
   * `i32.atomic.rmw.cmpxchg`: the result is the value before. If that is `expected`, the exchange happened.
   */
  compareExchange: (address: I32, expected: I32, value: I32): I32 =>
    atomic([address, expected, value], 0x48),
  /** `memory.atomic.notify`: wakes the threads that wait on `address`; the result is their number. */
  notify: (address: I32, count: I32): I32 => atomic([address, count], 0x00),
};

/** `condition` ? `a` : `b`; both are computed. */
export function select<T extends ValueType>(condition: I32, a: Value<T>, b: Value<T>): Value<T> {
  return { type: a.type, code: [a.code, b.code, condition.code, 0x1b] };
}

/** Computes a value only for its effects. */
export function drop(value: Value<ValueType>): Statement {
  return { type: 'none', code: [value.code, 0x1a] };
}
