import { composites } from '../composites/table.ts';
import { apply } from '../interpreter.ts';
import { broadcastShapes } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** Options of {@link attention}. */
export interface AttentionOptions {
  /** Factor of the logits. Default `1/√E`. */
  readonly scale?: number;
}

/**
 * Scaled dot-product attention `softmax(scale · q kᵀ) v`: q `[..., T, E]`, k `[..., S, E]` and v
 * `[..., S, F]` give `[..., T, F]`; batch dimensions broadcast.
 *
 * Source: Vaswani et al. 2017, "Attention is all you need", equation 1.
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const scale = options.scale ?? 1 / Math.sqrt(q.shape[q.rank - 1]);
  const shapes = [q, k, v].map(({ shape }) => shape.slice(0, -2));
  const batch = broadcastShapes('attention (batch dimensions)', ...shapes);
  const inputs = [q, k, v].map((x) => x.expand([...batch, ...x.shape.slice(-2)]));
  return apply(composites.attention, inputs, { scale })[0];
}
