// The error function of four float32 numbers at once.

import type { V128 } from '../../assembler/code.ts';
import type { FunctionBuilder } from '../../assembler/function.ts';
import { f32x4, v128 } from '../../assembler/simd.ts';
import type { Routines } from '../../kernel/kernel-code.ts';
import { multiplyAdd } from '../../kernel/multiply-add.ts';
import { powerOfTwo, SHIFTER, smallExponential } from './exponential.ts';
import { ONE, SIGN } from './lanes.ts';
import { polynomial32 } from './polynomial.ts';

/** The |x| from which on the second approximation takes over. */
const BORDER = 0.9;

/** `erf(x) / x − 1` by powers of x², |x| ≤ 0.9. The relative error of erf is at most 1.4e-8. */
const NEAR = [
  0.12837915122509003, -0.3761250674724579, 0.11281976103782654, -0.02677328512072563,
  0.005004160106182098, -0.0006052461685612798,
];

/** `log₂ erfc(x)` for 0.9 ≤ x ≤ 4. The error of erf is at most 1.6e-9. */
const FAR = [
  -0.00025607095449231565, -1.6269986629486084, -0.9190830588340759, -0.15009406208992004,
  0.03213898837566376, -0.004408302251249552, 0.00028447373188100755,
];

/**
 * `erf x = 2/√π ∫₀ˣ e^-t² dt` of four float32 numbers.
 *
 * It is `x + x P(x²)` for |x| < 0.9, and `±(1 − 2^Q(|x|))` from there on, where Q approximates the
 * logarithm of erfc. From |x| = 4 on it is ±1. Largest error found: 1.52 ulp, at 0.92067.
 */
export function erf(x: V128, f: FunctionBuilder, { target }: Routines): V128 {
  const kept = f.keep(x);
  const magnitude = f.keep(f32x4.pmin(v128.andnot(kept, SIGN), f32x4.constant(4)));
  const square = f.keep(f32x4.mul(magnitude, magnitude));
  const near = multiplyAdd(target, magnitude, polynomial32(square, NEAR, f, target), magnitude);

  const logarithm = f.keep(polynomial32(magnitude, FAR, f, target));
  const shifted = f.keep(f32x4.add(logarithm, f32x4.constant(SHIFTER)));
  const fraction = f32x4.sub(logarithm, f32x4.sub(shifted, f32x4.constant(SHIFTER)));
  const r = f.keep(f32x4.mul(fraction, f32x4.constant(Math.LN2)));
  const power = smallExponential(r, f, target);
  const far = multiplyAdd(target, power, powerOfTwo(shifted, f32x4.constant(-1)), ONE);

  const isNear = f32x4.lt(magnitude, f32x4.constant(BORDER));
  return v128.or(v128.bitselect(near, far, isNear), v128.and(kept, SIGN));
}
