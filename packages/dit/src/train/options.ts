// The types of what training a run takes and reports.

import type { TrainStage } from '../config/choices.ts';
import type { TrainConfig } from '../config/config.ts';

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

/** A stage that begins. */
export interface StageStart {
  readonly name: TrainStage;
  readonly totalSteps: number;
}

/** Everything that `train` is given. */
export interface TrainOptions {
  /** What to train; `config.data` says on which images. */
  readonly config: TrainConfig;
  /**
   * The folder of the run, new or empty; created once the data is loaded. Default: `runs/mnist`, or the
   * first of `runs/mnist-2`, `runs/mnist-3`, … that is.
   */
  readonly out?: string;
  /** Called with the folder of the run, once the data is loaded and the folder is there. */
  readonly onStart?: (out: string) => void | Promise<void>;
  readonly onStage?: (stage: StageStart) => void;
  readonly onProgress?: (progress: TrainProgress) => void;
  /** One sentence for the user between two steps, such as which picture has been written. */
  readonly onNotice?: (text: string) => void;
}
