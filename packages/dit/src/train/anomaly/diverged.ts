// The error of a training whose loss, gradient or weights are no longer finite.

import { StateError } from '@tessera/tensor';
import type { TrainStage } from '../../config/choices.ts';

/** A training that has diverged. */
export class Diverged extends StateError {
  static override readonly name: string = 'StateError';
  readonly stage: TrainStage;
  /** The step after which it was noticed, from 1. */
  readonly step: number;
  /** What is not finite: `the loss is NaN`. */
  readonly what: string;
  /** What may help. */
  readonly hint: string;

  constructor(what: string, stage: TrainStage, step: number, totalSteps: number) {
    super(
      'train',
      `${what} at step ${step} of ${totalSteps} of the ${stage}: the training has diverged.`,
    );
    this.stage = stage;
    this.step = step;
    this.what = what;
    const settings = stage === 'autoencoder' ? 'autoencoder' : 'optimizer';
    this.hint = `Lower ${settings}.learningRate, in a configuration that --config names.`;
  }
}
