import { arange } from '../create.ts';
import { expectDType } from '../dtype.ts';
import { formatShape, ShapeError } from '../errors.ts';
import { apply } from '../interpreter.ts';
import { gather as primitives } from '../primitives/gather.ts';
import { normalizeAxis, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/**
 * `y[…, i, …] = x[…, index[…, i, …], …]` along `axis`, with PyTorch's `torch.gather` rules: `index`
 * (int32) has the rank of x and the shape of the result.
 *
 * @throws ValueError when it runs, if an index lies outside `0 … size − 1`.
 */
export function gather(x: Tensor, index: Tensor, axis: number): Tensor {
  return apply(primitives.gather, [x, index], { axis: normalizeAxis('gather', axis, x.rank) })[0];
}

/**
 * Zeros of `shape` to which `source[…, i, …]` is added at `[…, index[…, i, …], …]` along `axis`: the
 * adjoint of {@link gather}. Add it to a base for PyTorch's `scatter_add`.
 */
export function scatterAdd(index: Tensor, source: Tensor, axis: number, shape: Shape): Tensor {
  const at = normalizeAxis('scatterAdd', axis, shape.length);
  return apply(primitives.scatterAdd, [index, source], { axis: at, shape })[0];
}

/** The entries `index` (int32 `[n]`) of x along `axis`, which gets size n. */
export function indexSelect(x: Tensor, index: Tensor, axis: number): Tensor {
  const at = normalizeAxis('indexSelect', axis, x.rank);
  if (index.rank !== 1) {
    throw new ShapeError('indexSelect', `index must be a vector, but got ${formatShape(index.shape)}.`, [index.shape]);
  }
  const shape = x.shape.map((n, i) => (i === at ? index.shape[0] : n));
  const aligned = index.reshape(shape.map((n, i) => (i === at ? n : 1)));
  return gather(x, aligned.expand(shape), at);
}

/** Rows of `table` `[V, D]` for `ids` (int32 `[...]`): `[..., D]`. */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  expectDType('embedding', ids.dtype, ['int32']);
  if (table.rank !== 2) {
    throw new ShapeError('embedding', `the table must be [V, D], but got ${formatShape(table.shape)}.`, [table.shape]);
  }
  return indexSelect(table, ids.flatten(), 0).reshape([...ids.shape, table.shape[1]]);
}

/** Float32 `[..., classes]` with 1 at `ids` (int32 `[...]`) and 0 elsewhere. */
export function oneHot(ids: Tensor, classes: number): Tensor {
  expectDType('oneHot', ids.dtype, ['int32']);
  return ids.unsqueeze(-1).equal(arange(classes)).cast('float32');
}
