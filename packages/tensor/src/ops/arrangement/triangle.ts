// tril and triu: the lower or upper triangle of a matrix.

import { checkTensors, kindOf } from '../../arguments.ts';
import { arange } from '../../create.ts';
import { formatShape, ShapeError, ValueError } from '../../errors.ts';
import type { Tensor } from '../../tensor.ts';

/**
 * The lower triangle of the last two dimensions: x where `column − row ≤ k`, elsewhere 0.
 *
 * @param x `[..., M, N]`, any dtype.
 * @param k The highest diagonal that stays: 0 is the main one, negative ones lie below it. Default 0.
 * @throws ShapeError if x has fewer than two dimensions.
 * @example
 * tril(ones([2, 3])); // [[1, 0, 0], [1, 1, 0]]
 */
export function tril(x: Tensor, k = 0): Tensor {
  return offsets('tril', x, k).lessEqual(k).where(x, zeroOf(x));
}

/**
 * The upper triangle of the last two dimensions: x where `column − row ≥ k`, elsewhere 0.
 *
 * @param x `[..., M, N]`, any dtype.
 * @param k The lowest diagonal that stays: 0 is the main one, negative ones lie below it. Default 0.
 * @throws ShapeError if x has fewer than two dimensions.
 * @example
 * triu(ones([2, 3])); // [[1, 1, 1], [0, 1, 1]]
 */
export function triu(x: Tensor, k = 0): Tensor {
  return offsets('triu', x, k).greaterEqual(k).where(x, zeroOf(x));
}

/** `column − row` for every element of the last two dimensions. */
function offsets(op: string, x: Tensor, k: number): Tensor {
  checkTensors(op, { x });
  const { rank, shape } = x;
  if (!Number.isInteger(k)) {
    throw new ValueError(op, `k must be a whole number, but is ${kindOf(k)}.`);
  }
  if (rank < 2)
    throw new ShapeError(op, `[..., M, N] expected, but got ${formatShape(shape)}.`, [shape]);
  return arange(shape[rank - 1]).sub(arange(shape[rank - 2]).unsqueeze(1)); // [M, N]
}

function zeroOf({ dtype }: Tensor): number | boolean {
  return dtype === 'bool' ? false : 0;
}
