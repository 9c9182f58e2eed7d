// cholesky(a): the triangular L with a = L Lᵀ, and its gradient.

import { tril } from '../ops/arrangement/triangle.ts';
import { eye } from '../create.ts';
import { sizeOf } from '../array/shape.ts';
import type { Tensor } from '../tensor.ts';
import { factorCholesky } from './cholesky-factor.ts';
import { applyOne, hostPrimitive } from './host-primitive.ts';
import { badMatrix, expectSquare, symmetricPart } from './shapes.ts';
import { solve } from './solve.ts';

/** L of A = L·Lᵀ, a lower triangle with a positive diagonal. */
const choleskyPrimitive = hostPrimitive({
  name: 'cholesky',
  infer: ([a]) => [a],
  flops: ([a]) => (1 / 3) * a.shape[a.shape.length - 1] * sizeOf(a.shape),
  compute: ([a], position) => {
    const factor = factorCholesky(a);
    if (factor !== null) return [factor.elements];
    throw badMatrix(
      'cholesky',
      position,
      'is not positive definite: a pivot is 0 or below. Add a small multiple of eye(n).',
    );
  },
  gradient: {
    value: 'A = L Lᵀ',
    cotangents: ['Ā = sym(L⁻ᵀ Φ(Lᵀ L̄) L⁻¹), Φ: the lower triangle, its diagonal halved'],
    vjp: ([l̄], { outputs: [l] }) => [
      () => {
        const upper = l.transpose();
        const n = l.shape[l.rank - 1];
        const lower = tril(upper.matmul(tril(l̄)));
        const phi = lower.sub(lower.mul(eye(n)).mul(0.5));
        const half = solve(upper, phi); // L⁻ᵀ Φ
        return symmetricPart(solve(upper, half.transpose()));
      },
    ],
  },
});

/**
 * Computes L of `A = L·Lᵀ`: a lower triangle with a positive diagonal, in float64, rounded to float32.
 *
 * If a matrix is not symmetric, its symmetric part `(A + Aᵀ)/2` is used, so that the gradient belongs to all
 * elements. (NumPy and PyTorch read only the lower triangle.)
 *
 * Source of the gradient: Murray 2016, "Differentiation of the Cholesky decomposition", equation 10.
 *
 * @param a float32 `[..., n, n]`, positive definite.
 * @returns `[..., n, n]`.
 * @throws ShapeError if a is not square, ValueError if a matrix is not positive definite.
 * @example
 * cholesky(tensor([[4, 2], [2, 5]])); // [[2, 0], [1, 2]]
 */
export function cholesky(a: Tensor): Tensor {
  expectSquare('cholesky', a);
  return applyOne(choleskyPrimitive, symmetricPart(a));
}
