// The gradient rule of attention.

import { apply, composites, type CompositeParams } from '@tessera/tensor/extend';
import { rule, type VjpEntry } from './rule.ts';

/** The gradient of attention, for which a backend may have a kernel. */
export const attention: {
  readonly [N in 'attention' | 'attentionGrad']: VjpEntry<CompositeParams[N]>;
} = {
  attention: rule(
    'y = p v, p = softmax(s·q kᵀ)',
    ['q̄ = s·r̄ k, r̄ = p·(p̄ − Σ p·p̄), p̄ = ȳ vᵀ', 'k̄ = s·r̄ᵀ q, r̄ as in q̄', 'v̄ = pᵀ ȳ'],
    ([ȳ], { inputs: [q, k, v], params: { scale } }) => {
      let all: ReturnType<typeof apply> | undefined; // one application gives all three cotangents
      const part = (i: number) => () =>
        (all ??= apply(composites.attentionGrad, [q, k, v, ȳ], { scale }))[i];
      return [part(0), part(1), part(2)];
    },
  ),
  attentionGrad: 'decompose',
};
