// The Diffusion Transformer: patches in, blocks in a row, predicted noise out.

import { Buffer, Module } from '@tessera/autograd/nn';
import { formatShape, key as makeKey, ShapeError, ValueError, type Tensor } from '@tessera/tensor';
import { checkChoice } from '../config/choice-check.ts';
import { DESIGNS, POSITIONS } from '../config/choices.ts';
import type { ModelConfig } from '../config/config.ts';
import type { Block } from './blocks/block.ts';
import { blockDesigns } from './blocks/designs.ts';
import { FinalLayer } from './final-layer.ts';
import {
  blankStart,
  officialStart,
  splitInitialization,
  type Initialization,
} from './initialization.ts';
import { LabelEmbedder } from './label.ts';
import { PatchEmbed, unpatchify } from './patchify.ts';
import { sinCos1d, sinCos2d } from './position.ts';
import { TimestepEmbedder } from './timestep.ts';

/**
 * The Diffusion Transformer. Field names are those of the official checkpoints, so the path of a
 * tensor is its key there: `blocks.0.attn.qkv.weight`.
 *
 * Source: Peebles & Xie 2023, "Scalable diffusion models with transformers", section 3.
 *
 * @example
 * const model = DiT.init({ ...zoo['DiT-S/8'], depth: 2, numClasses: 10 }, key(0));
 * const t = tensor([999], { dtype: 'int32' });
 * const y = tensor([7], { dtype: 'int32' });
 * model.forward(zeros([1, 4, 32, 32]), t, y); // float32[1, 8, 32, 32]
 */
export class DiT extends Module {
  static override readonly name: string = 'DiT';
  /** `[1, T, D]`, not trained. */
  readonly pos_embed: Buffer;
  readonly x_embedder: PatchEmbed;
  readonly t_embedder: TimestepEmbedder;
  readonly y_embedder: LabelEmbedder;
  readonly blocks: readonly Block[];
  readonly final_layer: FinalLayer;
  readonly config: ModelConfig;

  constructor(config: ModelConfig, initialization: Initialization) {
    super();
    checkConfig(config);
    const { inChannels, patchSize, hiddenSize: width, depth, numHeads: heads } = config;
    const grid = gridSize(config);
    const design = blockDesigns[config.design];
    const [forPatches, forTime, forLabels, forFinal, ...forBlocks] = splitInitialization(
      initialization,
      4 + depth,
    );
    const sizes = { width, heads, hidden: Math.floor(width * config.mlpRatio) };
    const table = config.position === '2d' ? sinCos2d(width, grid) : sinCos1d(width, grid * grid);
    this.pos_embed = new Buffer(table.unsqueeze(0));
    this.x_embedder = new PatchEmbed(inChannels, width, { patchSize, ...forPatches });
    this.t_embedder = new TimestepEmbedder(width, forTime);
    this.y_embedder = new LabelEmbedder(config.numClasses, width, {
      dropoutProb: config.classDropoutProb,
      ...forLabels,
    });
    this.blocks = forBlocks.map((forBlock) => design.createBlock(sizes, forBlock));
    this.final_layer = new FinalLayer(width, patchSize ** 2 * outChannels(config), {
      adaptive: design.adaptiveFinalLayer,
      ...forFinal,
    });
    this.config = config;
  }

  /**
   * A new model with the official start: Xavier-uniform linear layers, biases 0, normal(0.02)
   * embeddings, and zeros for the final layer and the modulations of adaLN-Zero.
   */
  static init(config: ModelConfig, key: Tensor): DiT {
    return new DiT(config, { key, start: officialStart });
  }

  /** A model whose weights are zeros that take no memory, to be filled by `loadTensors`, or counted. */
  static blank(config: ModelConfig): DiT {
    return new DiT(config, { key: makeKey(0), start: blankStart });
  }

  /** The number of the null class. Throws a StateError if the model has none. */
  get nullClass(): number {
    return this.y_embedder.nullClass;
  }

