// What the block designs have in common, and the interface that the model sees.

import { LayerNorm, Module, type Initializer } from '@tessera/autograd/nn';
import { checkOptions, type Tensor } from '@tessera/tensor';
import { checkWhole } from '../../config/argument-check.ts';
import { sidesOf } from '../../config/ranges.ts';
import type { ModelConfig } from '../../config/model-config.ts';
import type { ContextTokens } from '../conditions/condition.ts';
import { checkInitialization, type Initialization } from '../initialization.ts';

/** Epsilon of every norm in a DiT. */
export const NORM_EPS = 1e-6;

/** Sizes of a block. */
export interface BlockSizes {
  /** D */
  readonly width: number;
  /** N */
  readonly heads: number;
  /** F, the width inside the MLP. */
  readonly hidden: number;
  /** Whether conditions offer tokens to the block. Default false. */
  readonly context?: boolean;
  /** Rows and columns of patches, which the modern block needs. */
  readonly grid?: readonly [rows: number, columns: number];
  /** Whether the modern block normalises queries and keys. Default false. */
  readonly qkNorm?: boolean;
}

/** Sizes of the blocks of a model. Of its conditions, texts offer tokens to them. */
export function blockSizes(config: ModelConfig): Required<BlockSizes> {
  const { hiddenSize: width, numHeads: heads, mlpRatio, patchSize, qkNorm = false } = config;
  const [rows, columns] = sidesOf(config.inputSize).map((side) => side / patchSize);
  const context = (config.conditions ?? []).some(({ kind }) => kind === 'text');
  const hidden = Math.floor(width * mlpRatio);
  return { width, heads, hidden, context, grid: [rows, columns], qkNorm };
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
  /**
   * Tokens `[B, T, D]` and the result of {@link BlockDesign.condition} to tokens `[B, T, D]`. The context is
   * the tokens of the conditions; there is one if {@link BlockSizes.context} says so.
   */
  abstract forward(tokens: Tensor, condition: Tensor, context?: ContextTokens | null): Tensor;
}

/**
 * A block design: how timestep and label reach the tokens. It has everything that depends on the design,
 * so a design is complete in its own file.
 *
 * Source: Peebles & Xie 2023, section 3.2, "DiT block design".
 */
export interface BlockDesign {
  /** Whether the final layer is adaptive too. */
  readonly adaptiveFinalLayer: boolean;
  /** Makes a block with random weights. */
  createBlock(sizes: BlockSizes, initialization: Initialization): Block;
  /** The embeddings of timestep and label, `[B, D]` each, to the condition that every block gets. */
  condition(timestep: Tensor, label: Tensor): Tensor;
  /** Patch tokens `[B, T, D]` to the tokens that enter the first block. */
  enter(tokens: Tensor, condition: Tensor, context?: ContextTokens | null): Tensor;
  /**
   * The tokens between the blocks that hear one condition and those that hear another, as in a flow map. If both
   * conditions are the same, they stay as they are, bit for bit.
   */
  turn(tokens: Tensor, from: Tensor, to: Tensor): Tensor;
  /** The tokens after the last block to patch tokens `[B, T, D]`. */
  leave(tokens: Tensor, context?: ContextTokens | null): Tensor;
}

/** The layer norm of all designs. An adaptive one has no learned scale and shift: `affine` is false. */
export function blockNorm(width: number, affine: boolean): LayerNorm {
  return new LayerNorm(width, { eps: NORM_EPS, affine });
}

/** The ingredients of the linear layers of a block. */
export interface LayerOptions {
  readonly key: Tensor;
  readonly init: Initializer;
}

/** Throws a ValueError unless a block can be made of these. */
export function checkBlock(op: string, sizes: BlockSizes, initialization: Initialization): void {
  checkOptions(op, sizes, ['width', 'heads', 'hidden', 'context', 'grid', 'qkNorm']);
  for (const name of ['width', 'heads', 'hidden'] as const) checkWhole(op, name, sizes[name], 1);
  checkInitialization(op, initialization);
}

/** The ordinary start of attention, MLP and modulation. */
export function layerOptions({ key, start }: Initialization): LayerOptions {
  return { key, init: start.linear };
}
