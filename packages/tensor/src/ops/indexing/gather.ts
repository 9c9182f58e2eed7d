// gather, scatterAdd, indexSelect, embedding and oneHot: elements by their indices.

import { checkTensors } from '../../arguments.ts';
import { arange } from '../../create.ts';
import { expectDType } from '../../array/dtype.ts';
import { formatShape, ShapeError, ValueError } from '../../errors.ts';
import { apply } from '../../interpreter.ts';
import { gather as primitives } from '../../primitives/gather.ts';
import { checkShape, normalizeAxis, type Shape } from '../../array/shape.ts';
import type { Tensor } from '../../tensor.ts';

/**
 * `y[…, i, …] = x[…, index[…, i, …], …]` along `axis`, with PyTorch's `torch.gather` rules: `index`
 * (int32) has the rank of x and the shape of the result.
 *
 * @throws ValueError, when it runs, if an index lies outside `0 … size − 1`.
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * const index = tensor([[0, 0], [1, 0]], { dtype: 'int32' });
 * gather(x, index, 1); // [[1, 1], [4, 3]]
 */
export function gather(x: Tensor, index: Tensor, axis: number): Tensor {
  checkTensors('gather', { x, index });
  return apply(primitives.gather, [x, index], { axis: normalizeAxis('gather', axis, x.rank) })[0];
}

/**
 * Starts with zeros of `shape` and adds `source[…, i, …]` at `[…, index[…, i, …], …]` along `axis`: the
 * adjoint of {@link gather}. Add the result to a base for PyTorch's `scatter_add`.
 *
 * @example
 * const index = tensor([0, 2, 0], { dtype: 'int32' });
 * scatterAdd(index, tensor([1, 2, 3]), 0, [4]); // [4, 0, 2, 0]
 */
export function scatterAdd(index: Tensor, source: Tensor, axis: number, shape: Shape): Tensor {
  checkTensors('scatterAdd', { index, source });
  checkShape('scatterAdd', shape);
  const at = normalizeAxis('scatterAdd', axis, shape.length);
  return apply(primitives.scatterAdd, [index, source], { axis: at, shape })[0];
}

/**
 * Takes the entries `index` (int32 `[n]`) of x along `axis`, which gets size n.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4], [5, 6]]);
 * indexSelect(x, tensor([2, 0], { dtype: 'int32' }), 0); // [[5, 6], [1, 2]]
 */
export function indexSelect(x: Tensor, index: Tensor, axis: number): Tensor {
  checkTensors('indexSelect', { x, index });
  const at = normalizeAxis('indexSelect', axis, x.rank);
  expectDType('indexSelect', index.dtype, ['int32']);
  if (index.rank !== 1) {
    throw new ShapeError(
      'indexSelect',
      `index must be a vector, but got ${formatShape(index.shape)}.`,
      [index.shape],
    );
  }
  const shape = x.shape.map((n, i) => (i === at ? index.shape[0] : n));
  const aligned = index.reshape(shape.map((n, i) => (i === at ? n : 1)));
  return gather(x, aligned.expand(shape), at);
}

/**
 * Takes the rows `ids` (int32 `[...]`) of `table` `[V, D]`: `[..., D]`.
 *
 * @example
 * const table = tensor([[0, 0], [1, 10], [2, 20]]); // [V, D]
 * embedding(table, tensor([2, 1], { dtype: 'int32' })); // [[2, 20], [1, 10]]
 */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  checkTensors('embedding', { table, ids });
  expectDType('embedding', ids.dtype, ['int32']);
  if (table.rank !== 2) {
    throw new ShapeError(
      'embedding',
      `the table must be [V, D], but got ${formatShape(table.shape)}.`,
      [table.shape],
    );
  }
  return indexSelect(table, ids.flatten(), 0).reshape([...ids.shape, table.shape[1]]);
}

/**
 * Makes float32 `[..., classes]` with 1 at `ids` (int32 `[...]`) and 0 elsewhere. An id outside `0 … classes
 * − 1` gives only zeros.
 *
 * @example
 * oneHot(tensor([2, 0], { dtype: 'int32' }), 3); // [[0, 0, 1], [1, 0, 0]]
 */
export function oneHot(ids: Tensor, classes: number): Tensor {
  checkTensors('oneHot', { ids });
  expectDType('oneHot', ids.dtype, ['int32']);
  if (!Number.isSafeInteger(classes) || classes < 0) {
    throw new ValueError(
      'oneHot',
      `classes must be a whole number of at least 0, but is ${classes}.`,
    );
  }
  return ids.unsqueeze(-1).equal(arange(classes)).cast('float32');
}
