/** What instructions compute, in JavaScript: one row an instruction, by its name in the specification. */
import type { Kind, Scalar } from './instruction-runs.ts';

/** The meaning of one instruction. */
export interface Row {
  readonly operands: readonly Kind[];
  readonly result: Kind;
  /** One lane of the result from the same lane of the operands; or all lanes at once. */
  readonly lane?: (...operands: readonly never[]) => Scalar | boolean;
  readonly all?: (...operands: readonly never[]) => readonly Scalar[];
}

type Rows = Readonly<Record<string, Row>>;
type Numbers = readonly number[];

const { abs, ceil, floor, fround, imul, max, min, sqrt, trunc } = Math;
const asI64 = (x: bigint): bigint => BigInt.asIntN(64, x);
const asU64 = (x: bigint): bigint => BigInt.asUintN(64, x);
const limit = (x: number, low: number, high: number): number => min(high, max(low, x));
const saturated = (x: number): number =>
  Number.isNaN(x) ? 0 : limit(trunc(x), -(2 ** 31), 2 ** 31 - 1) | 0;

/** Half to even. */
function nearest(x: number): number {
  if (!Number.isFinite(x) || abs(x) >= 2 ** 52) return x;
  const low = floor(x);
  const rest = x - low;
  const even = low % 2 === 0 ? low : low + 1;
  const whole = rest < 0.5 ? low : rest > 0.5 ? low + 1 : even;
  return whole === 0 && (x < 0 || Object.is(x, -0)) ? -0 : whole;
}

/** Rows of one shape: the operands and the result have these kinds. */
function rows(
  operands: readonly Kind[],
  result: Kind,
  lanes: Readonly<Record<string, (...operands: readonly never[]) => Scalar | boolean>>,
): Rows {
  return Object.fromEntries(
    Object.entries(lanes).map(([name, lane]) => [name, { operands, result, lane }]),
  );
}

const comparisons = {
  eq: (a: number, b: number): boolean => a === b,
  ne: (a: number, b: number): boolean => a !== b,
  lt: (a: number, b: number): boolean => a < b,
  gt: (a: number, b: number): boolean => a > b,
  le: (a: number, b: number): boolean => a <= b,
  ge: (a: number, b: number): boolean => a >= b,
};

const arithmetic = {
  add: (a: number, b: number): number => a + b,
  sub: (a: number, b: number): number => a - b,
  mul: (a: number, b: number): number => a * b,
  div: (a: number, b: number): number => a / b,
  min: (a: number, b: number): number => min(a, b),
  max: (a: number, b: number): number => max(a, b),
};

const pseudo = {
  pmin: (a: number, b: number): number => (b < a ? b : a),
  pmax: (a: number, b: number): number => (a < b ? b : a),
};

/** The same, rounded to float32. */
function rounded<F extends Readonly<Record<string, (a: number, b: number) => number>>>(of: F): F {
  return Object.fromEntries(
    Object.entries(of).map(([name, f]) => [name, (a: number, b: number) => fround(f(a, b))]),
  ) as F;
}

/** Comparisons of vectors give masks. */
const masks = Object.fromEntries(
  Object.entries(comparisons).map(([name, f]) => [
    name,
    (a: number, b: number) => (f(a, b) ? -1 : 0),
  ]),
);
const longMasks = Object.fromEntries(
  Object.entries(comparisons).map(([name, f]) => [
    name,
    (a: number, b: number) => (f(a, b) ? -1n : 0n),
  ]),
);

const signs = { abs, neg: (x: number): number => -x };

/** Rows of `i32`. */
export const i32Rows: Rows = {
  ...rows(['i32'], 'i32', { eqz: (a: number) => a === 0 }),
  ...rows(['i32', 'i32'], 'i32', {
    eq: comparisons.eq,
    ne: comparisons.ne,
    lt_s: comparisons.lt,
    gt_s: comparisons.gt,
    le_s: comparisons.le,
    ge_s: comparisons.ge,
    lt_u: (a: number, b: number) => a >>> 0 < b >>> 0,
    gt_u: (a: number, b: number) => a >>> 0 > b >>> 0,
    le_u: (a: number, b: number) => a >>> 0 <= b >>> 0,
    ge_u: (a: number, b: number) => a >>> 0 >= b >>> 0,
    add: (a: number, b: number) => (a + b) | 0,
    sub: (a: number, b: number) => (a - b) | 0,
    mul: (a: number, b: number) => imul(a, b),
    div_u: (a: number, b: number) => floor((a >>> 0) / (b >>> 0)) | 0,
    rem_u: (a: number, b: number) => ((a >>> 0) % (b >>> 0)) | 0,
    and: (a: number, b: number) => a & b,
    or: (a: number, b: number) => a | b,
    xor: (a: number, b: number) => a ^ b,
    shl: (a: number, b: number) => a << b,
    shr_s: (a: number, b: number) => a >> b,
    shr_u: (a: number, b: number) => (a >>> b) | 0,
  }),
  ...rows(['f32'], 'i32', { trunc_sat_f32_s: saturated }),
  ...rows(['f64'], 'i32', { trunc_sat_f64_s: saturated }),
  ...rows(['i64'], 'i32', { wrap_i64: (a: bigint) => Number(BigInt.asIntN(32, a)) }),
};

