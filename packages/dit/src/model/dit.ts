// The Diffusion Transformer: patches in, blocks in a row, predicted noise out.

import { checkpoint } from '@tessera/autograd';
import { Buffer, Module } from '@tessera/autograd/nn';
import {
  checkOptions,
  checkTensors,
  formatShape,
  key as makeKey,
  kindOf,
  ShapeError,
  ValueError,
  Tensor,
} from '@tessera/tensor';
import { checkChoice, checkFields, checkSides, checkWhole } from '../config/argument-check.ts';
import { DESIGNS, POSITIONS } from '../config/choices.ts';
import { decoderProblem, designProblem, type ModelConfig } from '../config/model-config.ts';
import { parseSchema } from '../config/schema.ts';
import { formatSides, sidesOf } from '../config/ranges.ts';
import { blockSizes, type Block } from './blocks/block.ts';
import { blockDesigns } from './blocks/designs.ts';
import { conditionProblem, conditionsSchema, LABEL } from '../config/condition.ts';
import { blend, type Heard } from './conditions/blend.ts';
import {
  completeValues,
  contributionsOf,
  createCondition,
  dropAtRandom,
  givenValues,
  type ConditionModules,
  type Conditioning,
  type ConditionValues,
} from './conditions/conditions.ts';
import { FinalLayer } from './final-layer.ts';
import {
  blankStart,
  officialStart,
  checkInitialization,
  splitInitialization,
  type Initialization,
} from './initialization.ts';
import { LabelEmbedder } from './label.ts';
import { PatchEmbed, unpatchify } from './patchify.ts';
import { sinCos1d, sinCos2d } from './position.ts';
import { TimestepEmbedder } from './timestep.ts';

/** Options of {@link DiT.forward}. */
export interface ForwardOptions {
  /**
   * Number of blocks, from the first, of which only the input is kept for the gradient. Each of them is computed
   * again in the backward pass. The results are the same. Default 0; more than there are means all.
   */
  readonly checkpoint?: number;
  /**
   * For a flow map (`decoderDepth`), the timesteps `[B]` at which steps from t end. The output is then the average
   * velocity on the way. Default: t itself, where it is the velocity of the flow.
   */
  readonly end?: Tensor;
  /** Another conditioning, and how far each sample is on the line to it: float32 `[B]`, from 0 to 1. */
  readonly towards?: { readonly y: Conditioning; readonly share: Tensor };
}

