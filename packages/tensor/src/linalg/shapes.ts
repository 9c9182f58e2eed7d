// Checks that operands are matrices, takes the symmetric part, and makes the error for one bad matrix.

import { checkTensors } from '../arguments.ts';
import { expectDType } from '../array/dtype.ts';
import { formatShape, ShapeError, ValueError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';

/** Throws a typed error unless `a` is float32 `[..., m, n]`. */
export function expectMatrices(op: string, a: Tensor): void {
  checkTensors(op, { a });
  expectDType(op, a.dtype, ['float32']);
  if (a.rank >= 2) return;
  throw new ShapeError(op, `[..., m, n] expected, but a is ${formatShape(a.shape)}.`, [a.shape]);
}

/** Throws a typed error unless `a` is float32 `[..., n, n]`. */
export function expectSquare(op: string, a: Tensor): void {
  expectMatrices(op, a);
  const [m, n] = a.shape.slice(-2);
  if (m === n) return;
  throw new ShapeError(
    op,
    `square matrices [..., n, n] expected, but a is ${formatShape(a.shape)}.`,
    [a.shape],
  );
}

/** The symmetric part `(A + Aᵀ)/2`. If A is symmetric, it is A itself, bit for bit. */
export function symmetricPart(a: Tensor): Tensor {
  return a.add(a.transpose()).mul(0.5);
}

/** The error for one matrix of a batch. */
export function badMatrix(op: string, position: number, problem: string): ValueError {
  return new ValueError(op, `matrix ${position} ${problem}`);
}
