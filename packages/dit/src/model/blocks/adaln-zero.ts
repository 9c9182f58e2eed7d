// The adaLN-Zero block: scale, shift and gate come from the condition, and gates start at zero.

import { Mlp, SelfAttention, type LayerNorm } from '@tessera/autograd/nn';
import { splitInitialization, type Initialization } from '../initialization.ts';
import type { Modulation } from '../modulate.ts';
import { blockNorm, checkBlock, layerOptions, type BlockDesign, type BlockSizes } from './block.ts';
import { ContextAttention } from './context-attention.ts';
import { GatedBlock, gatesAtZero } from './gated-block.ts';

/**
 * An adaLN block with a gate for each residual branch; the condition gives the gates too. All six
 * vectors start at zero, so a new block is the identity.
 *
 * Source: Peebles & Xie 2023, section 3.2, "adaLN-Zero block".
 *
 * @example
 * const block = new AdaLnZeroBlock({ width: 8, heads: 2, hidden: 32 }, { key: key(0), start: officialStart });
 * const tokens = normal(key(1), [2, 4, 8]); // [B, T, D]
 * block.forward(tokens, ones([2, 8])).equal(tokens).min(); // true: a new block is the identity
 */
export class AdaLnZeroBlock extends GatedBlock {
  static override readonly name: string = 'AdaLnZeroBlock';
  readonly norm1: LayerNorm;
  readonly attn: SelfAttention;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;
  readonly adaLN_modulation: Modulation;
  /** Attention to the tokens of conditions, if there are any. */
  readonly context: ContextAttention | null;

  constructor(sizes: BlockSizes, initialization: Initialization) {
    super();
    checkBlock('AdaLnZeroBlock', sizes, initialization);
    const { width, heads, hidden } = sizes;
    const [attn, mlp, modulation, context] = splitInitialization(initialization, 4);
    this.norm1 = blockNorm(width, false);
    this.attn = new SelfAttention(width, heads, layerOptions(attn));
    this.norm2 = blockNorm(width, false);
    this.mlp = new Mlp(width, hidden, layerOptions(mlp));
    this.adaLN_modulation = gatesAtZero(width, modulation);
    this.context = sizes.context === true ? new ContextAttention(width, heads, context) : null;
  }
}

/** Adaptive layer norm with gates that start at zero, the design of the official models. */
export const adaLnZero: BlockDesign = {
  adaptiveFinalLayer: true,
  createBlock: (sizes, initialization) => new AdaLnZeroBlock(sizes, initialization),
  condition: (timestep, label) => timestep.add(label), // [B, D]
  enter: (tokens) => tokens,
  turn: (tokens) => tokens,
  leave: (tokens) => tokens,
};
