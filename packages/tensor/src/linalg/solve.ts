// solve(a, b) and inverse(a), with their gradients.

import { checkTensors } from '../arguments.ts';
import { eye } from '../create.ts';
import { expectDType } from '../array/dtype.ts';
import { formatShape, ShapeError } from '../errors.ts';
import { broadcastShapes, sizeOf } from '../array/shape.ts';
import type { Tensor } from '../tensor.ts';
import { applyOne, hostPrimitive, type DifferentiablePrimitive } from './host-primitive.ts';
import { factorLu, substitute } from './lu.ts';
import { badMatrix, expectSquare } from './shapes.ts';

/** The primitive X = A⁻¹·B; its errors have the given name. */
function solver(name: string): DifferentiablePrimitive {
  return hostPrimitive({
    name,
    infer: ([, b]) => [b],
    flops: ([a, b]) => {
      const n = a.shape[a.shape.length - 1];
      return (2 / 3) * n * sizeOf(a.shape) + 2 * n * sizeOf(b.shape);
    },
    compute: ([a, b], position) => {
      const lu = factorLu(a);
      if (lu.zeroPivot < 0) return [substitute(lu, b).elements];
      throw badMatrix(
        name,
        position,
        `is singular: pivot ${lu.zeroPivot} is 0. Add a small multiple of eye(n), or solve least squares by qr.`,
      );
    },
    gradient: {
      value: 'X = A⁻¹ B',
      cotangents: ['Ā = −A⁻ᵀ X̄ Xᵀ', 'B̄ = A⁻ᵀ X̄'],
      vjp: ([x̄], { inputs: [a], outputs: [x] }) => {
        const b̄ = (): Tensor => applyOne(solvePrimitive, a.transpose(), x̄);
        return [() => b̄().matmul(x.transpose()).neg(), b̄];
      },
    },
  });
}

const solvePrimitive = solver('solve');
const inversePrimitive = solver('inverse');

/**
 * Solves `A·x = b` for x, by Gaussian elimination with partial pivoting in float64; the result is rounded to
 * float32.
 *
 * It is plain code on one thread for small matrices (up to a few hundred rows), on the cpu and wasm backends.
 *
 * @param a float32 `[..., n, n]`.
 * @param b float32: a vector `[n]`, or columns `[..., n, k]`; the batch dimensions in front broadcast.
 * @returns `[..., n]` for a vector, else `[..., n, k]`.
 * @throws ShapeError if the shapes do not fit, ValueError if a matrix is singular (a pivot is exactly 0).
 * @example
 * solve(tensor([[2, 1], [1, 3]]), tensor([3, 5])); // [0.8, 1.4]
 */
export function solve(a: Tensor, b: Tensor): Tensor {
  expectSquare('solve', a);
  checkTensors('solve', { b });
  expectDType('solve', b.dtype, ['float32']);
  const n = a.shape[a.rank - 1];
  const columns = b.rank === 1 ? b.unsqueeze(1) : b;
  if (b.rank === 0 || columns.shape[columns.rank - 2] !== n) {
    throw new ShapeError(
      'solve',
      `a is ${formatShape(a.shape)}, b is ${formatShape(b.shape)}: a vector [${n}] or columns [..., ${n}, k] expected.`,
      [a.shape, b.shape],
    );
  }
  const batch = broadcastShapes(
    'solve (batch dimensions)',
    a.shape.slice(0, -2),
    columns.shape.slice(0, -2),
  );
  const x = applyOne(
    solvePrimitive,
    a.expand([...batch, n, n]),
    columns.expand([...batch, ...columns.shape.slice(-2)]),
  );
  return b.rank === 1 ? x.squeeze(-1) : x;
}

/**
 * Computes `A⁻¹`, like {@link solve} with the identity.
 *
 * To solve equations, call {@link solve}: it is faster and more accurate than a product with the inverse.
 *
 * @param a float32 `[..., n, n]`.
 * @returns `[..., n, n]`.
 * @throws ShapeError if a is not square, ValueError if a matrix is singular.
 * @example
 * inverse(tensor([[2, 0], [0, 4]])); // [[0.5, 0], [0, 0.25]]
 */
export function inverse(a: Tensor): Tensor {
  expectSquare('inverse', a);
  return applyOne(inversePrimitive, a, eye(a.shape[a.rank - 1]).expand(a.shape));
}
