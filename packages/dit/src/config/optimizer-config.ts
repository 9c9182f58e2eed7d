// The settings of the optimizer of a run, and their schema.

import * as v from 'valibot';
import { decay, fraction, nonNegative, positive, whole } from './ranges.ts';

/** AdamW with warm-up, cosine decay, clipping, and the moving average of the weights. */
export interface OptimizerConfig {
  /** Learning rate after warm-up. */
  readonly learningRate: number;
  /** Steps over which the learning rate rises linearly from 0. */
  readonly warmupSteps: number;
  /** The learning rate of the last step as a fraction of `learningRate`. */
  readonly finalLrFraction: number;
  /** Decoupled weight decay. */
  readonly weightDecay: number;
  /** Largest global norm of the gradient. */
  readonly clipNorm: number;
  /** Decay of AdamW's first and second moments. */
  readonly betas: readonly [number, number];
  /** Largest decay of the moving average; step k uses min(emaDecay, (1 + k) / (10 + k)). */
  readonly emaDecay: number;
}

/** The schema of the optimizer. */
export const optimizerSchema: v.GenericSchema<unknown, OptimizerConfig> = v.strictObject({
  learningRate: positive,
  warmupSteps: whole(0, 1e9),
  finalLrFraction: fraction,
  weightDecay: nonNegative,
  clipNorm: positive,
  betas: v.strictTuple([decay, decay]),
  emaDecay: decay,
});
