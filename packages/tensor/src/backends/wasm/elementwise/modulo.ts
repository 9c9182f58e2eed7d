// Remainders of floats, which are exact, and of integers.

import type { V128 } from '../assembler/code.ts';
import type { FunctionBuilder } from '../assembler/function.ts';
import { i32 } from '../assembler/instructions.ts';
import { f32x4, f64x2, i32x4, v128 } from '../assembler/simd.ts';
import type { Routines } from '../kernel/kernel-code.ts';
import { halves, joinHalves, joinLower, SIGN, upperFirst } from './transcendental/lanes.ts';

/** The sign, the exponent and the upper 28 of the 52 bits of the fraction of a float64. */
const UPPER_BITS = i32x4.const(-(2 ** 24), -1, -(2 ** 24), -1);

/**
 * The remainders of `a / b` with the sign of b, for four pairs of float32 numbers. The remainder with the sign of
 * a is computed first, exactly. Where its sign is not that of b, b is added, and only this sum is rounded.
 */
export function mod(a: V128, b: V128, f: FunctionBuilder, routines: Routines): V128 {
  const [x, y] = [f.keep(a), f.keep(b)];
  const parameters = { dividend: 'v128', divisor: 'v128' } as const;
  const routine = routines.getValue('remainder', parameters, 'v128', (body, values) => {
    const divisors = halves(body.keep(f32x4.abs(values.divisor)));
    const [lower, upper] = halves(body.keep(f32x4.abs(values.dividend))).map((half, i) =>
      remainder(half, divisors[i], body),
    );
    return joinHalves(lower, upper);
  });
  const size = routine.result({ dividend: x, divisor: y });
  const rest = f.keep(v128.or(size, v128.and(x, SIGN)));
  const signsDiffer = i32x4.shr_s(v128.xor(rest, y), i32.const(31));
  const isMoved = f.keep(v128.and(signsDiffer, f32x4.ne(rest, f32x4.constant(0))));
  const moved = v128.bitselect(f32x4.add(rest, y), rest, isMoved);
  return v128.or(moved, f32x4.ne(y, y));
}

/**
 * The remainders of two float64 numbers by two divisors, all of which were float32 numbers ≥ 0. Each turn
 * subtracts a quotient of at most 29 bits times the divisor of 24 bits: 53 bits, so the product is exact, and so is
 * the difference. A larger quotient takes several turns.
 */
function remainder(dividend: V128, divisor: V128, f: FunctionBuilder): V128 {
  const rest = f.keep(dividend);
  const d = f.keep(divisor);
  f.loop((again) => {
    const quotient = f64x2.floor(v128.and(f64x2.div(rest, d), UPPER_BITS));
    const less = f64x2.sub(rest, f64x2.mul(quotient, d));
    f.set(rest, v128.bitselect(less, rest, f64x2.ge(rest, d)));
    f.branchIf(v128.any_true(f64x2.ge(rest, d)), again);
  });
  return rest;
}

/**
 * The remainder of int32 numbers, in float64, where `a − ⌊a / b⌋ b` is exact. Where b is 0 it is NaN, which
 * becomes 0.
 */
export function modOfInts(a: V128, b: V128, f: FunctionBuilder): V128 {
  const divisors = wholeHalves(f.keep(b));
  const [lower, upper] = wholeHalves(f.keep(a)).map((half, i) => {
    const [x, y] = [f.keep(half), f.keep(divisors[i])];
    const multiple = f64x2.mul(f64x2.floor(f64x2.div(x, y)), y);
    return i32x4.trunc_sat_f64x2_s_zero(f64x2.sub(x, multiple));
  });
  return joinLower(lower, upper);
}

/** Four int32 numbers as float64: lanes 0 and 1, then lanes 2 and 3. The code of `x` is emitted three times. */
function wholeHalves(x: V128): readonly [V128, V128] {
  return [f64x2.convert_low_i32x4_s(x), f64x2.convert_low_i32x4_s(upperFirst(x))];
}
