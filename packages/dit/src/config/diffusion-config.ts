// The settings of a run's forward process, of its loss, and of how it draws samples.

import * as v from 'valibot';
import {
  COMPATS,
  OBJECTIVES,
  SAMPLERS,
  SCHEDULES,
  SPACINGS,
  TIMESTEP_SAMPLINGS,
  WEIGHTINGS,
  type Compat,
  type Objective,
  type Sampler,
  type Schedule,
  type Spacing,
  type TimestepSampling,
  type Weighting,
} from './choices.ts';
import { fraction, nonNegative, positive, scale, timesteps } from './ranges.ts';

/** The forward process, the target of the model, and how training weighs timesteps. */
export interface DiffusionConfig {
  /** The noise schedule. A flow has none, and does not look at it. */
  readonly schedule: Schedule;
  /** Number of timesteps of the forward process; for a flow the number that stands for pure noise. */
  readonly timesteps: number;
  readonly objective: Objective;
  /** Whether the last timestep of the schedule has no signal. Default: false. */
  readonly zeroTerminalSnr?: boolean;
  /** The variance of a step of the ddpm sampler, without `model.learnSigma`. Default: fixed-large. */
  readonly variance?: 'fixed-small' | 'fixed-large';
  /** How training draws timesteps. Default: uniform. */
  readonly timestepSampling?: TimestepSampling;
  /** How strongly the draws lean towards noise, and the steps of a flow's sampler with them. Default: 1. */
  readonly shift?: number;
  /** How the errors of timesteps are weighed. Default: none. */
  readonly weighting?: Weighting;
  /** The bound γ of the weighting min-snr. Default: 5. */
  readonly gamma?: number;
  /** The share of the contrastive term in the loss of a flow. Default: 0. */
  readonly contrastive?: number;
  /** Whether the bound at t = 0 takes latents for pixels, as the official code does. Default: official. */
  readonly compat?: Compat;
  /** The guidance scale of the flow that a flow map follows, the objective mean-flow. Default: 2. */
  readonly guidance?: number;
  /** The share of steps without length in the training of a flow map. Default: 0.25. */
  readonly instantShare?: number;
}

/** The guidance scale of the flow that a flow map follows. */
export const MAP_GUIDANCE = 2;

/** The guidance scale that a flow map has from its training; `undefined` for a model that is guided when it draws. */
export function trainedGuidance({
  objective,
  guidance = MAP_GUIDANCE,
}: Pick<DiffusionConfig, 'objective' | 'guidance'>): number | undefined {
  return objective === 'mean-flow' ? guidance : undefined;
}

/** The share of steps without length in the training of a flow map, at which it is the velocity itself. */
export const INSTANT_SHARE = 0.25;

/** The schema of the diffusion. */
export const diffusionSchema: v.GenericSchema<unknown, DiffusionConfig> = v.strictObject({
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
  guidance: v.exactOptional(nonNegative),
  instantShare: v.exactOptional(fraction),
});

/** How samples are drawn when the command line does not say otherwise. */
export interface SamplingConfig {
  /** Guidance scale. 1 is the conditional model alone; more pulls harder towards the label. */
  readonly guidance: number;
  /** Number of denoising steps; at most the number of timesteps. */
  readonly steps: number;
  readonly sampler: Sampler;
  /** Share of the ancestral noise in the ddim sampler. Default: 0. */
  readonly eta?: number;
  /** How the timesteps of the steps are chosen. A flow has its shift instead. Default: official. */
  readonly spacing?: Spacing;
  /** The timesteps that are guided, from 0 (data) to the number of timesteps. Default: all. */
  readonly guidanceInterval?: readonly [from: number, to: number];
  /** How much of the conditional deviation guidance keeps, from 0 to 1. Default: 0. */
  readonly guidanceRescale?: number;
  /** Whether guidance takes three channels only, as the official code does. Default: fixed, all of them. */
  readonly compat?: Compat;
}

/** The schema of sampling. */
export const samplingSchema: v.GenericSchema<unknown, SamplingConfig> = v.strictObject({
  guidance: nonNegative,
  steps: timesteps,
  sampler: v.picklist(SAMPLERS),
  eta: v.exactOptional(fraction),
  spacing: v.exactOptional(v.picklist(SPACINGS)),
  guidanceInterval: v.exactOptional(v.strictTuple([nonNegative, nonNegative])),
  guidanceRescale: v.exactOptional(fraction),
  compat: v.exactOptional(v.picklist(COMPATS)),
});

/** The names of the settings of sampling. */
export const SAMPLING_FIELDS: readonly (keyof SamplingConfig)[] = [
  'guidance',
  'steps',
  'sampler',
  'eta',
  'spacing',
  'guidanceInterval',
  'guidanceRescale',
  'compat',
];

/**
 * The settings of a run with changes. The run's eta is noise of its ddim sampler, so another sampler does not take
 * it over.
 */
export function changedBy(run: SamplingConfig, changes: Partial<SamplingConfig>): SamplingConfig {
  const { eta, ...ofRun } = run;
  const sampler = changes.sampler ?? run.sampler;
  return { ...ofRun, ...(sampler === 'ddim' && eta !== undefined && { eta }), ...changes };
}

/** The settings of sampling alone, out of options that may hold more. */
export function samplingOf<T extends Partial<SamplingConfig>>(
  options: T,
): Pick<T, keyof SamplingConfig & keyof T> {
  const entries = SAMPLING_FIELDS.map((name) => [name, options[name]] as const);
  const known = Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  return known as Pick<T, keyof SamplingConfig & keyof T>;
}
