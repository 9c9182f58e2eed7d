// The types of what sampling from a run takes and reports.

import type { BackendName, Sampler } from '../config/choices.ts';

/** One report after a denoising step. */
export interface SampleProgress {
  /** Number of the finished step, from 1. */
  readonly step: number;
  readonly totalSteps: number;
}

/** Everything that `sampleRun` is given. */
export interface SampleOptions {
  /** The folder of the run. */
  readonly run: string;
  /** Classes to draw, each one row of ten digits in the picture. */
  readonly labels: readonly number[];
  /** Guidance scale: 1 is the conditional model alone. */
  readonly guidance: number;
  readonly sampler: Sampler;
  /** Number of denoising steps, at most the run's timesteps. */
  readonly steps: number;
  /** Seed of the noise, an unsigned 32-bit integer. */
  readonly seed: number;
  /** The PNG file to write. */
  readonly out: string;
  /** What computes. Default as in the run. */
  readonly backend?: BackendName;
  readonly onNotice?: (text: string) => void;
  readonly onProgress?: (progress: SampleProgress) => void;
}
