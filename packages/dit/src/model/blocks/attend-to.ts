// Attention from tokens to other tokens with the weights of a self-attention layer.

import type { SelfAttention } from '@tessera/autograd/nn';
import { attention, linear, type Tensor } from '@tessera/tensor';

/**
 * `proj(softmax(q kᵀ / √E) v)` with q from `x` and k, v from `context`, all by the weights of one layer.
 *
 * @param x `[B, T, D]`
 * @param context `[B, S, D]`
 * @param mask bool `[B, 1, 1, S]`: which tokens of the context are there.
 * @returns `[B, T, D]`
 */
export function attendTo(layer: SelfAttention, x: Tensor, context: Tensor, mask: Tensor): Tensor {
  const { qkv, proj, heads } = layer;
  const width = x.shape[2];
  const split = (tokens: Tensor): Tensor =>
    tokens.reshape([tokens.shape[0], tokens.shape[1], heads, width / heads]).permute([0, 2, 1, 3]); // [B, N, T, E]
  const project = (tokens: Tensor, from: number, to: number): Tensor =>
    linear(tokens, qkv.weight.slice([[from, to]]), qkv.bias?.slice([[from, to]]));
  const q = project(x, 0, width);
  const [k, v] = project(context, width, 3 * width).chunk(2, -1);
  const y = attention(split(q), split(k), split(v), { mask });
  return proj.forward(y.permute([0, 2, 1, 3]).flatten(2));
}
