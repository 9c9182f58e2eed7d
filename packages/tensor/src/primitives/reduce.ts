// The primitives that fold axes away: sum and max.

import { expectDType, type DType } from '../array/dtype.ts';
import { formatShape, ShapeError } from '../errors.ts';
import { sizeOf } from '../array/shape.ts';
import type { ReductionParams, ReductionPrimitive, TensorSpec } from './primitive.ts';

/** Attributes of every reduction. */
export interface ReduceParams {
  sum: ReductionParams;
  max: ReductionParams;
}

/** The reductions. They remove the reduced axes; a reshape puts axes of size 1 back if they are wanted. */
export const reduce: { readonly [N in keyof ReduceParams]: ReductionPrimitive<ReduceParams[N]> } = {
  /** Σ over axes (0 if there are no elements) */
  sum: {
    kind: 'reduction',
    name: 'sum',
    infer: ([x], { axes }) => {
      expectDType('sum', x.dtype, ['float32', 'int32']);
      return [reduced(x, axes)];
    },
    initial: () => 0,
    combine: (accumulator, element) => accumulator + element,
    flops: ([x]) => sizeOf(x.shape),
  },
  /** the largest element over axes, NaN if any is NaN */
  max: {
    kind: 'reduction',
    name: 'max',
    infer: ([x], { axes }) => {
      expectDType('max', x.dtype, ['float32', 'int32']);
      checkElements('max', x, axes);
      return [reduced(x, axes)];
    },
    initial: (dtype: DType) => (dtype === 'int32' ? -(2 ** 31) : -Infinity),
    combine: (accumulator, element) => Math.max(accumulator, element),
    flops: ([x]) => sizeOf(x.shape),
  },
};

/** Throws a ShapeError if a reduction that is undefined for no elements would get none. */
export function checkElements(op: string, x: TensorSpec, axes: readonly number[]): void {
  if (sizeOf(x.shape) > 0 || sizeOf(reduced(x, axes).shape) === 0) return;
  throw new ShapeError(
    op,
    `${formatShape(x.shape)} has no elements along axes [${axes.join(', ')}], so there is no largest one.`,
    [x.shape],
  );
}

function reduced(x: TensorSpec, axes: readonly number[]): TensorSpec {
  return { shape: x.shape.filter((_, i) => !axes.includes(i)), dtype: x.dtype };
}
