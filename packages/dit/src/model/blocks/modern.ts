// The modern block: adaLN-Zero with RMS norms, rotary positions and SwiGLU.

import { init, RMSNorm } from '@tessera/autograd/nn';
import { checkTensors, ValueError, type Tensor } from '@tessera/tensor';
import type { ContextTokens } from '../conditions/condition.ts';
import { splitInitialization, type Initialization } from '../initialization.ts';
import { modulate, Modulation } from '../modulate.ts';
import { Block, checkBlock, NORM_EPS, type BlockDesign, type BlockSizes } from './block.ts';
import { ContextAttention, hearContext } from './context-attention.ts';
import { RotaryAttention } from './rotary-attention.ts';
import { SwiGlu } from './swiglu.ts';

/** Shift, scale and gate of attention, then of the gated MLP. */
const VECTORS = 6;

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
export class ModernBlock extends Block {
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
    this.adaLN_modulation = new Modulation(width, VECTORS, {
      key: modulation.key,
      init: init.zeros(),
    });
    this.context = sizes.context === true ? new ContextAttention(width, heads, context) : null;
  }

  /** `[B, T, D]` and condition `[B, D]` to `[B, T, D]` */
  forward(tokens: Tensor, condition: Tensor, context: ContextTokens | null = null): Tensor {
    checkTensors('ModernBlock.forward', { tokens, condition });
    const vectors = this.adaLN_modulation.forward(condition).chunk(VECTORS, -1);
    const [shiftAttn, scaleAttn, gateAttn, shiftMlp, scaleMlp, gateMlp] = vectors; // [B, D] each
    const attended = this.attn.forward(modulate(this.norm1.forward(tokens), shiftAttn, scaleAttn));
    const alone = tokens.add(gateAttn.unsqueeze(1).mul(attended));
    const x = hearContext(this.context, alone, context);
    const fed = this.mlp.forward(modulate(this.norm2.forward(x), shiftMlp, scaleMlp));
    return x.add(gateMlp.unsqueeze(1).mul(fed));
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
  adaptiveFinalLayer: true,
  createBlock: (sizes, initialization) => new ModernBlock(sizes, initialization),
  condition: (timestep, label) => timestep.add(label), // [B, D]
  enter: (tokens) => tokens,
  turn: (tokens) => tokens,
  leave: (tokens) => tokens,
};