/**
 * The Diffusion Transformer. Its fields are called as in the official checkpoints, so the path of a
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
  /** The conditions beside timestep and label, by name. */
  readonly conditions: ConditionModules;
  readonly blocks: readonly Block[];
  readonly final_layer: FinalLayer;
  readonly config: ModelConfig;

  constructor(config: ModelConfig, initialization: Initialization) {
    super();
    checkConfig('DiT', config);
    checkInitialization('DiT', initialization);
    const { inChannels, patchSize, hiddenSize: width, depth } = config;
    const [rows, columns] = patchGrid(config);
    const design = blockDesigns[config.design];
    const [forPatches, forTime, forLabels, forFinal, ...forBlocks] = splitInitialization(
      initialization,
      4 + depth,
    );
    const conditions = config.conditions ?? [];
    const forConditions = splitInitialization(initialization, 4 + depth + conditions.length);
    const table =
      config.position === '2d' ? sinCos2d(width, [rows, columns]) : sinCos1d(width, rows * columns);
    this.pos_embed = new Buffer(table.unsqueeze(0));
    this.x_embedder = new PatchEmbed(inChannels, width, { patchSize, ...forPatches });
    this.t_embedder = new TimestepEmbedder(width, forTime);
    this.y_embedder = new LabelEmbedder(config.numClasses, width, {
      dropoutProb: config.classDropoutProb,
      ...forLabels,
    });
    // Their keys come last: the other parts of a model start the same with and without them.
    this.conditions = Object.fromEntries(
      conditions.map((condition, i) => [
        condition.name,
        createCondition(condition, config, forConditions[4 + depth + i]),
      ]),
    );
    const sizes = blockSizes(config);
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

  /** A model of zeros that take no memory, to fill with `loadTensors` or to count. */
  static blank(config: ModelConfig): DiT {
    return new DiT(config, { key: makeKey(0), start: blankStart });
  }

  /** The number of the null class. Throws a StateError if the model has none. */
  get nullClass(): number {
    return this.y_embedder.nullClass;
  }

  /**
   * Predicts the target of the objective. With `learnSigma` it also gives the variance, in as many channels
   * again.
   *
   * @param x Noisy latents `[B, C, H, W]`.
   * @param t Timesteps `[B]`, int32 or (with fractions) float32.
   * @param y Labels int32 `[B]`, where the null class stands for no label; or the values of all conditions by
   *   name, where a condition that is left out gets its null.
   * @param options How gradients are taken.
   * @returns `[B, C, H, W]`, or `[B, 2C, H, W]` with `learnSigma`.
   * @throws ShapeError if a tensor has another shape; ValueError for a condition that the model does not have.
   */
  forward(x: Tensor, t: Tensor, y: Conditioning, options: ForwardOptions = {}): Tensor {
    const { config } = this;
    checkOptions('DiT', options, ['checkpoint', 'end', 'towards']);
    const { checkpoint: checkpointed = 0, end, towards } = options;
    checkWhole('DiT', 'checkpoint', checkpointed, 0);
    checkTensors('DiT', { x, t });
    if (end !== undefined) checkEnd(config, t, end);
    const design = blockDesigns[config.design];
    const plain = hear(this, x, t, y);
    const heard =
      towards === undefined ? plain : blend(plain, hear(this, x, t, towards.y), towards.share);
    const conditionAt = (time: Tensor): Tensor =>
      design.condition(plus(this.t_embedder.forward(time), heard.vector), heard.label);
    const begin = conditionAt(t);
    const decoding = end === undefined ? begin : conditionAt(end);
    const turn = end === undefined ? config.depth : config.depth - (config.decoderDepth ?? 0);
    const embedded = plus(this.x_embedder.forward(x), heard.patches); // [B, T, D]
    const { tokens: context } = heard;
    const placed = embedded.add(this.pos_embed.value);
    let tokens = design.enter(placed, begin, context);
    let beside = heard.branches.map(({ patches }) =>
      design.enter(placed.add(patches), begin, context),
    );
    this.blocks.forEach((block, i) => {
      if (i === turn) {
        [tokens, ...beside] = [tokens, ...beside].map((all) => design.turn(all, begin, decoding));
      }
      const condition = i < turn ? begin : decoding;
      const through = (own: Block, all: Tensor): Tensor => {
        const forward: Block['forward'] = (...args) => own.forward(...args);
        return (i < checkpointed ? checkpoint(forward) : forward)(all, condition, context);
      };
      tokens = through(block, tokens);
      heard.branches.forEach(({ heard: listens, blocks, outputs }, n) => {
        if (i >= blocks.length) return;
        beside[n] = through(blocks[i], beside[n]);
        const said = outputs[i].forward(beside[n]);
        tokens = tokens.add(listens.reshape([-1, 1, 1]).where(said, 0));
      });
    });
    const decoded = this.final_layer.forward(design.leave(tokens, context), decoding); // [B, T, P · P · Cout]
    return unpatchify(decoded, config.patchSize, patchGrid(config));
  }

  /** The values that stand for no condition at all, for a batch. Throws as {@link nullClass}. */
  nullConditions(batch: number): ConditionValues {
    checkWhole('DiT.nullConditions', 'batch', batch, 1);
    return completeValues('DiT.nullConditions', {}, batch, this.y_embedder, this.conditions);
  }

  /**
   * Replaces conditions by nulls at random, as training does: each with its own probability, and all of a
   * sample together with `jointDropoutProb`.
   *
   * @param y As in {@link forward}.
   * @returns Labels, if the model has no condition but the label; otherwise the values of all conditions.
   */
  dropConditions(y: Conditioning, key: Tensor): Conditioning {
    const op = 'DiT.dropConditions';
    checkTensors(op, { key });
    const { conditions, y_embedder } = this;
    const names = Object.keys(conditions);
    if (y instanceof Tensor && names.length === 0) return y_embedder.dropLabels(y, key);
    const [first] = Object.values(givenValues(op, y));
    if (first === undefined) throw new ValueError(op, 'y has no values: the batch is not known.');
    const values = completeValues(op, y, first.shape[0], y_embedder, conditions);
    return dropAtRandom(values, this.config.jointDropoutProb ?? 0, y_embedder, conditions, key);
  }
}

/** What a model hears of a conditioning, after all checks of its inputs. */
function hear(model: DiT, x: Tensor, t: Tensor, y: Conditioning): Heard {
  const { config, conditions, y_embedder } = model;
  const values = completeValues('DiT', y, x.shape[0], y_embedder, conditions);
  const labels = values[LABEL];
  checkInputs(config, x, t, labels);
  return { ...contributionsOf(conditions, values), label: y_embedder.forward(labels) };
}

/** The sum of a tensor and another, if there is another. */
function plus(tensor: Tensor, other: Tensor | null): Tensor {
  return other === null ? tensor : tensor.add(other);
}

