// The types of what training a run takes and reports.

import type { TrainStage } from '../config/choices.ts';
import type { TrainConfig } from '../config/config.ts';
import type { DataSet } from '../data/data-set.ts';

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
}

/** The options of `train`. */
export interface TrainOptions {
  /** The whole run. The images are those that `config.data` names. */
  readonly config: TrainConfig;
  /** The data, if they are read already. Default: those that `config.data` names. */
  readonly data?: DataSet;
  /** Leaves bad files of the data out, in place of an error. Default: false. */
  readonly skipBad?: boolean;
  /**
   * The folder of the run. It must be new or empty; it is created once the images are loaded. Default:
   * `runs/mnist`, or the first of `runs/mnist-2`, `runs/mnist-3`, … that is new or empty.
   */
  readonly out?: string;
  /**
   * A folder for latents, which runs with the same autoencoder and images share. A run without an autoencoder has none
   * to keep. Default: none are kept.
   */
  readonly cache?: string;
  /** Called with the folder of the run, once the images are loaded and the folder exists. */
  readonly onStart?: (out: string) => void | Promise<void>;
  readonly onStage?: (stage: StageStart) => void;
  readonly onProgress?: (progress: TrainProgress) => void;
  /** Called with one sentence for the user between two steps, such as the name of a new picture. */
  readonly onNotice?: (text: string) => void;
}
