// What all trainings of a scaling study have in common, and the configuration of each.

import * as v from 'valibot';
import { DESIGNS, MAX_SEED } from '../config/choices.ts';
import {
  parseTrainConfig,
  trainSchema,
  type AutoencoderTrainConfig,
  type TrainConfig,
} from '../config/config.ts';
import { presetConfig, warmupSteps } from '../config/presets.ts';
import { whole } from '../config/ranges.ts';
import { parseSchema } from '../config/schema.ts';
import { modelName, type Cell } from './grid.ts';

/** What all cells of a study have in common. Two studies of one recipe can be put together. */
export interface Recipe {
  /** Its model gives way to that of the cell, and its seed is that of the autoencoder. */
  readonly config: AutoencoderTrainConfig;
  /** Samples of each look. */
  readonly samples: number;
  /** Looks at each model while it trains, at even distances. The last one is after its last step. */
  readonly looks: number;
}

/** A study: its recipe and its cells, those of least cost first. */
export interface Plan extends Recipe {
  readonly cells: readonly Cell[];
}

/** What a user may change of the recipe. */
export interface RecipeChanges {
  /** Training steps of each model. Default: 2000. */
  readonly steps?: number | undefined;
  /** Samples of each look. Default: 1000. */
  readonly samples?: number | undefined;
  /** Default: those of the preset smoke. */
  readonly autoencoderSteps?: number | undefined;
}

/** Denoising steps of a sample. */
const SAMPLING_STEPS = 25;

/** Training steps of each model. */
const STEPS = 2000;

/** Samples of each look. The Fréchet distance of few samples is larger than that of many. */
const SAMPLES = 1000;

const LOOKS = 4;

/** Learning rate of all models, as all models of the paper have one. */
const LEARNING_RATE = 2e-3;

/**
 * The recipe with changes: the autoencoder and the training of the preset smoke, but at a constant learning rate. So a
 * look in the middle of a training is what a training of so many steps would have given, and quality can be read
 * against training compute. Samples are drawn without guidance, as those of the paper's figures.
 */
export function recipeOf({
  steps = STEPS,
  samples = SAMPLES,
  autoencoderSteps,
}: RecipeChanges = {}): Recipe {
  const preset = presetConfig('smoke', { steps });
  const { autoencoder, optimizer, sampling } = preset;
  return {
    config: {
      ...preset,
      autoencoder: { ...autoencoder, steps: autoencoderSteps ?? autoencoder.steps },
      optimizer: {
        ...optimizer,
        learningRate: LEARNING_RATE,
        schedule: 'constant',
        warmupSteps: warmupSteps(steps),
      },
      sampling: { ...sampling, guidance: 1, steps: SAMPLING_STEPS },
    },
    samples,
    looks: LOOKS,
  };
}

/** A recipe with changes. What they leave out stays, whatever the presets have become since it was made. */
export function changedRecipe({ config, samples, looks }: Recipe, changes: RecipeChanges): Recipe {
  const { steps = config.steps, autoencoderSteps = config.autoencoder.steps } = changes;
  const autoencoder = { ...config.autoencoder, steps: autoencoderSteps };
  return {
    config: { ...config, steps, autoencoder },
    samples: changes.samples ?? samples,
    looks,
  };
}

/** Numbers of a head of attention, as far as they divide the width. The paper has 64 in S, B and L. */
const HEAD = 32;

/** The largest number of heads that divides a width, where a head has `HEAD` numbers or more. */
function headsOf(width: number): number {
  let heads = Math.max(1, Math.floor(width / HEAD));
  while (width % heads !== 0) heads--;
  return heads;
}

/**
 * The configuration of a cell.
 *
 * @throws FormatError that names the cell, if there is no such model
 */
export function cellConfig({ config }: Recipe, cell: Cell): TrainConfig {
  const { design, width, depth, patch, seed } = cell;
  const numHeads = headsOf(width);
  const model = { ...config.model, design, hiddenSize: width, depth, patchSize: patch, numHeads };
  return parseTrainConfig({ ...config, seed, model }, modelName(cell));
}

/** Steps from one look to the next. */
export function lookEvery({ config, looks }: Recipe): number {
  return Math.ceil(config.steps / looks);
}

const count = whole(1, Number.MAX_SAFE_INTEGER);

/** The schema of a cell. */
export const cellSchema: v.GenericSchema<unknown, Cell> = v.strictObject({
  design: v.picklist(DESIGNS),
  width: count,
  depth: count,
  patch: count,
  seed: whole(0, MAX_SEED),
});

/** Mark of the files of plans. */
const FORMAT = 'tessera-scale-1';

const planSchema = v.strictObject({
  format: v.literal(FORMAT),
  config: trainSchema,
  samples: count,
  looks: count,
  cells: v.array(cellSchema),
});

/** A plan as the value of a JSON file. */
export function planValue(plan: Plan): unknown {
  const { config, samples, looks, cells } = plan;
  return { format: FORMAT, config, samples, looks, cells };
}

/**
 * Checks the value of a JSON file and gives it back as a plan.
 *
 * @throws FormatError in one line that names the first bad field
 */
export function parsePlan(value: unknown, source: string): Plan {
  const { format: _format, config, ...rest } = parseSchema('scale', planSchema, value, source);
  return { ...rest, config: parseTrainConfig(config, source) as AutoencoderTrainConfig };
}
