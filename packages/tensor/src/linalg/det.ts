// det(a): the determinant, and its gradient.

import { sizeOf } from '../array/shape.ts';
import type { Tensor } from '../tensor.ts';
import { cofactors } from './cofactors.ts';
import { applyOne, hostPrimitive } from './host-primitive.ts';
import { determinantOf, factorLu } from './lu.ts';
import { expectSquare } from './shapes.ts';
import { inverse } from './solve.ts';

/** The cofactors of A: det(A)·A⁻ᵀ if A has an inverse. */
const cofactorsPrimitive = hostPrimitive({
  name: 'cofactors',
  infer: ([a]) => [a],
  flops: ([a]) => (8 / 3) * a.shape[a.shape.length - 1] * sizeOf(a.shape),
  compute: ([a]) => [cofactors(a).elements],
  gradient: {
    value: 'Y = cof A',
    cotangents: ['Ā = ⟨Ȳ, A⁻ᵀ⟩·Y − Y Ȳᵀ A⁻ᵀ'],
    vjp: ([ȳ], { inputs: [a], outputs: [y] }) => [
      () => {
        const z = inverse(a).transpose();
        const along = ȳ.mul(z).sum([-2, -1], { keepDims: true });
        return y.mul(along).sub(y.matmul(ȳ.transpose()).matmul(z));
      },
    ],
  },
});

/** The determinant of A. */
const detPrimitive = hostPrimitive({
  name: 'det',
  infer: ([{ shape, dtype }]) => [{ shape: shape.slice(0, -2), dtype }],
  flops: ([a]) => (2 / 3) * a.shape[a.shape.length - 1] * sizeOf(a.shape),
  compute: ([a]) => [[determinantOf(factorLu(a))]],
  gradient: {
    value: 'y = det A',
    cotangents: ['Ā = ȳ·cof A'],
    vjp: ([ȳ], { inputs: [a] }) => [
      () => ȳ.unsqueeze(-1).unsqueeze(-1).mul(applyOne(cofactorsPrimitive, a)),
    ],
  },
});

/**
 * The determinant: the product of the pivots of Gaussian elimination, in float64.
 *
 * Its gradient, the cofactors, also exists for singular matrices; second derivatives need an inverse.
 *
 * @param a float32 `[..., n, n]`; the determinant of a `[0, 0]` matrix is 1.
 * @returns `[...]`.
 * @throws ShapeError if a is not square.
 * @example
 * det(tensor([[1, 2], [3, 4]])); // -2
 */
export function det(a: Tensor): Tensor {
  expectSquare('det', a);
  return applyOne(detPrimitive, a);
}
