// Attention to the tokens of conditions, whose output starts at zero.

import {
  CrossAttention,
  init,
  Linear,
  Module,
  withFields,
  type LayerNorm,
} from '@tessera/autograd/nn';
import { split, type Tensor } from '@tessera/tensor';
import type { ContextTokens } from '../conditions/condition.ts';
import type { Initialization } from '../initialization.ts';
import { blockNorm, layerOptions } from './block.ts';

/**
 * A residual branch of its own: cross-attention from patches to the tokens of conditions, after a layer norm.
 * Padding is hidden. The output projection starts at zero, so a model that gets one computes what it did before.
 *
 * Source: Chen et al. 2023, "PixArt-α: fast training of diffusion Transformer for photorealistic text-to-image
 * synthesis", section 2.3.
 */
export class ContextAttention extends Module {
  static override readonly name: string = 'ContextAttention';
  readonly norm: LayerNorm;
  readonly attn: CrossAttention;

  constructor(width: number, heads: number, initialization: Initialization) {
    super();
    const [attnKey, projKey] = split(initialization.key);
    const options = layerOptions({ ...initialization, key: attnKey });
    this.norm = blockNorm(width, true);
    this.attn = withFields(new CrossAttention(width, heads, options), {
      proj: new Linear(width, width, { key: projKey, init: init.zeros() }),
    });
  }

  /** `[B, T, D] → [B, T, D]` */
  forward(tokens: Tensor, { values, mask }: ContextTokens): Tensor {
    const visible = mask.unsqueeze(1).unsqueeze(1); // [B, 1, 1, S]
    return tokens.add(this.attn.forward(this.norm.forward(tokens), values, { mask: visible }));
  }
}

/** The tokens after the branch of a block, if the block has one and there is a context. */
export function hearContext(
  branch: ContextAttention | null,
  tokens: Tensor,
  context: ContextTokens | null,
): Tensor {
  return branch === null || context === null ? tokens : branch.forward(tokens, context);
}
