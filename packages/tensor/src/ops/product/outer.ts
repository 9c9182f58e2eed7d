// outer and meshgrid: all products of two vectors, and the coordinates of a grid.

import { checkList, checkOptions, checkTensors, kindOf } from '../../arguments.ts';
import { formatShape, ShapeError, ValueError } from '../../errors.ts';
import type { Tensor } from '../../tensor.ts';

/** Options of {@link meshgrid}. */
export interface MeshgridOptions {
  /**
   * The dimension along which the first vector runs. `'xy'`: the second one, like the columns of a picture
   * (NumPy's default). `'ij'`: the first one, like the rows of a matrix (PyTorch's). Default `'xy'`.
   */
  readonly indexing?: 'xy' | 'ij';
}

/**
 * The outer product of two vectors: `y[i, j] = a[i] · b[j]`.
 *
 * @param a `[M]`
 * @param b `[N]`
 * @returns `[M, N]`
 * @throws ShapeError if one is not a vector.
 * @example
 * outer(tensor([1, 2]), tensor([3, 4])); // [[3, 4], [6, 8]]
 */
export function outer(a: Tensor, b: Tensor): Tensor {
  checkTensors('outer', { a, b });
  checkVectors('outer', [a, b]);
  return a.unsqueeze(1).mul(b);
}

/**
 * The coordinates of a grid: each vector repeated along the dimensions of the others.
 *
 * @param vectors `[N₀]`, `[N₁]`, …, of any dtype.
 * @returns As many tensors as vectors, of shape `[N₁, N₀, …]`; with `'ij'` `[N₀, N₁, …]`.
 * @throws ShapeError if one is not a vector.
 * @example
 * const [x, y] = meshgrid([tensor([1, 2, 3]), tensor([10, 20])]);
 * x; // [[1, 2, 3], [1, 2, 3]]
 * y; // [[10, 10, 10], [20, 20, 20]]
 */
export function meshgrid(vectors: readonly Tensor[], options: MeshgridOptions = {}): Tensor[] {
  checkList('meshgrid', 'vectors', vectors, 'meshgrid([x, y])');
  vectors.forEach((vector, i) => {
    checkTensors('meshgrid', { [`vector ${i}`]: vector });
  });
  checkVectors('meshgrid', vectors);
  checkOptions('meshgrid', options, ['indexing']);
  const { indexing = 'xy' } = options;
  if (indexing !== 'xy' && indexing !== 'ij') {
    throw new ValueError('meshgrid', `there is no indexing ${kindOf(indexing)}. Use 'xy' or 'ij'.`);
  }
  const shape = vectors.map(({ size }) => size);
  const grids = vectors.map((vector, at) =>
    vector.reshape(shape.map((n, i) => (i === at ? n : 1))).expand(shape),
  );
  return indexing === 'ij' || shape.length < 2 ? grids : grids.map((grid) => grid.transpose(0, 1));
}

function checkVectors(op: string, vectors: readonly Tensor[]): void {
  const odd = vectors.find(({ rank }) => rank !== 1);
  if (odd === undefined) return;
  const { shape } = odd;
  throw new ShapeError(op, `takes vectors, but got ${formatShape(shape)}. Flatten it first.`, [
    shape,
  ]);
}
