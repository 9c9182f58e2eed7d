// What the four block designs have in common, and the interface that the model sees.

import { LayerNorm, Module, type Initializer } from '@tessera/autograd/nn';
import type { Tensor } from '@tessera/tensor';
import type { Initialization } from '../initialization.ts';

/** Epsilon of every layer norm in a DiT. */
const NORM_EPS = 1e-6;

/** Sizes of a block. */
export interface BlockSizes {
  /** D */
  readonly width: number;
  /** N */
  readonly heads: number;
  /** F, the width inside of the MLP. */
  readonly hidden: number;
}

/**
 * One transformer block.
 *
 * @example
 * class Gated extends Block {
 *   forward(tokens: Tensor, condition: Tensor): Tensor {
 *     return tokens.mul(condition.sigmoid().unsqueeze(1));
 *   }
 * }
 * new Gated().forward(ones([2, 4, 8]), zeros([2, 8])).mean(); // 0.5
 */
export abstract class Block extends Module {
  static override readonly name: string = 'Block';
  /** Tokens `[B, T, D]` and what {@link BlockDesign.condition} gave, to tokens `[B, T, D]`. */
  abstract forward(tokens: Tensor, condition: Tensor): Tensor;
}

/**
 * A block design: how timestep and label reach the tokens. The model asks it for everything that
 * depends on the design, so a design is complete in its own file.
 *
 * Source: Peebles & Xie 2023, section 3.2, "DiT block design".
 */
export interface BlockDesign {
  /** Whether the final layer is adaptive too. */
  readonly adaptiveFinalLayer: boolean;
  /** Makes a block with random weights. */
  createBlock(sizes: BlockSizes, initialization: Initialization): Block;
  /** The embeddings of timestep and label, `[B, D]` each, to what every block gets. */
  condition(timestep: Tensor, label: Tensor): Tensor;
  /** Patch tokens `[B, T, D]` to the tokens that enter the first block. */
  enter(tokens: Tensor, condition: Tensor): Tensor;
  /** The tokens that leave the last block to patch tokens `[B, T, D]`. */
  leave(tokens: Tensor): Tensor;
  /** Multiply-adds of one block for one image of `tokens` patches. */
  blockMacs(sizes: BlockSizes, tokens: number): number;
}

/** Multiply-adds of self-attention (four projections, logits, weighted sum) and MLP over `tokens` tokens. */
export function transformerMacs({ width, hidden }: BlockSizes, tokens: number): number {
  return tokens * (4 * width ** 2 + 2 * width * hidden) + 2 * tokens ** 2 * width;
}

/** The layer norm of all designs; adaptive ones have no learned scale and shift of their own. */
export function blockNorm(width: number, affine: boolean): LayerNorm {
  return new LayerNorm(width, { eps: NORM_EPS, affine });
}

/** What the linear layers of a block are made from. */
export interface LayerOptions {
  readonly key: Tensor;
  readonly init: Initializer;
}

/** The ordinary start of attention, MLP and modulation. */
export function layerOptions({ key, start }: Initialization): LayerOptions {
  return { key, init: start.linear };
}
