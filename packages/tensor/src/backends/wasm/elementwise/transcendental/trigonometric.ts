// sin and cos of four float32 numbers at once, accurate also for huge angles.

import type { V128 } from '../../assembler/code.ts';
import type { FunctionBuilder } from '../../assembler/function.ts';
import { i32 } from '../../assembler/instructions.ts';
import { f32x4, f64x2, i32x4, v128 } from '../../assembler/simd.ts';
import type { Routines, Target } from '../../kernel/kernel-code.ts';
import { multiplyAdd } from '../../kernel/multiply-add.ts';
import { halves, int32, joinHalves, lowWords, ONE, SIGN } from './lanes.ts';
import { polynomial32 } from './polynomial.ts';

/** `(sin r − r) / r³` by powers of r², |r| ≤ π/4. The relative error of the sine is at most 4.0e-9. */
const SINE = [-0.16666655242443085, 0.008332189172506332, -0.0001951828453456983];

/**
 * `(cos r − 1 + r²/2) / r⁴` by powers of r², |r| ≤ π/4. The relative error of the cosine is at most
 * 1.2e-10.
 */
const COSINE = [0.04166664555668831, -0.0013887310633435845, 2.4432563805021346e-5];

/** From here on, the number of quarter turns has too many bits for `reduceNear`. */
const FAR = 2 ** 20;

/** 1.5 · 2⁵². Added to a float64, it rounds that to a whole number, as `SHIFTER` does for float32. */
const SHIFTER = f64x2.constant(1.5 * 2 ** 52);

/** π/2 in two parts. The first has 33 bits, so that its product with a whole number of 20 bits is exact. */
const QUARTER_HIGH = f64x2.constant(1.5707963267341256);
const QUARTER_LOW = f64x2.constant(6.077100506506192e-11);

/** 2/π in pieces of 24 bits, the first worth 2^-24, the last 2^-192. */
const QUARTERS = [0xa2f983, 0x6e4e44, 0x1529fc, 0x2757d1, 0xf534dd, 0xc0db62, 0x95993c, 0x439041];

/** `x = n · π/2 + r` of float64 numbers: the low bits of `turns` are n, and |r| ≤ π/4. */
interface Reduced {
  readonly turns: V128;
  readonly r: V128;
}

type Reduction = (x: V128, f: FunctionBuilder) => Reduced;

/** For 0 ≤ x < 2²⁰: `r = (x − n h) − n l`. Only n l and the last difference are rounded. */
const reduceNear: Reduction = (value, f) => {
  const x = f.keep(value);
  const turns = f.keep(f64x2.add(f64x2.mul(x, f64x2.constant(2 / Math.PI)), SHIFTER));
  const n = f.keep(f64x2.sub(turns, SHIFTER));
  const rest = f64x2.sub(x, f64x2.mul(n, QUARTER_HIGH));
  return { turns, r: f64x2.sub(rest, f64x2.mul(n, QUARTER_LOW)) };
};

/**
 * For every float32 x ≥ 0. The product of x and a piece of 2/π has at most 48 bits, and is exact. What is
 * left of it without multiples of 4, whole turns, is exact too. These rests are summed in two float64
 * numbers; the second holds the rounding errors of the first. The pieces left away are worth 2^-64 of a
 * quarter turn, and no float32 comes closer to one than 2^-30.
 *
 * Source: Payne & Hanek, Radian reduction for trigonometric functions (1983); the sum is Knuth's
 * two-sum (The Art of Computer Programming, volume 2, section 4.2.2).
 */
const reduceFar: Reduction = (value, f) => {
  const x = f.keep(value);
  const high = f.local('v128');
  const low = f.local('v128');
  QUARTERS.forEach((piece, i) => {
    const product = f.keep(f64x2.mul(x, f64x2.constant(piece * 2 ** (-24 * (i + 1)))));
    const whole = f64x2.nearest(f64x2.mul(product, f64x2.constant(0.25)));
    const term = f.keep(f64x2.sub(product, f64x2.mul(whole, f64x2.constant(4))));
    const sum = f.keep(f64x2.add(high, term));
    const added = f.keep(f64x2.sub(sum, high));
    const lost = f64x2.add(f64x2.sub(high, f64x2.sub(sum, added)), f64x2.sub(term, added));
    f.set(low, f64x2.add(low, lost));
    f.set(high, sum);
  });
  const turns = f.keep(f64x2.add(high, SHIFTER));
  const fraction = f64x2.add(f64x2.sub(high, f64x2.sub(turns, SHIFTER)), low);
  return { turns, r: f64x2.mul(fraction, f64x2.constant(Math.PI / 2)) };
};

