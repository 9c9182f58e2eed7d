// The adaLN block: the layer norms take scale and shift from the condition.

import { Mlp, SelfAttention, type LayerNorm } from '@tessera/autograd/nn';
import { checkTensors, type Tensor } from '@tessera/tensor';
import type { ContextTokens } from '../conditions/condition.ts';
import { splitInitialization, type Initialization } from '../initialization.ts';
import { modulate, Modulation } from '../modulate.ts';
import {
  Block,
  blockNorm,
  checkBlock,
  layerOptions,
  type BlockDesign,
  type BlockSizes,
} from './block.ts';
import { ContextAttention, hearContext } from './context-attention.ts';

/** Shift and scale before attention, then before the MLP. */
const VECTORS = 4;

/**
 * A ViT block whose layer norms take shift and scale from the condition instead of learning them.
 *
 * Source: Peebles & Xie 2023, section 3.2, "Adaptive layer norm (adaLN) block".
 *
 * @example
 * const block = new AdaLnBlock({ width: 8, heads: 2, hidden: 32 }, { key: key(0), start: officialStart });
 * block.forward(normal(key(1), [2, 4, 8]), ones([2, 8])); // float32[2, 4, 8]
 */
export class AdaLnBlock extends Block {
  static override readonly name: string = 'AdaLnBlock';
  readonly norm1: LayerNorm;
  readonly attn: SelfAttention;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;
  readonly adaLN_modulation: Modulation;
  /** Attention to the tokens of conditions, if there are any. */
  readonly context: ContextAttention | null;

  constructor(sizes: BlockSizes, initialization: Initialization) {
    super();
    checkBlock('AdaLnBlock', sizes, initialization);
    const { width, heads, hidden } = sizes;
    const [attn, mlp, modulation, context] = splitInitialization(initialization, 4);
    this.norm1 = blockNorm(width, false);
    this.attn = new SelfAttention(width, heads, layerOptions(attn));
    this.norm2 = blockNorm(width, false);
    this.mlp = new Mlp(width, hidden, layerOptions(mlp));
    this.adaLN_modulation = new Modulation(width, VECTORS, layerOptions(modulation));
    this.context = sizes.context === true ? new ContextAttention(width, heads, context) : null;
  }

  /** `[B, T, D]` and condition `[B, D]` to `[B, T, D]` */
  forward(tokens: Tensor, condition: Tensor, context: ContextTokens | null = null): Tensor {
    checkTensors('AdaLnBlock.forward', { tokens, condition });
    const vectors = this.adaLN_modulation.forward(condition).chunk(VECTORS, -1);
    const [shiftAttn, scaleAttn, shiftMlp, scaleMlp] = vectors; // [B, D] each
    const alone = tokens.add(
      this.attn.forward(modulate(this.norm1.forward(tokens), shiftAttn, scaleAttn)),
    );
    const x = hearContext(this.context, alone, context);
    return x.add(this.mlp.forward(modulate(this.norm2.forward(x), shiftMlp, scaleMlp)));
  }
}

/**
 * Adaptive layer norm: the sum of both embeddings gives shift and scale. The modulation starts
 * Xavier-uniform like every other linear layer. In adaLN-Zero it starts at zero.
 */
export const adaLn: BlockDesign = {
  adaptiveFinalLayer: true,
  createBlock: (sizes, initialization) => new AdaLnBlock(sizes, initialization),
  condition: (timestep, label) => timestep.add(label), // [B, D]
  enter: (tokens) => tokens,
  turn: (tokens) => tokens,
  leave: (tokens) => tokens,
};
