// qr(a): orthonormal Q and triangular R with a = Q R, and their gradients.

import { apply } from '../interpreter.ts';
import { concat } from '../ops/arrangement/combine.ts';
import { tril, triu } from '../ops/arrangement/triangle.ts';
import type { Tensor } from '../tensor.ts';
import { hostPrimitive } from './host-primitive.ts';
import { factorQr } from './householder.ts';
import { expectMatrices } from './shapes.ts';
import { solve } from './solve.ts';

/** The factors of {@link qr}. */
export interface QrFactors {
  /** `[..., m, k]` with orthonormal columns; k is the smaller of m and n. */
  readonly q: Tensor;
  /** `[..., k, n]`, an upper triangle. */
  readonly r: Tensor;
}

/** Q and R of A = Q·R, for A with at least as many rows as columns. */
const qrPrimitive = hostPrimitive({
  name: 'qr',
  infer: ([a]) => {
    const n = a.shape[a.shape.length - 1];
    return [a, { shape: [...a.shape.slice(0, -2), n, n], dtype: a.dtype }];
  },
  flops: ([a]) => {
    const n = a.shape[a.shape.length - 1];
    return 4 * n * a.shape.reduce((size, each) => size * each, 1);
  },
  compute: ([a]) => {
    const { q, r } = factorQr(a);
    return [q.elements, r.elements];
  },
  gradient: {
    value: 'A = Q R',
    cotangents: ['Ā = (Q̄ + Q·copy(R R̄ᵀ − Q̄ᵀ Q)) R⁻ᵀ, copy: the lower triangle mirrored upwards'],
    vjp: ([q̄, r̄], { outputs: [q, r] }) => [
      () => {
        const m = r.matmul(triu(r̄).transpose()).sub(q̄.transpose().matmul(q));
        const mirrored = tril(m).add(tril(m, -1).transpose());
        return solve(r, q̄.add(q.matmul(mirrored)).transpose()).transpose();
      },
    ],
  },
});

/**
 * Factors `A = Q·R` by Householder reflections in float64, in the reduced form. The signs are those of
 * LAPACK, and so of NumPy and PyTorch.
 *
 * For least squares, use `solve(r, q.transpose().matmul(b))`. The gradient needs independent columns.
 *
 * Source of the gradient: Walter & Lehmann 2018, "Algorithmic differentiation of linear algebra functions with
 * application in optimum experimental design", section 3.2.
 *
 * @param a float32 `[..., m, n]`.
 * @throws ShapeError if a is not a matrix.
 * @example
 * const { q, r } = qr(tensor([[3, 1], [4, 2]]));
 * q.matmul(r); // [[3, 1], [4, 2]]
 */
export function qr(a: Tensor): QrFactors {
  expectMatrices('qr', a);
  const [m, n] = a.shape.slice(-2);
  if (m >= n) {
    const [q, r] = apply(qrPrimitive, [a], {});
    return { q, r };
  }
  const [square, rest] = a.split([m, n - m], -1);
  const [q, left] = apply(qrPrimitive, [square], {});
  return { q, r: concat([left, q.transpose().matmul(rest)], -1) };
}
