// The angle of four points at once.

import type { V128 } from '../../assembler/code.ts';
import type { FunctionBuilder } from '../../assembler/function.ts';
import { i32 } from '../../assembler/instructions.ts';
import { f32x4, i32x4, v128 } from '../../assembler/simd.ts';
import type { Routines } from '../../kernel/kernel-code.ts';
import { multiplyAdd } from '../../kernel/multiply-add.ts';
import { ONE, SIGN } from './lanes.ts';
import { polynomial32 } from './polynomial.ts';

/**
 * The coefficients of a polynomial in q² that is close to `(atan q − q) / q³` for 0 ≤ q ≤ 1. The relative
 * error of the arctangent is at most 2.6e-9.
 */
const ARCTANGENT = [
  -0.33333298563957214, 0.1999852955341339, -0.14264015853405, 0.10950880497694016,
  -0.08399306237697601, 0.057881392538547516, -0.03109700232744217, 0.010868709534406662,
  -0.0017828319687396288,
];

/** π in two parts: the nearest float32, and the rest. */
const PI_HIGH = 3.1415927410125732;
const PI_LOW = -8.742277657347586e-8;

/**
 * The angles of four points (x, y), in [−π, π]. The coordinates are float32.
 *
 * Let `q = min(|x|, |y|) / max(|x|, |y|)` and `t = atan q`. Where x is positive, the size of the angle is t,
 * or π/2 − t if |y| > |x|. Where x is negative, it is π − t, or π/2 + t if |y| > |x|. The angle has the sign
 * of y. Special values, signed zeros included, are those of IEEE 754-2019, section 9.2.1. Largest error
 * found: 1.51 ulp, at (1.248, −0.6646).
 */
export function atan2(y: V128, x: V128, f: FunctionBuilder, { target }: Routines): V128 {
  const [a, b] = [f.keep(y), f.keep(x)];
  const [rise, run] = [f.keep(f32x4.abs(a)), f.keep(f32x4.abs(b))];
  const isSteep = f.keep(f32x4.gt(rise, run));
  const smaller = f.keep(f32x4.pmin(rise, run));
  const larger = f.keep(f32x4.pmax(rise, run));
  // The ratio of two infinities counts as 1, that of two zeros as 0.
  const ratio = v128.bitselect(
    ONE,
    f32x4.div(smaller, larger),
    f32x4.eq(smaller, f32x4.constant(Infinity)),
  );
  const q = f.keep(v128.andnot(ratio, f32x4.eq(larger, f32x4.constant(0))));
  const square = f.keep(f32x4.mul(q, q));
  const cube = f32x4.mul(square, q);
  const t = multiplyAdd(target, cube, polynomial32(square, ARCTANGENT, f, target), q);

  const isBehind = f.keep(i32x4.shr_s(b, i32.const(31)));
  const turned = v128.xor(t, v128.and(v128.xor(isSteep, isBehind), SIGN));
  const base = (pi: number): V128 =>
    v128.bitselect(f32x4.constant(pi / 2), v128.and(f32x4.constant(pi), isBehind), isSteep);
  const angle = f32x4.add(f32x4.add(base(PI_HIGH), turned), base(PI_LOW));
  const signed = v128.or(v128.and(a, SIGN), v128.andnot(angle, SIGN));
  return v128.or(signed, v128.or(f32x4.ne(a, a), f32x4.ne(b, b)));
}
