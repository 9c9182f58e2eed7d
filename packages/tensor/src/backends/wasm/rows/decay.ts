// A fast exponential for numbers of at most 0, as softmax needs it.

import type { V128 } from '../assembler/code.ts';
import type { FunctionBuilder } from '../assembler/function.ts';
import { i32 } from '../assembler/instructions.ts';
import { f32x4, i32x4, v128 } from '../assembler/simd.ts';
import type { Target } from '../kernel/kernel-code.ts';
import { multiplyAdd } from '../kernel/multiply-add.ts';

/** The x at which e^x has reached the smallest normal number. */
const LOWEST = Math.log(2 ** -126);

/** 1.5 · 2²³ + 127. Added to a small number, it leaves the rounded number plus 127 in the lowest bits. */
const ROUNDER = 1.5 * 2 ** 23 + 127;

/** ln 2 in two parts. The first has so few bits that its whole multiples are exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = Math.LN2 - LN2_HIGH;

/**
 * Coefficients of e^r for |r| ≤ ln 2 / 2, from the highest power down. Of the polynomials of degree
 * 5 that are 1 at 0, this one has the smallest relative error (at most 9.2e-8), by Lawson's iteration.
 */
const COEFFICIENTS = [
  0.008290272110727491, 0.0418981596181543, 0.1666763812727121, 0.4999914784113163,
  0.9999997063133464, 1,
];

/**
 * e^x for x that is at most a little over 0, as softmax needs it. It takes about half of the work of the
 * whole exponential. The relative error is at most 2e-7. Results below the normal numbers become 0, and NaN
 * stays NaN.
 */
export function decay(x: V128, f: FunctionBuilder, target: Target): V128 {
  const kept = f.keep(x);
  const constant = f32x4.constant;
  const shifted = f.keep(multiplyAdd(target, kept, constant(Math.LOG2E), constant(ROUNDER)));
  const whole = f.keep(f32x4.sub(shifted, constant(ROUNDER)));
  const high = multiplyAdd(target, whole, constant(-LN2_HIGH), kept);
  const rest = f.keep(multiplyAdd(target, whole, constant(-LN2_LOW), high));
  const polynomial = COEFFICIENTS.slice(1).reduce(
    (sum, coefficient) => multiplyAdd(target, sum, rest, constant(coefficient)),
    constant(COEFFICIENTS[0]),
  );
  const power = i32x4.shl(shifted, i32.const(23));
  return v128.andnot(f32x4.mul(polynomial, power), f32x4.lt(kept, constant(LOWEST)));
}
