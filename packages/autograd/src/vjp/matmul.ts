// The gradient rule of the matrix product: ā = ȳ bᵀ and b̄ = aᵀ ȳ.

import type { MatmulParams } from '@tessera/tensor/extend';
import { rule, type VjpEntry } from './rule.ts';

/** The gradient of the matrix product: two matrix products. */
export const matmul: { readonly [N in keyof MatmulParams]: VjpEntry<MatmulParams[N]> } = {
  matmul: rule('y = a b', ['ā = ȳ bᵀ', 'b̄ = aᵀ ȳ'], ([ȳ], { inputs: [a, b] }) => [
    () => ȳ.matmul(b.transpose()),
    () => a.transpose().matmul(ȳ),
  ]),
};
