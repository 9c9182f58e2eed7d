// The primitives of indexed access: gather and scatterAdd, each the adjoint of the other.

import { expectDType } from '../array/dtype.ts';
import { formatShape, ShapeError, ValueError } from '../errors.ts';
import { checkShape, sameShape, sizeOf, type Shape } from '../array/shape.ts';
import type { KernelPrimitive } from './primitive.ts';

/** Attributes of the indexed reads and writes. */
export interface GatherParams {
  gather: { readonly axis: number };
  scatterAdd: { readonly axis: number; readonly shape: readonly number[] };
}

/** Reads and writes at computed places; each of the two is the adjoint of the other. */
export const gather: { readonly [N in keyof GatherParams]: KernelPrimitive<GatherParams[N]> } = {
  /** y[…, i, …] = x[…, index[…, i, …], …] along axis */
  gather: {
    kind: 'kernel',
    name: 'gather',
    refuses: true,
    infer: ([x, index], { axis }) => {
      expectDType('gather', index.dtype, ['int32']);
      checkIndexShape('gather', x.shape, index.shape, axis);
      return [{ shape: index.shape, dtype: x.dtype }];
    },
    flops: () => 0,
  },
  /** y = 0; y[…, index[…, i, …], …] += source[…, i, …] along axis */
  scatterAdd: {
    kind: 'kernel',
    name: 'scatterAdd',
    refuses: true,
    infer: ([index, source], { axis, shape }) => {
      checkShape('scatterAdd', shape);
      expectDType('scatterAdd', index.dtype, ['int32']);
      expectDType('scatterAdd', source.dtype, ['float32', 'int32']);
      checkIndexShape('scatterAdd', shape, index.shape, axis);
      if (!sameShape(index.shape, source.shape)) {
        throw new ShapeError(
          'scatterAdd',
          `index ${formatShape(index.shape)} and source ${formatShape(source.shape)} must have one shape.`,
          [index.shape, source.shape],
        );
      }
      return [{ shape, dtype: source.dtype }];
    },
    flops: ([index]) => sizeOf(index.shape),
  },
};

/** The error for an index outside of its axis. */
export function indexError(op: string, index: number, shape: Shape, axis: number): ValueError {
  const hint = op === 'gather' ? ' Ids of embedding and crossEntropy are such indices.' : '';
  return new ValueError(
    op,
    `index ${index} is outside axis ${axis} of ${formatShape(shape)}: ` +
      `indices along it are 0 to ${shape[axis] - 1}.${hint}`,
  );
}

function checkIndexShape(op: string, shape: Shape, index: Shape, axis: number): void {
  if (shape.length === index.length && index.every((n, i) => i === axis || n <= shape[i])) return;
  throw new ShapeError(
    op,
    `index ${formatShape(index)} must have the rank of ${formatShape(shape)} and be no larger outside axis ${axis}.`,
    [shape, index],
  );
}
