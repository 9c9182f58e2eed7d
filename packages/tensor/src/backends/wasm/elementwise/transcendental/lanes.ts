// Constants in all four lanes of a vector, and conversions between its halves.

import type { V128 } from '../../assembler/code.ts';
import { f32x4, f64x2, i32x4, i8x16 } from '../../assembler/simd.ts';

/** The sign bit of every float32 lane. */
export const SIGN: V128 = f32x4.constant(-0);

/** The float32 number 1 in every lane. */
export const ONE: V128 = f32x4.constant(1);

/** `value` in each of the four lanes. */
export function int32(value: number): V128 {
  return i32x4.const(value, value, value, value);
}

/** Four float32 numbers as float64: lanes 0 and 1, then lanes 2 and 3. The code of `x` is emitted three times. */
export function halves(x: V128): readonly [V128, V128] {
  return [f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(upperFirst(x))];
}

/** Lanes 2 and 3, then lanes 0 and 1. The code of `x` is emitted twice. */
export function upperFirst(x: V128): V128 {
  return i8x16.shuffle(x, x, [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]);
}

/** Lanes 0 and 1 of one vector, then those of another. */
export function joinLower(a: V128, b: V128): V128 {
  return i8x16.shuffle(a, b, [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
}

/** Four float32 lanes from two times two float64 numbers. Each is rounded once. */
export function joinHalves(lower: V128, upper: V128): V128 {
  return joinLower(f32x4.demote_f64x2_zero(lower), f32x4.demote_f64x2_zero(upper));
}

/** The lower 32 bits of two times two 64-bit numbers. */
export function lowWords(lower: V128, upper: V128): V128 {
  return i8x16.shuffle(lower, upper, [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]);
}
