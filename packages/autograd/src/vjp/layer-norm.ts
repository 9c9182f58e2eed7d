// The gradient rules of layer norm.

import { apply, composites, type CompositeParams } from '@tessera/tensor/extend';
import { rule, type VjpEntry } from './rule.ts';

/** The gradient of layerNorm, for which a backend may have a kernel. */
export const layerNorm: {
  readonly [N in 'layerNorm' | 'layerNormStatistics' | 'layerNormGrad']: VjpEntry<
    CompositeParams[N]
  >;
} = {
  layerNorm: rule(
    'y = (x − μ)/σ',
    ['x̄ = (ȳ − mean(ȳ) − y·mean(ȳ·y))/σ'],
    ([ȳ], { inputs: [x], params: { eps } }) => [
      () => apply(composites.layerNormGrad, [x, ȳ], { eps })[0],
    ],
  ),
  layerNormStatistics: 'decompose',
  layerNormGrad: 'decompose',
};
