import { apply, primitives, type PrimitiveParams } from '@tessera/tensor/extend';
import { rule, type VjpEntry } from './rule.ts';

/** Gradients of the indexed reads and writes: each is the adjoint of the other. */
export const gather: { readonly [N in 'gather' | 'scatterAdd']: VjpEntry<PrimitiveParams[N]> } = {
  gather: rule(
    'y[i] = x[index[i]]',
    ['x̄ = Σᵢ ȳ[i] at index[i]', null],
    ([ȳ], { inputs: [x, index], params: { axis } }) => [
      () => apply(primitives.scatterAdd, [index, ȳ], { axis, shape: x.shape })[0],
      null,
    ],
  ),

  scatterAdd: rule(
    'y[index[i]] += source[i]',
    [null, 'source̅[i] = ȳ[index[i]]'],
    ([ȳ], { inputs: [index], params: { axis } }) => [
      null,
      () => apply(primitives.gather, [ȳ, index], { axis })[0],
    ],
  ),
};