/** Rows of `i64`. */
export const i64Rows: Rows = {
  ...rows(['i64', 'i64'], 'i64', {
    add: (a: bigint, b: bigint) => asI64(a + b),
    sub: (a: bigint, b: bigint) => asI64(a - b),
    and: (a: bigint, b: bigint) => a & b,
    or: (a: bigint, b: bigint) => a | b,
    shl: (a: bigint, b: bigint) => asI64(a << (b & 63n)),
    shr_s: (a: bigint, b: bigint) => a >> (b & 63n),
    shr_u: (a: bigint, b: bigint) => asI64(asU64(a) >> (b & 63n)),
  }),
  ...rows(['i32'], 'i64', {
    extend_i32_s: (a: number) => BigInt(a),
    extend_i32_u: (a: number) => BigInt(a >>> 0),
  }),
};

/** Rows of `f32`. */
export const f32Rows: Rows = {
  ...rows(['f32', 'f32'], 'i32', comparisons),
  ...rows(['f32', 'f32'], 'f32', rounded(arithmetic)),
  ...rows(['f32'], 'f32', { ...signs, floor, sqrt: (x: number) => fround(sqrt(x)) }),
  ...rows(['i32'], 'f32', { convert_i32_s: fround }),
  ...rows(['f64'], 'f32', { demote_f64: fround }),
};

const { eq, lt, gt } = comparisons;

/** Rows of `f64`. */
export const f64Rows: Rows = {
  ...rows(['f64', 'f64'], 'i32', { eq, lt, gt }),
  ...rows(['f64', 'f64'], 'f64', arithmetic),
  ...rows(['f64'], 'f64', { ...signs, floor, nearest, sqrt }),
  ...rows(['i32'], 'f64', { convert_i32_s: (x: number) => x }),
  ...rows(['f32'], 'f64', { promote_f32: (x: number) => x }),
};

/** Rows of `i32x4`. */
export const i32x4Rows: Rows = {
  ...rows(['i32x4', 'i32x4'], 'i32x4', {
    eq: masks['eq'],
    ne: masks['ne'],
    lt_s: masks['lt'],
    gt_s: masks['gt'],
    le_s: masks['le'],
    ge_s: masks['ge'],
    add: (a: number, b: number) => (a + b) | 0,
    sub: (a: number, b: number) => (a - b) | 0,
    mul: (a: number, b: number) => imul(a, b),
    min_s: arithmetic.min,
    max_s: arithmetic.max,
  }),
  ...rows(['i32x4'], 'i32x4', { neg: (a: number) => -a | 0 }),
  ...rows(['f32x4'], 'i32x4', { trunc_sat_f32x4_s: saturated }),
  splat: { operands: ['i32'], result: 'i32x4', all: ([a]: Numbers) => [a, a, a, a] },
  shl: {
    operands: ['i32x4', 'i32'],
    result: 'i32x4',
    all: (a: Numbers, [n]: Numbers) => a.map((x) => x << n),
  },
  shr_s: {
    operands: ['i32x4', 'i32'],
    result: 'i32x4',
    all: (a: Numbers, [n]: Numbers) => a.map((x) => x >> n),
  },
  shr_u: {
    operands: ['i32x4', 'i32'],
    result: 'i32x4',
    all: (a: Numbers, [n]: Numbers) => a.map((x) => (x >>> n) | 0),
  },
  all_true: {
    operands: ['i32x4'],
    result: 'i32',
    all: (a: Numbers) => [Number(a.every((x) => x !== 0))],
  },
  bitmask: {
    operands: ['i32x4'],
    result: 'i32',
    all: (a: Numbers) => [a.reduce((bits, x, i) => bits | (x < 0 ? 1 << i : 0), 0)],
  },
  extend_low_i16x8_u: { operands: ['u16x8'], result: 'i32x4', all: (a: Numbers) => a.slice(0, 4) },
  trunc_sat_f64x2_s_zero: {
    operands: ['f64x2'],
    result: 'i32x4',
    all: (a: Numbers) => [...a.map(saturated), 0, 0],
  },
};

