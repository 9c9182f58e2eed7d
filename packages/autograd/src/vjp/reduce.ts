// The gradient rules of sum and max.

import type { Tensor } from '@tessera/tensor';
import type { ReduceParams } from '@tessera/tensor/extend';
import { rule, type VjpEntry } from './rule.ts';

/** Gradients of the reductions. */
export const reduce: { readonly [N in keyof ReduceParams]: VjpEntry<ReduceParams[N]> } = {
  sum: rule('y = Σᵢ xᵢ', ['x̄ᵢ = ȳ'], ([ȳ], { inputs: [x], params: { axes } }) => [
    () => spread(ȳ, x.shape, axes),
  ]),

  max: rule(
    'y = maxᵢ xᵢ',
    ['x̄ᵢ = ȳ·[xᵢ = y] / #{j : xⱼ = y}'],
    ([ȳ], { inputs: [x], outputs: [y], params: { axes } }) => [
      () => {
        const winners = x.equal(spread(y, x.shape, axes)).cast('float32');
        const share = ȳ.div(winners.sum(axes));
        return winners.mul(spread(share, x.shape, axes));
      },
    ],
  ),
};

/** Repeats a reduced tensor along the axes that the reduction removed from `shape`. */
function spread(reduced: Tensor, shape: readonly number[], axes: readonly number[]): Tensor {
  return reduced.reshape(shape.map((n, i) => (axes.includes(i) ? 1 : n))).expand(shape);
}
