// exp, sigmoid and tanh of four float32 numbers at once.

import type { V128 } from '../../assembler/code.ts';
import type { FunctionBuilder } from '../../assembler/function.ts';
import { i32 } from '../../assembler/instructions.ts';
import { f32x4, i32x4, v128 } from '../../assembler/simd.ts';
import type { Routines, Target } from '../../kernel/kernel-code.ts';
import { multiplyAdd } from '../../kernel/multiply-add.ts';
import { ONE, SIGN } from './lanes.ts';
import { polynomial32 } from './polynomial.ts';

/**
 * 1.5 · 2²³. Added to a float32 of |x| < 2²², it rounds that to a whole number n. The low bits of the sum
 * are those of n, and `bits << 23` is n in the place of the exponent.
 */
export const SHIFTER: number = 1.5 * 2 ** 23;

/** ln 2 in two parts. The first has 15 bits, so that its product with a whole number of 8 bits is exact. */
export const LN2_HIGH = 0.693145751953125;
/** The rest of ln 2, without {@link LN2_HIGH}. */
export const LN2_LOW = 1.428606765330187e-6;

/** `(e^r − 1 − r) / r²` for |r| ≤ 0.347. The relative error of e^r − 1 is at most 1.4e-8. */
const EXPONENTIAL = [
  0.4999999701976776, 0.1666654646396637, 0.04166743531823158, 0.008366276510059834,
  0.001387071330100298,
];

/** `e^r − 1 − r` for |r| ≤ 0.347; `r` has to be a local. */
function curve(r: V128, f: FunctionBuilder, target: Target): V128 {
  return f32x4.mul(f32x4.mul(r, r), polynomial32(r, EXPONENTIAL, f, target));
}

/** `e^r` for |r| ≤ 0.347; `r` has to be a local. */
export function smallExponential(r: V128, f: FunctionBuilder, target: Target): V128 {
  const square = f32x4.mul(r, r);
  const less = multiplyAdd(target, square, polynomial32(r, EXPONENTIAL, f, target), r);
  return f32x4.add(less, ONE);
}

/** `unit · 2^n` for the four whole numbers n = `shifted − SHIFTER`. It adds n to the exponent of `unit`. */
export function powerOfTwo(shifted: V128, unit: V128 = ONE): V128 {
  return i32x4.add(i32x4.shl(shifted, i32.const(23)), unit);
}

/**
 * `e^x` of four float32 numbers.
 *
 * `x = n ln 2 + r`, `e^x = 2ⁿ · (1 + r + r² P(r))` with P of degree 4. Below −103.97 it is 0, from
 * there to −87.34 subnormal; above 88.72 it is Infinity. Largest error found: 1.06 ulp, where e^r
 * is about 3/4, as at −38.415.
 *
 * Source: Cody & Waite, Software Manual for the Elementary Functions (1980), chapter 6.
 */
export function exp(x: V128, f: FunctionBuilder, { target }: Routines): V128 {
  // pmax and pmin pass a NaN in their first operand on.
  const bounded = f.keep(f32x4.pmin(f32x4.pmax(x, f32x4.constant(-104)), f32x4.constant(89)));
  const log2e = f32x4.constant(Math.LOG2E);
  const shifted = f.keep(multiplyAdd(target, bounded, log2e, f32x4.constant(SHIFTER)));
  const n = f.keep(f32x4.sub(shifted, f32x4.constant(SHIFTER)));
  const high = multiplyAdd(target, n, f32x4.constant(-LN2_HIGH), bounded);
  const r = f.keep(multiplyAdd(target, n, f32x4.constant(-LN2_LOW), high));
  // The two factors 2^⌊n/2⌋ and 2^⌈n/2⌉ stay in the range. Only the last product rounds.
  const half = f.keep(i32x4.shr_s(shifted, i32.const(1)));
  const power = f32x4.mul(smallExponential(r, f, target), powerOfTwo(half));
  return f32x4.mul(power, powerOfTwo(i32x4.sub(shifted, half)));
}