/** Rows of `i64x2`. */
export const i64x2Rows: Rows = {
  ...rows(['i64x2', 'i64x2'], 'i64x2', {
    add: (a: bigint, b: bigint) => asI64(a + b),
    sub: (a: bigint, b: bigint) => asI64(a - b),
  }),
  shl: {
    operands: ['i64x2', 'i32'],
    result: 'i64x2',
    all: (a: readonly bigint[], [n]: Numbers) => a.map((x) => asI64(x << BigInt(n & 63))),
  },
  shr_s: {
    operands: ['i64x2', 'i32'],
    result: 'i64x2',
    all: (a: readonly bigint[], [n]: Numbers) => a.map((x) => x >> BigInt(n & 63)),
  },
  shr_u: {
    operands: ['i64x2', 'i32'],
    result: 'i64x2',
    all: (a: readonly bigint[], [n]: Numbers) => a.map((x) => asI64(asU64(x) >> BigInt(n & 63))),
  },
};

/** Rows of `f32x4`. */
export const f32x4Rows: Rows = {
  ...rows(['f32x4', 'f32x4'], 'i32x4', masks),
  ...rows(['f32x4', 'f32x4'], 'f32x4', { ...rounded(arithmetic), ...pseudo }),
  ...rows(['f32x4'], 'f32x4', {
    ...signs,
    ceil,
    floor,
    trunc,
    nearest,
    sqrt: (x: number) => fround(sqrt(x)),
  }),
  ...rows(['i32x4'], 'f32x4', { convert_i32x4_s: fround }),
  splat: { operands: ['f32'], result: 'f32x4', all: ([a]: Numbers) => [a, a, a, a] },
  demote_f64x2_zero: {
    operands: ['f64x2'],
    result: 'f32x4',
    all: (a: Numbers) => [...a.map(fround), 0, 0],
  },
};

/** Rows of `f64x2`. */
export const f64x2Rows: Rows = {
  ...rows(['f64x2', 'f64x2'], 'i64x2', longMasks),
  ...rows(['f64x2', 'f64x2'], 'f64x2', { ...arithmetic, ...pseudo }),
  ...rows(['f64x2'], 'f64x2', { ...signs, floor, nearest, sqrt }),
  splat: { operands: ['f64'], result: 'f64x2', all: ([a]: Numbers) => [a, a] },
  convert_low_i32x4_s: { operands: ['i32x4'], result: 'f64x2', all: (a: Numbers) => a.slice(0, 2) },
  promote_low_f32x4: { operands: ['f32x4'], result: 'f64x2', all: (a: Numbers) => a.slice(0, 2) },
};

const bitwise = {
  and: (a: number, b: number): number => a & b,
  andnot: (a: number, b: number): number => a & ~b,
  or: (a: number, b: number): number => a | b,
  xor: (a: number, b: number): number => a ^ b,
};

/** Rows of `v128`. */
export const v128Rows: Rows = {
  ...rows(['i32x4', 'i32x4'], 'i32x4', bitwise),
  ...rows(['i32x4'], 'i32x4', { not: (a: number) => ~a }),
  ...rows(['i32x4', 'i32x4', 'i32x4'], 'i32x4', {
    bitselect: (a: number, b: number, mask: number) => (a & mask) | (b & ~mask),
  }),
  any_true: {
    operands: ['i32x4'],
    result: 'i32',
    all: (a: Numbers) => [Number(a.some((x) => x !== 0))],
  },
};

/** Rows of `i8x16`. */
export const i8x16Rows: Rows = {
  narrow_i16x8_u: {
    operands: ['u16x8', 'u16x8'],
    result: 'u8x16',
    // Lanes are read as signed: what is negative becomes 0.
    all: (a: Numbers, b: Numbers) => [...a, ...b].map((x) => limit((x << 16) >> 16, 0, 255)),
  },
};

/** Rows of `i16x8`. */
export const i16x8Rows: Rows = {
  narrow_i32x4_u: {
    operands: ['i32x4', 'i32x4'],
    result: 'u16x8',
    all: (a: Numbers, b: Numbers) => [...a, ...b].map((x) => limit(x, 0, 65535)),
  },
  extend_low_i8x16_u: { operands: ['u8x16'], result: 'u16x8', all: (a: Numbers) => a.slice(0, 8) },
};
