// The types of what training a run takes and reports.

import type { TrainStage } from '../config/choices.ts';
import type { TrainConfig } from '../config/config.ts';
import type { DataSet } from '../data/data-set.ts';
import type { Evaluations } from './evaluation/judge.ts';
import type { StateName } from '../run/state/state-folder.ts';

/** One report after a training step. */
export interface TrainProgress {
  readonly stage: TrainStage;
  /** Number of the finished step in its stage, from 1. */
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number;
  /** Global norm of the gradient before clipping. */
  readonly gradNorm: number;
  readonly imagesPerSecond: number;
}

/** The report when a stage begins. */
export interface StageStart {
  readonly name: TrainStage;
  readonly totalSteps: number;
  /** Steps that were taken before: above 0 where a training goes on. */
  readonly stepsBefore: number;
}

/** How often the state of a training is saved. */
export type SaveInterval = { readonly steps: number } | { readonly minutes: number };

/** Minutes from one saved state to the next. */
export const SAVE_MINUTES = 5;

/** Saved states that stay. */
export const KEPT_STATES = 2;

/** The options of `train` and of `resumeRun`. */
export interface RunOptions {
  /** The data, if they are read already. Default: those that `config.data` names. */
  readonly data?: DataSet;
  /** Leaves bad files of the data out, in place of an error. Default: false. */
  readonly skipBad?: boolean;
  /**
   * A folder for latents, which runs with the same autoencoder and images share. A run without an autoencoder has none
   * to keep. Default: none are kept.
   */
  readonly cache?: string;
  /** How often the state is saved, from which `resumeRun` goes on. Default: every 5 minutes. */
  readonly saveEvery?: SaveInterval;
  /** How many saved states stay, the last ones; 0 saves none. Default: 2. */
  readonly keep?: number;
  /**
   * Ends the training after the step at hand, once its state is saved. The promise is then rejected with the
   * reason of the signal.
   */
  readonly signal?: AbortSignal;
  /** Scores the averaged weights along the training and keeps the best. Default: no scores. */
  readonly evaluations?: Evaluations;
  /** Called with the folder of the run, once the images are loaded and the folder exists. */
  readonly onStart?: (out: string) => void | Promise<void>;
  readonly onStage?: (stage: StageStart) => void;
  readonly onProgress?: (progress: TrainProgress) => void;
  /** Called with one sentence for the user between two steps, such as the name of a new picture. */
  readonly onNotice?: (text: string) => void;
  /** Called when a state lies on the disk. */
  readonly onSave?: (saved: StateName) => void;
}

/** The names of {@link RunOptions}. */
export const RUN_OPTIONS: readonly (keyof RunOptions)[] = [
  'data',
  'skipBad',
  'cache',
  'saveEvery',
  'keep',
  'signal',
  'evaluations',
  'onStart',
  'onStage',
  'onProgress',
  'onNotice',
  'onSave',
];

/** The options of `train`. */
export interface TrainOptions extends RunOptions {
  /** The whole run. The images are those that `config.data` names. */
  readonly config: TrainConfig;
  /**
   * The folder of the run. It must be new or empty; it is created once the images are loaded. Default:
   * `runs/mnist`, or the first of `runs/mnist-2`, `runs/mnist-3`, … that is new or empty.
   */
  readonly out?: string;
}

/** The options of `resumeRun`. */
export interface ResumeOptions extends RunOptions {
  /** The folder of the run. */
  readonly run: string;
  /** Steps of the Diffusion Transformer in all, those taken already included. Default: those of the run. */
  readonly steps?: number;
}
