// The cross-attention block: patches attend to timestep and label as a second sequence.

import { CrossAttention, Mlp, SelfAttention, type LayerNorm } from '@tessera/autograd/nn';
import { checkTensors, stack, type Tensor } from '@tessera/tensor';
import type { ContextTokens } from '../conditions/condition.ts';
import { splitInitialization, type Initialization } from '../initialization.ts';
import {
  Block,
  blockNorm,
  checkBlock,
  layerOptions,
  type BlockDesign,
  type BlockSizes,
} from './block.ts';
import { ContextAttention, hearContext } from './context-attention.ts';

/**
 * A pre-norm ViT block with cross-attention to the condition. It stands between self-attention and MLP,
 * with a layer norm and a residual of its own.
 *
 * Source: Peebles & Xie 2023, section 3.2, "Cross-attention block". The paper leaves open where the
 * norm sits; pre-norm with learned scale and shift gives its parameter count.
 *
 * @example
 * const sizes = { width: 8, heads: 2, hidden: 32 };
 * const block = new CrossAttentionBlock(sizes, { key: key(0), start: officialStart });
 * block.forward(normal(key(1), [2, 4, 8]), ones([2, 2, 8])); // float32[2, 4, 8]
 */
export class CrossAttentionBlock extends Block {
  static override readonly name: string = 'CrossAttentionBlock';
  readonly norm1: LayerNorm;
  readonly attn: SelfAttention;
  readonly norm2: LayerNorm;
  readonly cross_attn: CrossAttention;
  readonly norm3: LayerNorm;
  readonly mlp: Mlp;
  /** Attention to the tokens of conditions, if there are any. */
  readonly context: ContextAttention | null;

  constructor(sizes: BlockSizes, initialization: Initialization) {
    super();
    checkBlock('CrossAttentionBlock', sizes, initialization);
    const { width, heads, hidden } = sizes;
    const [attn, cross, mlp, context] = splitInitialization(initialization, 4);
    this.norm1 = blockNorm(width, true);
    this.attn = new SelfAttention(width, heads, layerOptions(attn));
    this.norm2 = blockNorm(width, true);
    this.cross_attn = new CrossAttention(width, heads, layerOptions(cross));
    this.norm3 = blockNorm(width, true);
    this.mlp = new Mlp(width, hidden, layerOptions(mlp));
    this.context = sizes.context === true ? new ContextAttention(width, heads, context) : null;
  }

  /** `[B, T, D]` and condition `[B, 2, D]` to `[B, T, D]` */
  forward(tokens: Tensor, condition: Tensor, context: ContextTokens | null = null): Tensor {
    checkTensors('CrossAttentionBlock.forward', { tokens, condition });
    const x = tokens.add(this.attn.forward(this.norm1.forward(tokens)));
    const alone = x.add(this.cross_attn.forward(this.norm2.forward(x), condition));
    const y = hearContext(this.context, alone, context);
    return y.add(this.mlp.forward(this.norm3.forward(y)));
  }
}

/**
 * Cross-attention: timestep and label are a sequence of two, apart from the patches. Every block attends
 * to it. All linear layers start Xavier-uniform.
 */
export const crossAttention: BlockDesign = {
  adaptiveFinalLayer: false,
  createBlock: (sizes, initialization) => new CrossAttentionBlock(sizes, initialization),
  condition: (timestep, label) => stack([timestep, label], 1), // [B, 2, D]
  enter: (tokens) => tokens,
  turn: (tokens) => tokens,
  leave: (tokens) => tokens,
};
