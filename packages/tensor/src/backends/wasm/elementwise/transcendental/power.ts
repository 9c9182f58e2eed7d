// Powers, a to the b, of four float32 numbers at once, computed in float64.

import type { V128 } from '../../assembler/code.ts';
import type { FunctionBuilder } from '../../assembler/function.ts';
import { i32 } from '../../assembler/instructions.ts';
import { f32x4, f64x2, i32x4, i64x2, v128 } from '../../assembler/simd.ts';
import { halves, joinHalves, ONE, SIGN } from './lanes.ts';
import { polynomial64 } from './polynomial.ts';

/** `log₂((1 + s) / (1 − s)) / s` by powers of s², |s| ≤ 0.1716. The relative error is at most 4.2e-12. */
const LOGARITHM = [
  2.885390081790107, 0.9617966733138443, 0.5770835906448719, 0.41167235953858, 0.3407370774586434,
];

/** `2^r` for |r| ≤ 1/2. The relative error is at most 1.9e-9. */
const EXPONENTIAL = [
  1.00000000055505, 0.6931472057671352, 0.24022646886068952, 0.05550328711811192,
  0.00961848924556817, 0.001339995762493634, 0.00015345788649734034,
];

/** The bits of 1 minus those of √½, nearly. With it added, numbers from √½ on count to the next exponent. */
const ROUND_UP = i32x4.const(0, 0x00095f62, 0, 0x00095f62);
/** The bits of the exponent and of the sign. */
const EXPONENT = i32x4.const(0, 0xfff00000, 0, 0xfff00000);
/** 1.5 · 2⁵². Added to a float64, it rounds that to a whole number. */
const SHIFTER = f64x2.constant(1.5 * 2 ** 52);

/**
 * `log₂ x` of two float64 numbers that were float32 numbers ≥ 0.
 *
 * `x = 2ᵉ m` with √½ ≤ m < √2, `log₂ m = s P(s²)` with `s = (m − 1) / (m + 1)`.
 */
function log2(value: V128, f: FunctionBuilder): V128 {
  const x = f.keep(value);
  const rounded = f.keep(i64x2.add(x, ROUND_UP));
  const one = f64x2.constant(1);
  const scale = i64x2.sub(v128.and(rounded, EXPONENT), one);
  const m = f.keep(i64x2.sub(x, scale));
  // The biased exponent becomes the last bits of 2⁵², which is then subtracted.
  const biased = v128.or(i64x2.shr_u(rounded, i32.const(52)), f64x2.constant(2 ** 52));
  const e = f64x2.sub(biased, f64x2.constant(2 ** 52 + 1023));
  const s = f.keep(f64x2.div(f64x2.sub(m, one), f64x2.add(m, one)));
  const square = f.keep(f64x2.mul(s, s));
  const finite = f64x2.add(f64x2.mul(polynomial64(square, LOGARITHM, f), s), e);
  const some = v128.bitselect(finite, x, f64x2.lt(x, f64x2.constant(Infinity)));
  const isZero = f64x2.eq(x, f64x2.constant(0));
  return v128.bitselect(f64x2.constant(-Infinity), some, isZero);
}

/** `2^x` of two float64 numbers, exact enough for a float32. Rounding to float32 gives 0 and Infinity. */
function exp2(value: V128, f: FunctionBuilder): V128 {
  const x = f.keep(f64x2.pmin(f64x2.pmax(value, f64x2.constant(-160)), f64x2.constant(130)));
  const shifted = f.keep(f64x2.add(x, SHIFTER));
  const r = f.keep(f64x2.sub(x, f64x2.sub(shifted, SHIFTER)));
  const power = i64x2.add(i64x2.shl(shifted, i32.const(52)), f64x2.constant(1));
  return f64x2.mul(polynomial64(r, EXPONENTIAL, f), power);
}

/**
 * `a^b` of four float32 numbers, with the special values of IEEE 754.
 *
 * `|a|^b = 2^(b log₂ |a|)` in float64, rounded once at the end, so that subnormal results and the border to
 * Infinity come out by themselves. It is 1 for b = 0 and for |a| = 1, whatever the other is. For a negative
 * a, the result is NaN if b is not whole, and is negative if b is odd. Largest error found: 0.53 ulp,
 * anywhere.
 */
export function pow(base: V128, exponent: V128, f: FunctionBuilder): V128 {
  const [a, b] = [f.keep(base), f.keep(exponent)];
  const exponents = halves(b);
  const absolute = f.keep(v128.andnot(a, SIGN));
  const [lower, upper] = halves(absolute).map((half, i) =>
    f.keep(exp2(f64x2.mul(log2(half, f), exponents[i]), f)),
  );
  const isOne = v128.or(f32x4.eq(b, f32x4.constant(0)), f32x4.eq(absolute, ONE));
  const magnitude = v128.bitselect(ONE, joinHalves(lower, upper), isOne);

  const half = f.keep(f32x4.mul(b, f32x4.constant(0.5)));
  const isWhole = f.keep(f32x4.eq(b, f32x4.trunc(b)));
  const isOdd = v128.and(isWhole, f32x4.ne(half, f32x4.trunc(half)));
  const signed = v128.xor(magnitude, v128.and(v128.and(a, SIGN), isOdd));

  // −0 and −Infinity have a power for every exponent.
  const isNegative = v128.and(
    f32x4.lt(a, f32x4.constant(0)),
    f32x4.gt(a, f32x4.constant(-Infinity)),
  );
  return v128.or(signed, v128.andnot(isNegative, isWhole));
}
