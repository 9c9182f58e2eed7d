import { apply, composites, type CompositeParams } from '@tessera/tensor/extend';
import type { VjpEntry } from './rule.ts';

/**
 * Gradients of the composites. Where a backend may have a fused gradient kernel the gradient is a
 * composite too; those are differentiated, for second orders, by their definition.
 */
export const composite: { readonly [N in keyof CompositeParams]: VjpEntry<CompositeParams[N]> } = {
  // y = softmax(x) ⇒ x̄ = y·(ȳ − Σ y·ȳ)
  softmax: ([ȳ], { outputs: [y], params: { axis } }) => [
    () => apply(composites.softmaxGrad, [y, ȳ], { axis })[0],
  ],
  softmaxGrad: 'decompose',

  // y = ln Σ eˣ ⇒ x̄ = ȳ·softmax(x), where eˣ⁻ʸ would carry the rounding of a large y
  logSumExp: ([ȳ], { inputs: [x], params: { axis } }) => [
    () => apply(composites.softmax, [x], { axis })[0].mul(ȳ.unsqueeze(axis)),
  ],

  // y = x − ln Σ eˣ ⇒ x̄ = ȳ − eʸ·Σ ȳ
  logSoftmax: ([ȳ], { outputs: [y], params: { axis } }) => [
    () => ȳ.sub(y.exp().mul(ȳ.sum(axis, { keepDims: true }))),
  ],

  // y = (x − μ)/σ ⇒ x̄ = (ȳ − mean(ȳ) − y·mean(ȳ·y))/σ
  layerNorm: ([ȳ], { inputs: [x], params: { eps } }) => [
    () => apply(composites.layerNormGrad, [x, ȳ], { eps })[0],
  ],
  layerNormGrad: 'decompose',

  // p = softmax(s·q kᵀ), y = p v ⇒ v̄ = pᵀ ȳ, p̄ = ȳ vᵀ, r̄ = p·(p̄ − Σ p·p̄), q̄ = s·r̄ k, k̄ = s·r̄ᵀ q
  attention: ([ȳ], { inputs: [q, k, v], params: { scale } }) => {
    let all: ReturnType<typeof apply> | undefined; // one application gives all three cotangents
    const part = (i: number) => () =>
      (all ??= apply(composites.attentionGrad, [q, k, v, ȳ], { scale }))[i];
    return [part(0), part(1), part(2)];
  },
  attentionGrad: 'decompose',
};
