// The natural logarithm of four float32 numbers at once.

import type { V128 } from '../../assembler/code.ts';
import type { FunctionBuilder } from '../../assembler/function.ts';
import { i32 } from '../../assembler/instructions.ts';
import { f32x4, i32x4, v128 } from '../../assembler/simd.ts';
import type { Routines } from '../../kernel/kernel-code.ts';
import { multiplyAdd } from '../../kernel/multiply-add.ts';
import { LN2_HIGH, LN2_LOW } from './exponential.ts';
import { int32 } from './lanes.ts';
import { polynomial32 } from './polynomial.ts';

/** `(ln(1 + f) − f) / f²` for |f| ≤ 1/3. The relative error of the logarithm is at most 4.6e-9. */
const LOGARITHM = [
  -0.5, 0.3333321511745453, -0.2499980479478836, 0.20010434091091156, -0.166802316904068,
  0.14005567133426666, -0.12187235802412033, 0.13985507190227509, -0.1288040727376938,
];

/** The bits of 2/3. Less them, the bits of numbers from 2/3 to 4/3 have the exponent 0. */
const TWO_THIRDS = int32(0x3f2aaaab);

/**
 * `ln x` of four float32 numbers.
 *
 * `x = 2ᵉ (1 + f)` with 2/3 ≤ 1 + f < 4/3, `ln x = e ln 2 + f + f² P(f)` with P of degree 8. A subnormal x
 * is first multiplied by 2²⁵. Largest error found: 1.14 ulp, at 1.3404.
 *
 * Source: Cody & Waite, Software Manual for the Elementary Functions (1980), chapter 5.
 */
export function log(x: V128, f: FunctionBuilder, { target }: Routines): V128 {
  const kept = f.keep(x);
  const isSmall = f.keep(f32x4.lt(kept, f32x4.constant(2 ** -126)));
  const scaled = f32x4.mul(kept, f32x4.constant(2 ** 25));
  const normal = f.keep(v128.bitselect(scaled, kept, isSmall));
  const exponent = f.keep(i32x4.shr_s(i32x4.sub(normal, TWO_THIRDS), i32.const(23)));
  const mantissa = i32x4.sub(normal, i32x4.shl(exponent, i32.const(23)));
  const rest = f.keep(f32x4.sub(mantissa, f32x4.constant(1)));
  const shift = v128.and(isSmall, int32(25));
  const e = f.keep(f32x4.convert_i32x4_s(i32x4.sub(exponent, shift)));

  const square = f32x4.mul(rest, rest);
  const near = multiplyAdd(target, square, polynomial32(rest, LOGARITHM, f, target), rest);
  const low = multiplyAdd(target, e, f32x4.constant(LN2_LOW), near);
  const finite = multiplyAdd(target, e, f32x4.constant(LN2_HIGH), low);

  const infinity = f32x4.constant(Infinity);
  const positive = v128.bitselect(kept, finite, f32x4.eq(kept, infinity));
  const isZero = f32x4.eq(kept, f32x4.constant(0));
  const some = v128.bitselect(f32x4.constant(-Infinity), positive, isZero);
  // A lane with all bits set is NaN, the logarithm of negative numbers and of NaN.
  return v128.or(some, v128.not(f32x4.ge(kept, f32x4.constant(0))));
}
