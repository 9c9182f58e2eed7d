// The primitive of sorting: argsort along the last axis.

import { ShapeError } from '../errors.ts';
import type { KernelPrimitive } from './primitive.ts';

/** Attributes of the primitive that sorts. */
export interface SortParams {
  argsort: { readonly descending: boolean };
}

/**
 * The order of the elements along the last axis. NaN counts as the largest number, and `−0` as 0. Among equal
 * elements the one with the smaller index comes first, in both directions.
 *
 * The kernels for `cpu` and `wasm` belong to the functions that sort, so that pages without them load none.
 */
export const sort: { readonly [N in keyof SortParams]: KernelPrimitive<SortParams[N]> } = {
  /** y[…, i] = the index of the element of x[…, :] that comes i-th in ascending (descending) order */
  argsort: {
    kind: 'kernel',
    name: 'argsort',
    infer: ([{ shape }]) => {
      if (shape.length === 0) throw new ShapeError('argsort', 'a scalar has no order.', [shape]);
      return [{ shape, dtype: 'int32' }];
    },
    flops: () => 0,
  },
};