/** The factor of both parts of sigmoid's quotient, so that e^-x stays finite where sigmoid is subnormal. */
const SCALE = 2 ** -64;

/**
 * `1 / (1 + e^-x)` of four float32 numbers, computed as `s / (s + s e^-x)` with s = 2⁻⁶⁴.
 *
 * `−x = n ln 2 − r`. The divisor is `(s + s 2ⁿ (e^-r − 1)) + s 2ⁿ`, so that only two additions and the
 * division round what counts. From x = 16.64 on the result is 1, below −103.97 it is 0. Largest error found:
 * 1.9961 ulp, at 8.66255.
 */
export function sigmoid(x: V128, f: FunctionBuilder, { target }: Routines): V128 {
  const bounded = f.keep(f32x4.pmin(f32x4.pmax(x, f32x4.constant(-104)), f32x4.constant(30)));
  const shifter = f32x4.constant(SHIFTER + Math.log2(SCALE));
  const shifted = f.keep(multiplyAdd(target, bounded, f32x4.constant(-Math.LOG2E), shifter));
  const n = f.keep(f32x4.sub(shifted, shifter));
  const high = multiplyAdd(target, n, f32x4.constant(LN2_HIGH), bounded);
  const r = f.keep(multiplyAdd(target, n, f32x4.constant(LN2_LOW), high));
  const falling = EXPONENTIAL.map((coefficient, i) => (i % 2 === 0 ? -coefficient : coefficient));
  const square = f32x4.mul(r, r);
  const fall = multiplyAdd(target, square, polynomial32(r, falling, f, target), r); // 1 − e^-r
  const minusPower = f.keep(powerOfTwo(shifted, f32x4.constant(-1)));
  const scale = f32x4.constant(SCALE);
  const divisor = f32x4.sub(multiplyAdd(target, minusPower, fall, scale), minusPower);
  return f32x4.div(scale, divisor);
}

/**
 * `tanh x` of four float32 numbers.
 *
 * Let `h = (e^2|x| − 1) / 2 = 2ⁿ⁻¹ (e^r − 1) + (2ⁿ⁻¹ − 1/2)` with `2|x| = n ln 2 + r`. The result is
 * `±h / (1 + h)`, computed as `h − h · h / (1 + h)` for h < 1 and as `1 − 1 / (1 + h)` from there on: the
 * rounding of the quotient counts for little in both. From |x| = 10 on it is ±1. The slope of tanh is small
 * where n ln 2, with ln 2 rounded to float32, is not exact. Largest error found: 1.93 ulp, at 0.20906.
 */
export function tanh(x: V128, f: FunctionBuilder, { target }: Routines): V128 {
  const kept = f.keep(x);
  const bounded = f.keep(f32x4.pmin(v128.andnot(kept, SIGN), f32x4.constant(10)));
  const twoLog2e = f32x4.constant(2 * Math.LOG2E);
  const shifted = f.keep(multiplyAdd(target, bounded, twoLog2e, f32x4.constant(SHIFTER)));
  const n = f32x4.sub(shifted, f32x4.constant(SHIFTER));
  const doubled = f32x4.add(bounded, bounded);
  const r = f.keep(multiplyAdd(target, n, f32x4.constant(-Math.LN2), doubled));
  const half = f32x4.constant(0.5);
  const power = f.keep(powerOfTwo(shifted, half));
  const line = multiplyAdd(target, power, r, f32x4.sub(power, half));
  const h = f.keep(multiplyAdd(target, power, curve(r, f, target), line));
  const first = f.keep(f32x4.pmin(h, ONE));
  const minusQ = f32x4.div(first, f32x4.sub(f32x4.constant(-1), h));
  const positive = multiplyAdd(target, first, minusQ, first);
  return v128.or(positive, v128.and(kept, SIGN));
}
