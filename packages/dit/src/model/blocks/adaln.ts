// The adaLN block: the layer norms take scale and shift from the condition.

import { Mlp, SelfAttention, type LayerNorm } from '@tessera/autograd/nn';
import type { Tensor } from '@tessera/tensor';
import { splitInitialization, type Initialization } from '../initialization.ts';
import { modulate, Modulation } from '../modulate.ts';
import {
  Block,
  blockNorm,
  layerOptions,
  transformerMacs,
  type BlockDesign,
  type BlockSizes,
} from './block.ts';

/** Shift and scale, before attention and before the MLP. */
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

  constructor({ width, heads, hidden }: BlockSizes, initialization: Initialization) {
    super();
    const [attn, mlp, modulation] = splitInitialization(initialization, 3);
    this.norm1 = blockNorm(width, false);
    this.attn = new SelfAttention(width, heads, layerOptions(attn));
    this.norm2 = blockNorm(width, false);
    this.mlp = new Mlp(width, hidden, layerOptions(mlp));
    this.adaLN_modulation = new Modulation(width, VECTORS, layerOptions(modulation));
  }

  /** `[B, T, D]` and condition `[B, D]` to `[B, T, D]` */
  forward(tokens: Tensor, condition: Tensor): Tensor {
    const vectors = this.adaLN_modulation.forward(condition).chunk(VECTORS, -1);
    const [shiftAttn, scaleAttn, shiftMlp, scaleMlp] = vectors; // [B, D] each
    const x = tokens.add(
      this.attn.forward(modulate(this.norm1.forward(tokens), shiftAttn, scaleAttn)),
    );
    return x.add(this.mlp.forward(modulate(this.norm2.forward(x), shiftMlp, scaleMlp)));
  }
}

/**
 * Adaptive layer norm: the sum of both embeddings gives shift and scale. The modulation starts
 * Xavier-uniform like every other linear layer: starting it at zero is what adaLN-Zero adds.
 */
export const adaLn: BlockDesign = {
  adaptiveFinalLayer: true,
  createBlock: (sizes, initialization) => new AdaLnBlock(sizes, initialization),
  condition: (timestep, label) => timestep.add(label), // [B, D]
  enter: (tokens) => tokens,
  leave: (tokens) => tokens,
  blockMacs: (sizes, tokens) => transformerMacs(sizes, tokens) + VECTORS * sizes.width ** 2,
};
