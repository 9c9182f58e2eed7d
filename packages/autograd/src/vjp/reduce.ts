import type { Tensor } from '@tessera/tensor';
import type { PrimitiveParams } from '@tessera/tensor/extend';
import type { VjpEntry } from './rule.ts';

/** Gradients of the reductions. */
export const reduce: { readonly [N in 'sum' | 'max']: VjpEntry<PrimitiveParams[N]> } = {
  // y = Σᵢ xᵢ ⇒ x̄ᵢ = ȳ
  sum: ([ȳ], { inputs: [x], params: { axes } }) => [() => spread(ȳ, x.shape, axes)],

  // y = maxᵢ xᵢ ⇒ x̄ᵢ = ȳ·[xᵢ = y] / #{j : xⱼ = y}
  max: ([ȳ], { inputs: [x], outputs: [y], params: { axes } }) => [
    () => {
      const winners = x.equal(spread(y, x.shape, axes)).cast('float32');
      const share = ȳ.div(winners.sum(axes));
      return winners.mul(spread(share, x.shape, axes));
    },
  ],
};

/** Repeats a reduced tensor along the axes that the reduction removed from `shape`. */
function spread(reduced: Tensor, shape: readonly number[], axes: readonly number[]): Tensor {
  return reduced.reshape(shape.map((n, i) => (axes.includes(i) ? 1 : n))).expand(shape);
}
