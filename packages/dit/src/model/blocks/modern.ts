// The modern block: adaLN-Zero with RMS norms, rotary positions and SwiGLU.

import { RMSNorm } from '@tessera/autograd/nn';
import { ValueError } from '@tessera/tensor';
import { splitInitialization, type Initialization } from '../initialization.ts';
import type { Modulation } from '../modulate.ts';
import { adaLnZero } from './adaln-zero.ts';
import { checkBlock, NORM_EPS, type BlockDesign, type BlockSizes } from './block.ts';
import { ContextAttention } from './context-attention.ts';
import { GatedBlock, gatesAtZero } from './gated-block.ts';
import { RotaryAttention } from './rotary-attention.ts';
import { SwiGlu } from './swiglu.ts';

/**
 * An adaLN-Zero block of later parts: RMS norms in place of layer norms, queries and keys turned by their places,
 * a gated MLP. A new block is the identity.
 *
 * Source: Yao et al. 2025, "Reconstruction vs. generation: taming optimization dilemma in latent diffusion
 * models" (LightningDiT), section 4; the parts: Zhang & Sennrich 2019, Su et al. 2021, Shazeer 2020.
 *
 * @example
 * const sizes = { width: 8, heads: 2, hidden: 32, grid: [2, 2] as const };
 * const block = new ModernBlock(sizes, { key: key(0), start: officialStart });
 * const tokens = normal(key(1), [2, 4, 8]); // [B, T, D]
 * block.forward(tokens, ones([2, 8])).equal(tokens).min(); // true: a new block is the identity
 */
export class ModernBlock extends GatedBlock {
  static override readonly name: string = 'ModernBlock';
  readonly norm1: RMSNorm;
  readonly attn: RotaryAttention;
  readonly norm2: RMSNorm;
  readonly mlp: SwiGlu;
  readonly adaLN_modulation: Modulation;
  /** Attention to the tokens of conditions, if there are any. */
  readonly context: ContextAttention | null;

  constructor(sizes: BlockSizes, initialization: Initialization) {
    super();
    checkBlock('ModernBlock', sizes, initialization);
    const { width, heads, hidden, qkNorm = false } = sizes;
    const grid = checkedGrid(sizes);
    const [attn, mlp, modulation, context] = splitInitialization(initialization, 4);
    this.norm1 = new RMSNorm(width, { eps: NORM_EPS, affine: false });
    this.attn = new RotaryAttention({ width, heads, grid, qkNorm }, attn);
    this.norm2 = new RMSNorm(width, { eps: NORM_EPS, affine: false });
    this.mlp = new SwiGlu(width, hidden, mlp);
    this.adaLN_modulation = gatesAtZero(width, modulation);
    this.context = sizes.context === true ? new ContextAttention(width, heads, context) : null;
  }
}

/** The grid of the sizes of a block. Throws a ValueError without one, or if heads cannot be turned. */
function checkedGrid({ width, heads, grid }: BlockSizes): readonly [number, number] {
  if (grid === undefined) {
    throw new ValueError(
      'ModernBlock',
      'sizes need the grid of patches. Write { …, grid: [rows, columns] }.',
    );
  }
  if (!Number.isInteger(width / heads / 4)) {
    throw new ValueError(
      'ModernBlock',
      `heads are turned in pairs along two axes, so width / heads must be a multiple of 4, but is ${width} / ${heads}.`,
    );
  }
  return grid;
}

/** adaLN-Zero with RMS norms, rotary positions and SwiGLU. */
export const modern: BlockDesign = {
  ...adaLnZero,
  createBlock: (sizes, initialization) => new ModernBlock(sizes, initialization),
};