/** The sine or the cosine, by one of the reductions. `x` has to be a local. */
type Wave = (x: V128, reduction: Reduction, f: FunctionBuilder, target: Target) => V128;

/** Sine and cosine of r, |r| ≤ π/4. `r` has to be a local. */
function sineAndCosine(r: V128, f: FunctionBuilder, target: Target): readonly [V128, V128] {
  const square = f.keep(f32x4.mul(r, r));
  const cube = f32x4.mul(square, r);
  const sine = multiplyAdd(target, cube, polynomial32(square, SINE, f, target), r);
  const parabola = multiplyAdd(target, square, f32x4.constant(-0.5), ONE);
  const fourth = f32x4.mul(square, square);
  const cosine = multiplyAdd(target, fourth, polynomial32(square, COSINE, f, target), parabola);
  return [f.keep(sine), f.keep(cosine)];
}

/** The quarter turns n of |x|, and sine and cosine of the rest. */
function quarters(
  x: V128,
  reduction: Reduction,
  f: FunctionBuilder,
  target: Target,
): { readonly n: V128; readonly sine: V128; readonly cosine: V128 } {
  const [lower, upper] = halves(f.keep(v128.andnot(x, SIGN))).map((half) => reduction(half, f));
  const n = f.keep(lowWords(lower.turns, upper.turns));
  const r = f.keep(joinHalves(lower.r, upper.r));
  const [sine, cosine] = sineAndCosine(r, f, target);
  return { n, sine, cosine };
}

/** A mask of the lanes where n is odd. */
function isOdd(n: V128): V128 {
  return i32x4.shr_s(i32x4.shl(n, i32.const(31)), i32.const(31));
}

/** The sign bit in the lanes where n, in quarter turns, is 2 or 3 modulo 4. */
function signOf(n: V128): V128 {
  return v128.and(i32x4.shl(n, i32.const(30)), SIGN);
}

const sineWave: Wave = (x, reduction, f, target) => {
  const { n, sine, cosine } = quarters(x, reduction, f, target);
  const sign = v128.xor(signOf(n), v128.and(x, SIGN));
  return v128.xor(v128.bitselect(cosine, sine, isOdd(n)), sign);
};

const cosineWave: Wave = (x, reduction, f, target) => {
  const { n, sine, cosine } = quarters(x, reduction, f, target);
  return v128.xor(v128.bitselect(sine, cosine, isOdd(n)), signOf(i32x4.add(n, int32(1))));
};

/** The wave by the fast reduction. If some lanes are far out, a routine computes those. */
function nearOrFar(
  name: string,
  wave: Wave,
  x: V128,
  f: FunctionBuilder,
  routines: Routines,
): V128 {
  const kept = f.keep(x);
  const result = f.keep(wave(kept, reduceNear, f, routines.target));
  const isFar = f.keep(f32x4.ge(v128.andnot(kept, SIGN), f32x4.constant(FAR)));
  const routine = routines.getValue(name, { angles: 'v128' }, 'v128', (body, { angles }) =>
    wave(angles, reduceFar, body, routines.target),
  );
  f.if(v128.any_true(isFar), () => {
    f.set(result, v128.bitselect(routine.result({ angles: kept }), result, isFar));
  });
  return result;
}

/**
 * `sin x` of four float32 numbers.
 *
 * `|x| = n · π/2 + r` in float64. Then r is rounded to float32, and the result is ± its sine or cosine by a
 * polynomial of degree 7 or 8. Numbers from 2²⁰ on take the routine `sin far`, whose reduction is exact.
 * Largest error found: 1.58 ulp, where the result is near √½.
 *
 * Source: Cody & Waite, Software Manual for the Elementary Functions (1980), chapter 8.
 */
export function sin(x: V128, f: FunctionBuilder, routines: Routines): V128 {
  return nearOrFar('sin far', sineWave, x, f, routines);
}

/**
 * `cos x` of four float32 numbers. It works as `sin` does, with the quarter turns counted from one on.
 * Largest error found: 1.58 ulp, where the result is near √½.
 */
export function cos(x: V128, f: FunctionBuilder, routines: Routines): V128 {
  return nearOrFar('cos far', cosineWave, x, f, routines);
}
