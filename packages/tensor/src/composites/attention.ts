// Scaled dot-product attention and its gradient, defined by primitives: softmax(scale · q kᵀ) v.

import { expectDType } from '../array/dtype.ts';
import { formatShape, ShapeError } from '../errors.ts';
import { apply } from '../interpreter.ts';
import type { TensorSpec } from '../primitives/primitive.ts';
import { sameShape, sizeOf } from '../array/shape.ts';
import type { Tensor } from '../tensor.ts';
import type { Composite } from './composite.ts';
import { softmax, softmaxGrad } from './softmax.ts';

/** The factor of the logits, usually `1/√E`. */
export type AttentionParams = { readonly scale: number };

/**
 * Scaled dot-product attention `y = softmax(scale · q kᵀ) v`: q `[..., T, E]`, k `[..., S, E]` and v `[...,
 * S, F]` give `[..., T, F]`.
 *
 * Source: Vaswani et al. 2017, "Attention is all you need", equation 1.
 */
export const attention: Composite<AttentionParams> = {
  kind: 'composite',
  name: 'attention',
  infer: (inputs) => [checkAttention('attention', inputs)],
  decompose: ([q, k, v], { scale }) => [weights(q, k, scale).matmul(v)],
  flops: ([q, k, v]) => attentionFlops(q, k, v),
};

/**
 * The vjp of attention: with p = softmax(scale · q kᵀ),
 * `v̄ = pᵀ ȳ`, `s̄ = softmaxGrad(p, ȳ vᵀ)`, `q̄ = scale · s̄ k`, `k̄ = scale · s̄ᵀ q`.
 */
export const attentionGrad: Composite<AttentionParams> = {
  kind: 'composite',
  name: 'attentionGrad',
  infer: ([q, k, v, cotangent]) => {
    const output = checkAttention('attentionGrad', [q, k, v]);
    if (!sameShape(output.shape, cotangent.shape)) {
      throw new ShapeError(
        'attentionGrad',
        `ȳ is ${formatShape(cotangent.shape)}, but attention gives ${formatShape(output.shape)}.`,
        [cotangent.shape, output.shape],
      );
    }
    return [q, k, v];
  },
  decompose: ([q, k, v, cotangent], { scale }) => {
    const p = weights(q, k, scale); // [..., T, S]
    const pCotangent = cotangent.matmul(v.transpose());
    const [logits] = apply(softmaxGrad, [p, pCotangent], { axis: p.rank - 1 });
    const scaled = logits.mul(scale);
    return [scaled.matmul(k), scaled.transpose().matmul(q), p.transpose().matmul(cotangent)];
  },
  flops: ([q, k, v]) => 2.5 * attentionFlops(q, k, v),
};

function weights(q: Tensor, k: Tensor, scale: number): Tensor {
  const logits = q.matmul(k.transpose()).mul(scale);
  return apply(softmax, [logits], { axis: logits.rank - 1 })[0];
}

function attentionFlops(q: TensorSpec, k: TensorSpec, v: TensorSpec): number {
  const keys = k.shape[k.shape.length - 2];
  const queries = sizeOf(q.shape.slice(0, -1));
  return 2 * keys * (sizeOf(q.shape) + queries * v.shape[v.shape.length - 1]) + 5 * queries * keys;
}

function checkAttention(op: string, [q, k, v]: readonly TensorSpec[]): TensorSpec {
  for (const input of [q, k, v]) expectDType(op, input.dtype, ['float32']);
  const rank = q.shape.length;
  const batch = (spec: TensorSpec): readonly number[] => spec.shape.slice(0, -2);
  const fits =
    rank >= 2 &&
    sameShape(batch(q), batch(k)) &&
    sameShape(batch(q), batch(v)) &&
    q.shape[rank - 1] === k.shape[rank - 1] &&
    k.shape[rank - 2] === v.shape[rank - 2];
  if (fits) return { shape: [...q.shape.slice(0, -1), v.shape[rank - 1]], dtype: 'float32' };
  throw new ShapeError(
    op,
    `q is ${formatShape(q.shape)}, k is ${formatShape(k.shape)}, v is ${formatShape(v.shape)}: ` +
      '[..., T, E], [..., S, E] and [..., S, F] with equal batch dimensions expected.',
    [q.shape, k.shape, v.shape],
  );
}