/** Throws a ValueError unless `config` has every field of a model, each in its range. */
export function checkConfig(op: string, config: ModelConfig): void {
  checkFields(op, 'config', config, ['mlpRatio', 'classDropoutProb'], CONFIG_HINT);
  const { mlpRatio, classDropoutProb } = config;
  checkSides(op, 'inputSize', config.inputSize, 1);
  for (const name of SIZES) checkWhole(op, name, config[name], 1);
  checkWhole(op, 'numClasses', config.numClasses, 0);
  if (!(typeof mlpRatio === 'number' && mlpRatio > 0 && mlpRatio < Infinity)) {
    throw new ValueError(op, `mlpRatio must be finite and above 0, but is ${kindOf(mlpRatio)}.`);
  }
  if (!(typeof classDropoutProb === 'number' && classDropoutProb >= 0 && classDropoutProb <= 1)) {
    const found = kindOf(classDropoutProb);
    throw new ValueError(op, `classDropoutProb must lie in [0, 1], but is ${found}.`);
  }
  checkChoice(op, 'design', config.design, DESIGNS);
  checkChoice(op, 'position', config.position, POSITIONS);
  if (config.conditions !== undefined) {
    parseSchema(op, conditionsSchema, config.conditions, 'conditions');
  }
  if (config.decoderDepth !== undefined) checkWhole(op, 'decoderDepth', config.decoderDepth, 1);
  const problem = conditionProblem(config) ?? decoderProblem(config) ?? designProblem(config);
  if (problem !== undefined) throw new ValueError(op, `${problem}.`);
}

const CONFIG_HINT = 'Take one of the zoo, or the model of presetConfig(…).';

/** The fields of a configuration that are counts. */
const SIZES = ['patchSize', 'inChannels', 'hiddenSize', 'depth', 'numHeads'] as const;

/**
 * Channels of a model's output: twice those of a latent if the model learns the variance.
 *
 * @example
 * outChannels(zoo['DiT-XL/2']); // 8: four of a latent, four for its variance
 */
export function outChannels(config: ModelConfig): number {
  checkFields('outChannels', 'config', config, ['inChannels', 'learnSigma'], CONFIG_HINT);
  const { inChannels, learnSigma } = config;
  return learnSigma ? 2 * inChannels : inChannels;
}

/**
 * Shape of a batch of a model's latents: `[B, C, H, W]`.
 *
 * @example
 * latentShape(zoo['DiT-XL/2'], 8); // [8, 4, 32, 32]
 */
export function latentShape(
  config: ModelConfig,
  batch: number,
): readonly [batch: number, channels: number, height: number, width: number] {
  checkFields('latentShape', 'config', config, ['inputSize', 'inChannels'], CONFIG_HINT);
  checkWhole('latentShape', 'batch', batch, 0);
  return [batch, config.inChannels, ...sidesOf(config.inputSize)];
}

/** Numbers of one latent: C · H · W. */
export function latentLength(config: ModelConfig): number {
  return latentShape(config, 1).reduce((product, side) => product * side, 1);
}

/**
 * Rows and columns of patches. Throws a ValueError if the patch does not divide the input.
 *
 * @example
 * patchGrid(zoo['DiT-XL/2']); // [16, 16]
 * patchGrid({ ...zoo['DiT-XL/2'], inputSize: [32, 48] }); // [16, 24]
 */
export function patchGrid(config: ModelConfig): readonly [rows: number, columns: number] {
  checkFields('patchGrid', 'config', config, ['inputSize', 'patchSize'], CONFIG_HINT);
  const { inputSize, patchSize } = config;
  const [height, width] = sidesOf(inputSize);
  const [rows, columns] = [height / patchSize, width / patchSize];
  if (Number.isInteger(rows) && Number.isInteger(columns)) return [rows, columns];
  throw new ValueError(
    'DiT',
    `patchSize ${patchSize} does not divide inputSize ${formatSides(inputSize)}.`,
  );
}

/** Throws unless a model has blocks for the end of a step, and the end is one timestep for each of t. */
function checkEnd({ decoderDepth }: ModelConfig, t: Tensor, end: Tensor): void {
  checkTensors('DiT', { end });
  if (decoderDepth === undefined) {
    const problem = 'end is for flow maps, and no block of this model hears the end of a step.';
    throw new ValueError('DiT', `${problem} Give its configuration a decoderDepth.`);
  }
  if (formatShape(end.shape) === formatShape(t.shape)) return;
  throw new ShapeError(
    'DiT',
    `t is ${formatShape(t.shape)}, end is ${formatShape(end.shape)}: expected one timestep for each sample.`,
    [t.shape, end.shape],
  );
}

function checkInputs(
  { inChannels, inputSize }: ModelConfig,
  x: Tensor,
  t: Tensor,
  y: Tensor,
): void {
  checkTensors('DiT', { x, t, y });
  const [batch] = x.shape;
  const [height, width] = sidesOf(inputSize);
  const expected = [[batch, inChannels, height, width], [batch], [batch]];
  if ([x, t, y].every(({ shape }, i) => formatShape(shape) === formatShape(expected[i]))) return;
  throw new ShapeError(
    'DiT',
    `x is ${formatShape(x.shape)}, t is ${formatShape(t.shape)}, y is ${formatShape(y.shape)}: ` +
      `[B, ${inChannels}, ${height}, ${width}], [B] and [B] expected.`,
    [x.shape, t.shape, y.shape],
  );
}
