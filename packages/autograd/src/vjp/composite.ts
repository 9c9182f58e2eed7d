import { apply, composites, type CompositeParams } from '@tessera/tensor/extend';
import { rule, type VjpEntry } from './rule.ts';

/**
 * Gradients of the composites. Where a backend may have a fused gradient kernel the gradient is a
 * composite too; those are differentiated, for second orders, by their definition.
 */
export const composite: { readonly [N in keyof CompositeParams]: VjpEntry<CompositeParams[N]> } = {
  softmax: rule(
    'y = softmax(x)',
    ['x̄ = y·(ȳ − Σ y·ȳ)'],
    ([ȳ], { outputs: [y], params: { axis } }) => [
      () => apply(composites.softmaxGrad, [y, ȳ], { axis })[0],
    ],
  ),
  softmaxGrad: 'decompose',

  // softmax(x) is eˣ⁻ʸ, which would carry the rounding of a large y; but beside ∞ it is NaN, eˣ⁻ʸ is 0
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

  layerNorm: rule(
    'y = (x − μ)/σ',
    ['x̄ = (ȳ − mean(ȳ) − y·mean(ȳ·y))/σ'],
    ([ȳ], { inputs: [x], params: { eps } }) => [
      () => apply(composites.layerNormGrad, [x, ȳ], { eps })[0],
    ],
  ),
  layerNormStatistics: 'decompose',
  layerNormGrad: 'decompose',

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
