// diag, diagonal and trace: the diagonals of matrices.

import { checkTensors, kindOf } from '../../arguments.ts';
import { formatShape, ShapeError, ValueError } from '../../errors.ts';
import { apply } from '../../interpreter.ts';
import { assembly } from '../../primitives/movement.ts';
import type { Tensor } from '../../tensor.ts';

/**
 * The diagonal of the last two dimensions: the elements with `column − row = k`.
 *
 * @param x `[..., M, N]`, any dtype.
 * @param k The diagonal: 0 is the main one, positive ones lie above it, negative ones below. Default 0.
 * @returns `[..., L]`, with L = 0 if the diagonal lies outside.
 * @throws ShapeError if x has fewer than two dimensions.
 * @example
 * diagonal(tensor([[1, 2], [3, 4]])); // [1, 4]
 * diagonal(tensor([[1, 2], [3, 4]]), 1); // [2]
 */
export function diagonal(x: Tensor, k = 0): Tensor {
  return diagonalOf('diagonal', x, k);
}

/**
 * Makes a matrix with the vector x on its diagonal, or takes the diagonal of the matrix x, as in NumPy and
 * PyTorch.
 *
 * @param x `[N]` for a matrix `[N + |k|, N + |k|]`, or `[M, N]` for its diagonal.
 * @param k The diagonal: 0 is the main one, positive ones lie above it, negative ones below. Default 0.
 * @throws ShapeError if x is neither a vector nor a matrix; use {@link diagonal} for batches.
 * @example
 * diag(tensor([1, 2])); // [[1, 0], [0, 2]]
 * diag(tensor([[1, 2], [3, 4]])); // [1, 4]
 */
export function diag(x: Tensor, k = 0): Tensor {
  checkTensors('diag', { x });
  if (x.rank === 2) return diagonalOf('diag', x, k);
  if (x.rank !== 1) {
    throw new ShapeError(
      'diag',
      `takes a vector or a matrix, but got ${formatShape(x.shape)}. For batches of matrices use diagonal.`,
      [x.shape],
    );
  }
  checkOffset('diag', k);
  const [n] = x.shape;
  const size = n + Math.abs(k);
  if (n === 0) return x.pad([[0, size * size]]).reshape([size, size]);
  // In row-major order the elements of a diagonal lie size + 1 apart.
  const before = k < 0 ? -k * size : k;
  const after = size * size - before - (n - 1) * (size + 1) - 1;
  const parameters = { before: [before], after: [after], interior: [size] };
  return apply(assembly.pad, [x], parameters)[0].reshape([size, size]);
}

/**
 * The sum of the main diagonal of the last two dimensions.
 *
 * @param x `[..., M, N]`, any dtype; bool counts as int32.
 * @returns `[...]`. (NumPy takes the first two dimensions instead of the last two.)
 * @throws ShapeError if x has fewer than two dimensions.
 * @example
 * trace(tensor([[1, 2], [3, 4]])); // 5
 */
export function trace(x: Tensor): Tensor {
  return diagonalOf('trace', x, 0).sum(-1);
}

function diagonalOf(op: string, x: Tensor, k: number): Tensor {
  checkTensors(op, { x });
  checkOffset(op, k);
  const { rank, shape } = x;
  if (rank < 2) {
    throw new ShapeError(op, `[..., M, N] expected, but got ${formatShape(shape)}.`, [shape]);
  }
  const [m, n] = shape.slice(-2);
  const length = Math.max(0, Math.min(m + Math.min(k, 0), n - Math.max(k, 0)));
  const start = k < 0 ? -k * n : k;
  const flat = x.reshape([...shape.slice(0, -2), m * n]);
  const stop = length === 0 ? start : start + (length - 1) * (n + 1) + 1;
  return flat.slice([...shape.slice(0, -2).map(() => null), [start, stop, n + 1]]);
}

function checkOffset(op: string, k: number): void {
  if (Number.isSafeInteger(k)) return;
  throw new ValueError(op, `k must be a whole number, but is ${kindOf(k)}.`);
}
