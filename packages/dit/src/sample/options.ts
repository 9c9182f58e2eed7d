// The types of what sampling from a run takes and reports.

import type { BackendName } from '../config/choices.ts';
import type { SamplingConfig } from '../config/diffusion-config.ts';

/** One report after a denoising step. */
export interface SampleProgress {
  /** Number of the finished step, from 1. */
  readonly step: number;
  readonly totalSteps: number;
}

/** The options of `sampleRun`. */
export interface SampleOptions extends SamplingConfig {
  /** The folder of the run. */
  readonly run: string;
  /** Classes to draw. Each is one row of ten samples in the picture. A model without classes has class 0. */
  readonly labels: readonly number[];
  /** Texts to draw, one a row, for a model that reads text. Then `labels` has as many entries. */
  readonly texts?: readonly string[];
  /** A text to draw the opposite of: it takes the place of the empty text in guidance. */
  readonly negative?: string;
  /** Files of maps, PNG or npy, by the names of the model's conditions. */
  readonly maps?: Readonly<Record<string, string>>;
  /** Numbers, such as the thickness of strokes, by the names of the model's conditions. */
  readonly numbers?: Readonly<Record<string, number>>;
  /** A guidance scale for each condition by name, in place of one for all. */
  readonly scales?: Readonly<Record<string, number>>;
  /** Seed of the noise, an unsigned 32-bit integer. */
  readonly seed: number;
  /** The PNG file to write. */
  readonly out: string;
  /** The decay of the average that draws, one of those that the run keeps. Default: its `emaDecay`. */
  readonly ema?: number;
  /** The backend that computes. Default: the backend of the run. */
  readonly backend?: BackendName;
  readonly onNotice?: (text: string) => void;
  readonly onProgress?: (progress: SampleProgress) => void;
}