  /**
   * Predicts what the objective asks for, and with `learnSigma` the variance in as many channels again.
   *
   * @param x Noisy latents `[B, C, I, I]`.
   * @param t Timesteps `[B]`, int32 or (with fractions) float32.
   * @param y Labels int32 `[B]`; the null class for no label.
   * @returns `[B, C, I, I]`, or `[B, 2C, I, I]` with `learnSigma`.
   * @throws ShapeError if a shape is not one of these.
   */
  forward(x: Tensor, t: Tensor, y: Tensor): Tensor {
    const { config } = this;
    checkInputs(config, x, t, y);
    const design = blockDesigns[config.design];
    const grid = gridSize(config);
    const condition = design.condition(this.t_embedder.forward(t), this.y_embedder.forward(y));
    const patches = this.x_embedder.forward(x).add(this.pos_embed.value); // [B, T, D]
    let tokens = design.enter(patches, condition);
    for (const block of this.blocks) tokens = block.forward(tokens, condition);
    const decoded = this.final_layer.forward(design.leave(tokens), condition); // [B, T, P · P · Cout]
    return unpatchify(decoded, config.patchSize, [grid, grid]);
  }
}

function checkConfig(config: ModelConfig): void {
  const { mlpRatio, classDropoutProb } = config;
  for (const name of SIZES) {
    if (Number.isSafeInteger(config[name]) && config[name] >= 1) continue;
    throw new ValueError(
      'DiT',
      `${name} must be a whole number of at least 1, but is ${config[name]}.`,
    );
  }
  if (!(mlpRatio > 0 && mlpRatio < Infinity)) {
    throw new ValueError('DiT', `mlpRatio must be finite and above 0, but is ${mlpRatio}.`);
  }
  if (!(classDropoutProb >= 0 && classDropoutProb <= 1)) {
    throw new ValueError('DiT', `classDropoutProb must lie in [0, 1], but is ${classDropoutProb}.`);
  }
  checkChoice('DiT', 'design', config.design, DESIGNS);
  checkChoice('DiT', 'position', config.position, POSITIONS);
}

/** The fields of a configuration that count something. */
const SIZES = [
  'inputSize',
  'patchSize',
  'inChannels',
  'hiddenSize',
  'depth',
  'numHeads',
  'numClasses',
] as const;

/**
 * Channels that a model gives: twice those of a latent if it learns the variance.
 *
 * @example
 * outChannels(zoo['DiT-XL/2']); // 8: four of a latent, four for its variance
 */
export function outChannels({ inChannels, learnSigma }: ModelConfig): number {
  return learnSigma ? 2 * inChannels : inChannels;
}

/**
 * Patches a side. Throws a ValueError if the patch does not divide the input.
 *
 * @example
 * gridSize(zoo['DiT-XL/2']); // 16
 */
export function gridSize({ inputSize, patchSize }: ModelConfig): number {
  const grid = inputSize / patchSize;
  if (Number.isInteger(grid)) return grid;
  throw new ValueError('DiT', `patchSize ${patchSize} does not divide inputSize ${inputSize}.`);
}

function checkInputs(
  { inChannels, inputSize }: ModelConfig,
  x: Tensor,
  t: Tensor,
  y: Tensor,
): void {
  const [batch] = x.shape;
  const expected = [[batch, inChannels, inputSize, inputSize], [batch], [batch]];
  if ([x, t, y].every(({ shape }, i) => formatShape(shape) === formatShape(expected[i]))) return;
  throw new ShapeError(
    'DiT',
    `x is ${formatShape(x.shape)}, t is ${formatShape(t.shape)}, y is ${formatShape(y.shape)}: ` +
      `[B, ${inChannels}, ${inputSize}, ${inputSize}], [B] and [B] expected.`,
    [x.shape, t.shape, y.shape],
  );
}
