// The rule of the matrix product.

import type { MatmulParams } from '@tessera/tensor/extend';
import { sameAs, type OnnxRule } from './rule.ts';

/** The rule of matmul. A runtime folds a transposed operand into the product itself. */
export const matmul: { readonly [N in keyof MatmulParams]: OnnxRule<MatmulParams[N]> } = {
  matmul: sameAs('MatMul'),
};
