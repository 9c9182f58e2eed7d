// What a generator is asked for: conditions, where it starts, what is known, and who follows.

import {
  checkFunction,
  checkList,
  checkOptions,
  checkTensors,
  key as makeKey,
  kindOf,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import {
  checkArray,
  checkChoice,
  checkFields,
  checkFinite,
  checkFlag,
  checkWhole,
} from '../config/argument-check.ts';
import { SAMPLERS, SPACINGS } from '../config/choices.ts';
import type { TrainConfig } from '../config/config.ts';
import { SAMPLING_FIELDS, type SamplingConfig } from '../config/diffusion-config.ts';
import { nothingToGuide, samplingProblem } from '../config/diffusion-rules.ts';
import { checkInterval } from '../diffusion/guidance/interval.ts';
import { latentLength, type DiT } from '../model/dit.ts';
import { checkUnits, type Shard } from '../shard/shard.ts';
import { checkArrays, type ConditionArrays } from './conditioning.ts';
import { checkLabels } from './labels.ts';
import type { SampleProgress } from './options.ts';

/** Number of images drawn at once: as many as a picture of ten digits for each class. */
export const IMAGES_AT_ONCE = 100;

/** What images are asked to be, and how strongly. */
export interface Asked extends SamplingConfig {
  /** The class of each image; 0 for a model without classes. */
  readonly labels: readonly number[];
  /** Whether the labels are left out: the model gets its null class in their place. Default: false. */
  readonly openLabel?: boolean;
  /** The values of the other conditions. One that is left out is open: the model gets its null. */
  readonly conditions?: ConditionArrays;
  /** Values of one image that take the place of nulls in guidance, such as a negative prompt. */
  readonly negative?: ConditionArrays;
  /** A guidance scale for each condition by name, in place of one for all. */
  readonly scales?: Readonly<Record<string, number>>;
  /** A second end: each image is asked for something between labels and conditions and those here. */
  readonly towards?: BlendedEnd;
}

/** The second end of a line of conditionings. */
export interface BlendedEnd {
  /** Default: the labels of the first end. */
  readonly labels?: readonly number[];
  /** In place of those of the same name at the first end. */
  readonly conditions?: ConditionArrays;
  /** How far each image is on the way from the first end to the second, from 0 to 1. */
  readonly shares: readonly number[];
}

/** A known part of latents: see {@link inpaintSteps}. */
export interface LatentRegion {
  /** `[count, C, h, w]`, row-major. */
  readonly latents: Float32Array;
  /** `[h, w]`, for all images: 1 where they are drawn, 0 where they are known. */
  readonly mask: Uint8Array;
  /** How often each stretch of steps is passed. Default 1. */
  readonly passes?: number;
}

/** A step of a generator. Its tensors live until `onStep` has ended. */
export interface GeneratedStep {
  /** The number of the first image that it is about. Images are drawn a hundred at a time. */
  readonly start: number;
  /** Number of the step, from 0. */
  readonly n: number;
  /** `[B, C, h, w]`, the latents after the step. */
  readonly x: Tensor;
  /** `[B, C, h, w]`, the clean latents that the model saw. */
  readonly xStart: Tensor;
}

/** Options of {@link Generator.generate}. */
export interface GenerateOptions extends Asked {
  /** Randomness of all noise. */
  readonly key: Tensor;
  /** The latents at which sampling starts, `[count, C, h, w]`. Default: noise. */
  readonly xT?: Float32Array;
  /** The place of xT, as in `SamplerOptions`. Default: pure noise. */
  readonly from?: number;
  /** A part of the latents that is known. */
  readonly region?: LatentRegion;
  /** The part of the images that is drawn: every `count`-th hundred from the `index`-th. Default: all. */
  readonly shard?: Shard;
  readonly onStep?: (step: GeneratedStep) => void | Promise<void>;
  readonly onProgress?: (progress: SampleProgress) => void;
}

/** Options of {@link Generator.invert}. */
export interface InvertOptions extends Asked {
  /** As in {@link InversionOptions}. */
  readonly to?: number;
  readonly iterations?: number;
  readonly onProgress?: (progress: SampleProgress) => void;
}

/** The options of one call of a generator, other than settings of sampling. */
export const OWN_GENERATE_OPTIONS = [
  'labels',
  'openLabel',
  'conditions',
  'negative',
  'scales',
  'towards',
  'key',
  'xT',
  'from',
  'region',
  'shard',
  'onStep',
  'onProgress',
] as const;

/** The options of an inversion, other than settings of sampling. */
export const OWN_INVERT_OPTIONS = [
  'labels',
  'openLabel',
  'conditions',
  'negative',
  'scales',
  'towards',
  'to',
  'iterations',
  'onProgress',
] as const;

/** Throws unless these are options of a generator for a model of this configuration. */
export function checkGenerate(
  op: string,
  model: DiT,
  options: GenerateOptions,
  config: TrainConfig,
): void {
  checkFields(op, 'model', model, ['forward'], 'Give a DiT.');
  checkOptions(op, options, [...SAMPLING_FIELDS, ...OWN_GENERATE_OPTIONS]);
  const { key, labels, guidance, steps, sampler, shard, onProgress, onStep } = options;
  checkTensors(op, { key });
  checkFinite(op, 'guidance', guidance);
  checkWhole(op, 'steps', steps, 1);
  checkChoice(op, 'sampler', sampler, SAMPLERS);
  if (onProgress !== undefined) checkFunction(op, onProgress);
  if (onStep !== undefined) checkFunction(op, onStep);
  checkSampling(op, options, config);
  checkAsked(op, model, options);
  checkLabels(op, labels, config);
  if (shard !== undefined) checkUnits(op, { rows: labels.length, unit: IMAGES_AT_ONCE }, shard);
  const size = labels.length * latentLength(config.model);
  if (options.xT !== undefined) checkLength(op, 'xT', options.xT, size);
  if (options.region !== undefined) checkLatentRegion(op, options, size, placesOf(config));
  if (options.towards !== undefined) checkTowards(op, model, options, config);
}

/** Throws unless these are latents, and options of their inversion. */
export function checkInvert(
  model: DiT,
  latents: Float32Array,
  options: Omit<InvertOptions, 'to' | 'iterations'>,
  config: TrainConfig,
): void {
  const key = makeKey(0); // an inversion draws nothing
  checkGenerate('invert', model, { ...options, key }, config);
  if (config.diffusion.objective === 'mean-flow') {
    throw new ValueError(
      'invert',
      'this model is a flow map, which knows the way from noise to images but not back. Use the flow that it follows.',
    );
  }
  const size = options.labels.length * latentLength(config.model);
  checkLength('invert', 'latents', latents, size);
}

/** Places of a latent, each of which has all channels. */
function placesOf({ model }: TrainConfig): number {
  return latentLength(model) / model.inChannels;
}

function checkAsked(op: string, model: DiT, asked: Asked): void {
  const { labels, openLabel = false, conditions, negative, scales } = asked;
  checkFlag(op, 'openLabel', openLabel);
  const { numClasses, classDropoutProb } = model.config;
  if (openLabel && numClasses > 0 && classDropoutProb === 0) {
    throw new ValueError(
      op,
      'openLabel is true, but this model was trained without a null class (classDropoutProb is 0). Give labels.',
    );
  }
  if (conditions !== undefined) {
    checkList(op, 'labels', labels, '[3, 1, 4]');
    checkArrays(op, 'conditions', model, conditions, labels.length);
  }
  if (negative !== undefined) checkArrays(op, 'negative', model, negative, 1);
  if (scales === undefined) return;
  checkFields(op, 'scales', scales, [], 'Give numbers by the names of conditions.');
  for (const [name, own] of Object.entries(scales)) checkFinite(op, name, own);
}

function checkTowards(
  op: string,
  model: DiT,
  { labels, towards }: Asked,
  config: TrainConfig,
): void {
  checkFields(op, 'towards', towards, ['shares'], 'Give { labels, shares }.');
  const { labels: others, conditions, shares } = towards as BlendedEnd;
  const count = labels.length;
  if (others !== undefined) {
    checkLabels(op, others, config);
    if (others.length !== count) {
      throw new ValueError(
        op,
        `towards has ${others.length} labels for ${count} images, expected one for each.`,
      );
    }
  }
  if (conditions !== undefined) checkArrays(op, 'towards.conditions', model, conditions, count);
  checkList(op, 'towards.shares', shares, '[0, 0.5, 1]');
  if (shares.length === count && shares.every((share) => share >= 0 && share <= 1)) return;
  throw new ValueError(
    op,
    `towards.shares are [${shares.slice(0, 9).join(', ')}], expected ${count} numbers from 0 to 1, one for each image.`,
  );
}

function checkLatentRegion(
  op: string,
  { region, from }: GenerateOptions,
  size: number,
  pixels: number,
): void {
  checkFields(op, 'region', region, ['latents', 'mask'], 'Give { latents, mask }.');
  const { latents, mask, passes } = region as LatentRegion;
  checkLength(op, 'region.latents', latents, size);
  checkArray(op, 'region.mask', mask, 'Uint8Array');
  if (passes !== undefined) checkWhole(op, 'region.passes', passes, 1);
  if (mask.length !== pixels) {
    throw new ValueError(
      op,
      `region.mask has ${mask.length} values, expected ${pixels}, one for each place of a latent.`,
    );
  }
  if (from === undefined) return;
  throw new ValueError(
    op,
    `from is ${kindOf(from)}, but a region starts from noise. Leave it out.`,
  );
}

/** Throws a ValueError unless these are so many numbers, all of them finite. */
function checkLength(op: string, name: string, values: Float32Array, size: number): void {
  checkArray(op, name, values, 'Float32Array');
  if (values.length !== size) {
    throw new ValueError(op, `${name} has ${values.length} values, expected ${size}.`);
  }
  const bad = values.find((value) => !Number.isFinite(value));
  if (bad !== undefined) throw new ValueError(op, `${name} holds ${bad}, expected finite numbers.`);
}

/** Throws a ValueError unless these settings of sampling go together, with the diffusion, and with the model. */
function checkSampling(op: string, sampling: Asked, { diffusion, model }: TrainConfig): void {
  const { guidanceInterval, spacing } = sampling;
  if (guidanceInterval !== undefined) checkInterval(op, guidanceInterval);
  if (spacing !== undefined) checkChoice(op, 'spacing', spacing, SPACINGS);
  const problem = samplingProblem(sampling, diffusion) ?? nothingToGuide(sampling, model);
  // Here the settings of sampling are the options of the call.
  if (problem !== undefined) throw new ValueError(op, `${problem.replace(/^sampling\./, '')}.`);
  const { scales, negative } = sampling;
  if (diffusion.objective !== 'mean-flow' || (scales ?? negative) === undefined) return;
  throw new ValueError(
    op,
    'scales and negative guide, but a flow map was trained with its guidance and takes no other. Leave them out.',
  );
}
