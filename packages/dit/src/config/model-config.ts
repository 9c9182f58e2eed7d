// The settings of the Diffusion Transformer, their schema, and the rules between them.

import { FormatError } from '@tessera/tensor';
import * as v from 'valibot';
import { DESIGNS, POSITIONS, type Design, type Position } from './choices.ts';
import { conditionProblem, conditionsSchema, type ConditionConfig } from './condition.ts';
import { type Sides, channels, formatSides, fraction, positive, sidesOf, whole } from './ranges.ts';
import { parseSchema } from './schema.ts';

/** Most values of a model that fit into the 4 GiB that WebAssembly reaches. */
const MAX_VALUES = 2 ** 30;

/** The Diffusion Transformer. */
export interface ModelConfig {
  /** Side of the square latents in latent pixels, or height and width. */
  readonly inputSize: Sides;
  /** Side of a patch, in latent pixels; divides the sides of `inputSize`. */
  readonly patchSize: number;
  /** Channels of a latent. */
  readonly inChannels: number;
  /** Width D of the tokens. */
  readonly hiddenSize: number;
  /** Number of blocks. */
  readonly depth: number;
  /** Attention heads N; divides `hiddenSize`. */
  readonly numHeads: number;
  /** Width of the MLP's hidden layer as a multiple of `hiddenSize`. */
  readonly mlpRatio: number;
  /** Probability that training replaces a label by the null class. */
  readonly classDropoutProb: number;
  /** Number of classes K; the null class is number K. With 0 the model knows no label. */
  readonly numClasses: number;
  /** Whether the model learns the variance too. Its output then has twice the channels. */
  readonly learnSigma: boolean;
  /** How timestep and label reach the blocks. */
  readonly design: Design;
  /** Which positional encoding is added to the tokens. */
  readonly position: Position;
  /** What the model hears beside timestep and label. Default: nothing. */
  readonly conditions?: readonly ConditionConfig[];
  /** Probability that training replaces all conditions of a sample by nulls, the label too. Default 0. */
  readonly jointDropoutProb?: number;
  /**
   * Number of blocks, from the last, that hear the time at which a step ends, and not the one at which it begins.
   * Such a model is a flow map. Default: none, an ordinary model.
   */
  readonly decoderDepth?: number;
  /** Whether the modern design normalises queries and keys. Default false. */
  readonly qkNorm?: boolean;
}

/** Sides of images, latents and patches. The largest published latents have 64. */
const side = whole(1, 1024);
/** Number of classes. ImageNet-21k has 21,841. */
const classes = whole(0, 100_000);
/** Width, heads and blocks. DiT-XL has 1152, 16 and 28. */
const width = whole(1, 16_384);
const blocks = whole(1, 1000);
/** The MLP's width as a multiple of D: 4 is usual. */
const ratio = v.pipe(positive, v.maxValue(64, 'must be at most 64'));

/** The schema of the Diffusion Transformer. */
export const modelSchema: v.GenericSchema<unknown, ModelConfig> = v.strictObject({
  inputSize: v.union([side, v.strictTuple([side, side])]),
  patchSize: side,
  inChannels: channels,
  hiddenSize: width,
  depth: blocks,
  numHeads: width,
  mlpRatio: ratio,
  classDropoutProb: fraction,
  numClasses: classes,
  learnSigma: v.boolean(),
  design: v.picklist(DESIGNS),
  position: v.picklist(POSITIONS),
  conditions: v.exactOptional(conditionsSchema),
  jointDropoutProb: v.exactOptional(fraction),
  decoderDepth: v.exactOptional(blocks),
  qkNorm: v.exactOptional(v.boolean()),
});

