// The gradient rules of softmax, logSoftmax and logSumExp.

import { apply, composites, type CompositeParams } from '@tessera/tensor/extend';
import { rule, type VjpEntry } from './rule.ts';

/**
 * Gradients of the softmax family. The gradient of softmax is a composite too, so that it may have a kernel.
 */
export const softmax: {
  readonly [N in 'softmax' | 'softmaxGrad' | 'logSumExp' | 'logSoftmax']: VjpEntry<
    CompositeParams[N]
  >;
} = {
  softmax: rule(
    'y = softmax(x)',
    ['x̄ = y·(ȳ − Σ y·ȳ)'],
    ([ȳ], { outputs: [y], params: { axis } }) => [
      () => apply(composites.softmaxGrad, [y, ȳ], { axis })[0],
    ],
  ),
  softmaxGrad: 'decompose',

  // softmax(x), since eˣ⁻ʸ has the rounding error of a large y; next to ∞ softmax(x) is NaN, and eˣ⁻ʸ is 0
  logSumExp: rule(
    'y = ln Σ eˣ',
    ['x̄ = ȳ·softmax(x) (0 where x − y = −∞)'],
    ([ȳ], { inputs: [x], outputs: [y], params: { axis } }) => [
      () => {
        const isOut = x.sub(y.unsqueeze(axis)).equal(-Infinity);
        return isOut.where(0, apply(composites.softmax, [x], { axis })[0]).mul(ȳ.unsqueeze(axis));
      },
    ],
  ),

  logSoftmax: rule(
    'y = x − ln Σ eˣ',
    ['x̄ = ȳ − eʸ·Σ ȳ'],
    ([ȳ], { outputs: [y], params: { axis } }) => [
      () => ȳ.sub(y.exp().mul(ȳ.sum(axis, { keepDims: true }))),
    ],
  ),
};
