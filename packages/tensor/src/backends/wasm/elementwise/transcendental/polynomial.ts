// Evaluates polynomials on vectors by Estrin's scheme.

import type { V128 } from '../../assembler/code.ts';
import type { FunctionBuilder } from '../../assembler/function.ts';
import { f32x4, f64x2 } from '../../assembler/simd.ts';
import type { Target } from '../../kernel/kernel-code.ts';
import { multiplyAdd } from '../../kernel/multiply-add.ts';

/**
 * `c₀ + c₁ x + c₂ x² + …` of four float32 numbers by Estrin's scheme, `(c₀ + c₁ x) + (c₂ + c₃ x) x² + …`.
 * Its steps wait less for one another than Horner's. `x` has to be a local.
 *
 * The coefficients of this folder are minimax approximations. They come from Lawson's iteration on 600
 * Chebyshev nodes, against functions of 40 digits: least squares, reweighted by the errors until the
 * largest is smallest. For float32 they are then rounded one after the other, from c₀ on, and the later
 * ones are fitted again each time. So every number here is a float32 as it stands.
 *
 * Source: Estrin, Organization of computer systems: the fixed plus variable structure computer (1960).
 */
export function polynomial32(
  x: V128,
  coefficients: readonly number[],
  f: FunctionBuilder,
  target: Target,
): V128 {
  const constants = coefficients.map((c) => f32x4.constant(c));
  return estrin(
    x,
    constants,
    (a, b, c) => multiplyAdd(target, a, b, c),
    (power) => f.keep(f32x4.mul(power, power)),
  );
}

/** The same polynomial of two float64 numbers. */
export function polynomial64(x: V128, coefficients: readonly number[], f: FunctionBuilder): V128 {
  const constants = coefficients.map((c) => f64x2.constant(c));
  return estrin(
    x,
    constants,
    (a, b, c) => f64x2.add(f64x2.mul(a, b), c),
    (power) => f.keep(f64x2.mul(power, power)),
  );
}

function estrin(
  x: V128,
  terms: readonly V128[],
  multiplyAndAdd: (a: V128, b: V128, c: V128) => V128,
  square: (power: V128) => V128,
): V128 {
  if (terms.length === 1) return terms[0];
  const pairs = terms.flatMap((term, i) => {
    if (i % 2 === 1) return [];
    return i + 1 < terms.length ? [multiplyAndAdd(terms[i + 1], x, term)] : [term];
  });
  return estrin(pairs.length === 1 ? x : square(x), pairs, multiplyAndAdd, square);
}
