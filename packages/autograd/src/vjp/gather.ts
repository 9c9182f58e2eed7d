// The gradient rules of gather, scatterAdd and argsort.

import { apply, primitives, type GatherParams, type SortParams } from '@tessera/tensor/extend';
import { notDifferentiable, rule, type VjpEntry } from './rule.ts';

type IndexParams = GatherParams & SortParams;

/** Gradients of the indexed reads and writes, which are each other's adjoints, and of argsort. */
export const gather: { readonly [N in keyof IndexParams]: VjpEntry<IndexParams[N]> } = {
  argsort: notDifferentiable('the result is int32'),

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
