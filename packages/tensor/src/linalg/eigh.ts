// eigh(a): eigenvalues and eigenvectors of a symmetric matrix, and their gradients.

import { eye } from '../create.ts';
import { apply } from '../interpreter.ts';
import { sizeOf } from '../array/shape.ts';
import type { Tensor } from '../tensor.ts';
import { hostPrimitive } from './host-primitive.ts';
import { symmetricEigen } from './jacobi.ts';
import { expectSquare, symmetricPart } from './shapes.ts';

/** The result of {@link eigh}. */
export interface Eigen {
  /** `[..., n]`, ascending. */
  readonly values: Tensor;
  /** `[..., n, n]`: column i belongs to value i; the columns are orthonormal. */
  readonly vectors: Tensor;
}

/** Λ and V of A = V·diag(λ)·Vᵀ, A symmetric. */
const eighPrimitive = hostPrimitive({
  name: 'eigh',
  infer: ([a]) => [{ shape: a.shape.slice(0, -1), dtype: a.dtype }, a],
  flops: ([a]) => 60 * a.shape[a.shape.length - 1] * sizeOf(a.shape),
  compute: ([a]) => {
    const { values, vectors } = symmetricEigen(a);
    return [values, vectors.elements];
  },
  gradient: {
    value: 'A = V diag(λ) Vᵀ',
    cotangents: ['Ā = V (diag(λ̄) + Vᵀ V̄ / (λⱼ − λᵢ)) Vᵀ, 0 in place of 1 / 0'],
    vjp: ([λ̄, v̄], { outputs: [λ, v] }) => [
      () => {
        const gap = λ.unsqueeze(-2).sub(λ.unsqueeze(-1)); // [..., i, j]: λⱼ − λᵢ
        const equal = gap.equal(0);
        const turned = v.transpose().matmul(v̄).div(equal.where(1, gap));
        const inner = equal.where(0, turned).add(λ̄.unsqueeze(-1).mul(eye(λ.shape[λ.rank - 1])));
        return symmetricPart(v.matmul(inner).matmul(v.transpose()));
      },
    ],
  },
});

/**
 * Computes eigenvalues and eigenvectors of symmetric matrices, `A = V·diag(λ)·Vᵀ`, by Jacobi rotations in
 * float64.
 *
 * The largest element of each vector is positive. (The sign is free, and other libraries choose another one.)
 * If a matrix is not symmetric, its symmetric part `(A + Aᵀ)/2` is used; NumPy and PyTorch read only the
 * lower triangle. The gradient of the vectors is defined only where the eigenvalues differ; here, pairs of
 * equal ones pass no gradient.
 *
 * Source of the gradient: Giles 2008, "An extended collection of matrix derivative results for forward and
 * reverse mode algorithmic differentiation", section 3.1.
 *
 * @param a float32 `[..., n, n]`.
 * @throws ShapeError if a is not square.
 * @example
 * const { values, vectors } = eigh(tensor([[2, 1], [1, 2]]));
 * values; // [1, 3]
 * vectors.select(1, 1); // [0.7071, 0.7071]
 */
export function eigh(a: Tensor): Eigen {
  expectSquare('eigh', a);
  const [values, vectors] = apply(eighPrimitive, [symmetricPart(a)], {});
  return { values, vectors };
}