/** Says which rule between fields of a model is broken first; `undefined` if all hold. */
export function modelProblem(model: ModelConfig): string | undefined {
  const { inputSize, patchSize, hiddenSize, numHeads, mlpRatio, position } = model;
  if (sidesOf(inputSize).some((each) => each % patchSize !== 0)) {
    return `patchSize ${patchSize} does not divide inputSize ${formatSides(inputSize)}`;
  }
  if (hiddenSize % numHeads !== 0) {
    return `numHeads ${numHeads} does not divide hiddenSize ${hiddenSize}`;
  }
  const unit = position === '2d' ? 4 : 2;
  if (hiddenSize % unit !== 0) {
    return `hiddenSize ${hiddenSize} is not a multiple of ${unit}, which position '${position}' needs`;
  }
  if (hiddenSize * mlpRatio < 1) {
    return `mlpRatio ${mlpRatio} leaves nothing of hiddenSize ${hiddenSize} for the MLP`;
  }
  const inParts = conditionProblem(model) ?? decoderProblem(model) ?? designProblem(model);
  if (inParts !== undefined) {
    return inParts;
  }
  const values = leastValues(model);
  if (values > MAX_VALUES) {
    return `it has more than ${(values / 1e9).toFixed(1)}·10⁹ weights, and ${MAX_VALUES} are the most that fit into memory. Make hiddenSize, depth or numClasses smaller`;
  }
  return undefined;
}

/** Says whether the decoder of a flow map leaves no block to hear where a step begins; `undefined` if one is left. */
export function decoderProblem({
  depth,
  decoderDepth = 0,
}: Pick<ModelConfig, 'depth' | 'decoderDepth'>): string | undefined {
  return decoderDepth < depth
    ? undefined
    : `decoderDepth ${decoderDepth} leaves none of the ${depth} blocks to hear the time at which a step begins`;
}

/** Says which rule of the modern design is broken first; `undefined` if all hold. */
export function designProblem({
  design,
  hiddenSize,
  numHeads,
  qkNorm,
}: Pick<ModelConfig, 'design' | 'hiddenSize' | 'numHeads' | 'qkNorm'>): string | undefined {
  if (design !== 'modern') {
    return qkNorm === undefined
      ? undefined
      : `qkNorm ${qkNorm} belongs to the design modern, but the design is ${design}. Leave it out`;
  }
  const headWidth = hiddenSize / numHeads;
  return Number.isInteger(headWidth / 4)
    ? undefined
    : `the design modern turns heads along two axes, so their width must be a multiple of 4, but hiddenSize ${hiddenSize} / numHeads ${numHeads} is ${Number(headWidth.toFixed(2))}`;
}

/** Weights that a model of any design has: attention and MLP of its blocks, labels, patches, positions. */
function leastValues(model: ModelConfig): number {
  const { patchSize, inChannels, hiddenSize, depth, mlpRatio, numClasses } = model;
  const [height, across] = sidesOf(model.inputSize);
  const block = (4 + 2 * mlpRatio) * hiddenSize;
  const patch = 2 * inChannels * patchSize ** 2;
  const tokens = (height / patchSize) * (across / patchSize);
  return hiddenSize * (depth * block + numClasses + patch + tokens);
}

/**
 * Checks a parsed JSON value and gives it back as the configuration of a model.
 *
 * @param value the result of `JSON.parse`
 * @param source its name in errors, such as the path of a file
 * @throws FormatError in one line: a field that is missing, unknown, of the wrong type or range, a
 *   patch that does not divide the input, heads that do not divide the width
 * @example
 * const model = parseModelConfig(JSON.parse(JSON.stringify(zoo['DiT-S/4'])));
 * model.patchSize; // 4
 * parseModelConfig({ ...model, depth: 0 }); // throws FormatError
 */
export function parseModelConfig(value: unknown, source = 'model'): ModelConfig {
  const op = 'parseModelConfig';
  const model = parseSchema(op, modelSchema, value, source);
  const problem = modelProblem(model);
  if (problem !== undefined) {
    throw new FormatError(op, `${source}: ${problem}.`);
  }
  return model;
}
