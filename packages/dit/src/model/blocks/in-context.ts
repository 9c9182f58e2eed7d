// The in-context block: timestep and label are two more tokens beside the patches.

import { Mlp, SelfAttention, type LayerNorm } from '@tessera/autograd/nn';
import { concat, stack, type Tensor } from '@tessera/tensor';
import { splitInitialization, type Initialization } from '../initialization.ts';
import {
  Block,
  blockNorm,
  layerOptions,
  transformerMacs,
  type BlockDesign,
  type BlockSizes,
} from './block.ts';

/** Tokens that stand before the patches: timestep, then label. */
const CONTEXT_TOKENS = 2;

/**
 * An ordinary pre-norm ViT block with learned layer norms. The condition is among its tokens.
 *
 * Source: Peebles & Xie 2023, section 3.2, "In-context conditioning".
 *
 * @example
 * const block = new InContextBlock({ width: 8, heads: 2, hidden: 32 }, { key: key(0), start: officialStart });
 * block.forward(normal(key(1), [2, 2 + 4, 8])); // float32[2, 6, 8]
 */
export class InContextBlock extends Block {
  static override readonly name: string = 'InContextBlock';
  readonly norm1: LayerNorm;
  readonly attn: SelfAttention;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;

  constructor({ width, heads, hidden }: BlockSizes, initialization: Initialization) {
    super();
    const [attn, mlp] = splitInitialization(initialization, 2);
    this.norm1 = blockNorm(width, true);
    this.attn = new SelfAttention(width, heads, layerOptions(attn));
    this.norm2 = blockNorm(width, true);
    this.mlp = new Mlp(width, hidden, layerOptions(mlp));
  }

  /** `[B, 2 + T, D] → [B, 2 + T, D]` */
  forward(tokens: Tensor): Tensor {
    const x = tokens.add(this.attn.forward(this.norm1.forward(tokens)));
    return x.add(this.mlp.forward(this.norm2.forward(x)));
  }
}

/**
 * In-context conditioning: the embeddings of timestep and label are two more tokens in front of the
 * patches, `[e_t, e_y, patches]`, without position encoding; they are removed after the last block.
 * All linear layers start Xavier-uniform, as in a plain ViT.
 */
export const inContext: BlockDesign = {
  adaptiveFinalLayer: false,
  createBlock: (sizes, initialization) => new InContextBlock(sizes, initialization),
  condition: (timestep, label) => stack([timestep, label], 1), // [B, 2, D]
  enter: (tokens, condition) => concat([condition, tokens], 1), // [B, 2 + T, D]
  leave: (tokens) => tokens.slice([null, [CONTEXT_TOKENS, null]]),
  blockMacs: (sizes, tokens) => transformerMacs(sizes, tokens + CONTEXT_TOKENS),
};
