// take and takeAlongAxis: NumPy's lookups, with negative indices.

import { checkTensors, kindOf } from '../../arguments.ts';
import { tensor } from '../../create.ts';
import { expectDType } from '../../array/dtype.ts';
import { formatShape, ShapeError, ValueError } from '../../errors.ts';
import { broadcastShapes, normalizeAxis } from '../../array/shape.ts';
import type { Tensor } from '../../tensor.ts';
import { gather, indexSelect } from './gather.ts';

/**
 * Takes the entries `index` of x along `axis`; the shape of `index` replaces the axis. This is NumPy's
 * `take`.
 *
 * @param x Any shape with that axis, any dtype.
 * @param index A list of whole numbers, or int32 of any shape; −1 is the last entry.
 * @param axis Default `null`: x is flattened first.
 * @throws AxisError if the axis does not exist, ValueError if an index lies outside (if it is in a tensor:
 *   when it runs).
 * @example
 * take(tensor([10, 20, 30]), [2, 0, -1]); // [30, 10, 30]
 * take(tensor([[1, 2, 3], [4, 5, 6]]), [0, 2], 1); // [[1, 3], [4, 6]]
 */
export function take(
  x: Tensor,
  index: Tensor | readonly number[],
  axis: number | null = null,
): Tensor {
  checkTensors('take', { x });
  if (axis === null) return take(x.flatten(), index, 0);
  const at = normalizeAxis('take', axis, x.rank);
  const n = x.shape[at];
  const ids = Array.isArray(index) ? listed(index, n, axis) : (index as Tensor);
  checkTensors('take', { index: ids });
  expectDType('take', ids.dtype, ['int32']);
  const taken = indexSelect(x, fromStart(ids, n).flatten(), at);
  return taken.reshape([...x.shape.slice(0, at), ...ids.shape, ...x.shape.slice(at + 1)]);
}

/**
 * `y[…, i, …] = x[…, index[…, i, …], …]` along `axis`, like `gather`. But x and index broadcast in all other
 * dimensions, and −1 is the last entry. This is NumPy's `take_along_axis`.
 *
 * @param x Any shape, any dtype.
 * @param index int32 of the rank of x.
 * @throws ShapeError if the ranks differ or the shapes do not broadcast; ValueError, when it runs, if an
 *   index lies outside.
 * @example
 * const x = tensor([[3, 1, 2], [9, 7, 8]]);
 * takeAlongAxis(x, argsort(x), 1); // [[1, 2, 3], [7, 8, 9]]
 */
export function takeAlongAxis(x: Tensor, index: Tensor, axis: number): Tensor {
  checkTensors('takeAlongAxis', { x, index });
  expectDType('takeAlongAxis', index.dtype, ['int32']);
  const at = normalizeAxis('takeAlongAxis', axis, x.rank);
  if (index.rank !== x.rank) {
    throw new ShapeError(
      'takeAlongAxis',
      `index ${formatShape(index.shape)} must have the rank of x ${formatShape(x.shape)}.`,
      [x.shape, index.shape],
    );
  }
  const without = ({ shape }: Tensor): number[] => shape.map((n, i) => (i === at ? 1 : n));
  const common = broadcastShapes('takeAlongAxis', without(x), without(index));
  const expanded = (y: Tensor): Tensor => y.expand(common.with(at, y.shape[at]));
  return gather(expanded(x), fromStart(expanded(index), x.shape[at]), at);
}

/** Replaces indices that count from the end by indices that count from the start. */
function fromStart(index: Tensor, n: number): Tensor {
  return index.less(0).where(index.add(n), index);
}

function listed(index: readonly number[], n: number, axis: number): Tensor {
  const odd = index.find((i) => !Number.isInteger(i) || i < -n || i >= n);
  if (odd === undefined) return tensor(Int32Array.from(index));
  throw new ValueError(
    'take',
    `index ${kindOf(odd)} is outside axis ${axis} of ${n} elements: whole numbers from ${-n} to ${n - 1} expected.`,
  );
}
