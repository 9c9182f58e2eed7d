// The primitive of the matrix product: a batch of [m, k] times [k, n].

import { expectDType } from '../array/dtype.ts';
import { sameShape, sizeOf } from '../array/shape.ts';
import { formatShape, ShapeError } from '../errors.ts';
import type { KernelPrimitive, NoParams } from './primitive.ts';

/** Attributes of the matrix product. */
export interface MatmulParams {
  matmul: NoParams;
}

/** The product of matrices, a batch of them at once. */
export const matmul: { readonly [N in keyof MatmulParams]: KernelPrimitive<MatmulParams[N]> } = {
  /** y[…, m, n] = Σ_k a[…, m, k] · b[…, k, n] */
  matmul: {
    kind: 'kernel',
    name: 'matmul',
    rowAxes: 1,
    infer: ([a, b]) => {
      const rank = a.shape.length;
      for (const { dtype } of [a, b]) expectDType('matmul', dtype, ['float32']);
      const [m, k] = a.shape.slice(-2);
      const [k2, n] = b.shape.slice(-2);
      const batch = a.shape.slice(0, -2);
      if (
        rank < 2 ||
        rank !== b.shape.length ||
        k !== k2 ||
        !sameShape(batch, b.shape.slice(0, -2))
      ) {
        throw new ShapeError(
          'matmul',
          `a is ${formatShape(a.shape)}, b is ${formatShape(b.shape)}: [..., M, K] and [..., K, N] with equal batch dimensions expected.`,
          [a.shape, b.shape],
        );
      }
      return [{ shape: [...batch, m, n], dtype: 'float32' }];
    },
    flops: ([a, b]) => 2 * sizeOf(a.shape) * b.shape[b.shape.length - 1],
  },
};
