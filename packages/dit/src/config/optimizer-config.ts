// The settings of the optimizer of a run, their schema, and the rules between them.

import * as v from 'valibot';
import {
  DECAYED,
  OPTIMIZERS,
  RATE_SCHEDULES,
  type Decayed,
  type OptimizerName,
  type RateSchedule,
} from './choices.ts';
import { decay, fraction, nonNegative, positive, whole } from './ranges.ts';

/**
 * The optimizer with its learning rates, clipping, and the moving averages of the weights. The autoencoder
 * always trains by AdamW on a cosine, with the numbers that are here.
 */
export interface OptimizerConfig {
  /** The optimizer of the Diffusion Transformer. Default: adamw. */
  readonly name?: OptimizerName;
  /** Learning rate after warm-up. */
  readonly learningRate: number;
  /** Steps over which the learning rate rises linearly from 0. */
  readonly warmupSteps: number;
  /** How the learning rate goes on after the warm-up. Default: cosine. */
  readonly schedule?: RateSchedule;
  /** The share of all steps in which the schedule `trapezoid` falls, the last of all. Default: 0.2. */
  readonly decayFraction?: number;
  /** The learning rate of the last step as a fraction of `learningRate`; a constant does not look at it. */
  readonly finalLrFraction: number;
  /** Decoupled weight decay. */
  readonly weightDecay: number;
  /** What the weight decay acts on. Default: all. */
  readonly decayed?: Decayed;
  /** Largest global norm of the gradient. */
  readonly clipNorm: number;
  /** Decay of AdamW's first and second moments. */
  readonly betas: readonly [number, number];
  /** The momentum of Muon. Default: 0.95. */
  readonly momentum?: number;
  /** Largest decay of the moving average; step k uses min(emaDecay, (1 + k) / (10 + k)). */
  readonly emaDecay: number;
  /** Largest decays of further averages, which the run keeps beside the first. 0 keeps the weights themselves. */
  readonly emaDecays?: readonly number[];
}

/** The schema of the optimizer. */
export const optimizerSchema: v.GenericSchema<unknown, OptimizerConfig> = v.strictObject({
  name: v.exactOptional(v.picklist(OPTIMIZERS)),
  learningRate: positive,
  warmupSteps: whole(0, 1e9),
  schedule: v.exactOptional(v.picklist(RATE_SCHEDULES)),
  decayFraction: v.exactOptional(fraction),
  finalLrFraction: fraction,
  weightDecay: nonNegative,
  decayed: v.exactOptional(v.picklist(DECAYED)),
  clipNorm: positive,
  betas: v.strictTuple([decay, decay]),
  momentum: v.exactOptional(decay),
  emaDecay: decay,
  emaDecays: v.exactOptional(
    v.pipe(v.array(decay), v.maxLength(8, 'must name at most 8 averages')),
  ),
});

/** Says which rule between settings of the optimizer is broken first; `undefined` if all hold. */
export function optimizerProblem(
  { name = 'adamw', momentum, warmupSteps, emaDecay, emaDecays = [], ...rates }: OptimizerConfig,
  steps: number,
): string | undefined {
  const { schedule = 'cosine', decayFraction } = rates;
  if (warmupSteps > steps) {
    return `optimizer.warmupSteps ${warmupSteps} is more than the ${steps} steps of the run`;
  }
  if (momentum !== undefined && name !== 'muon') {
    return `optimizer.momentum ${momentum} belongs to the optimizer muon, but the optimizer is ${name}`;
  }
  if (decayFraction !== undefined && schedule !== 'trapezoid') {
    return `optimizer.decayFraction ${decayFraction} belongs to the schedule trapezoid, but the schedule is ${schedule}`;
  }
  if (schedule === 'trapezoid' && warmupSteps + decaySteps(steps, decayFraction) > steps) {
    return `optimizer.warmupSteps ${warmupSteps} and the ${decaySteps(steps, decayFraction)} steps of optimizer.decayFraction are more than the ${steps} steps of the run`;
  }
  if (new Set([emaDecay, ...emaDecays]).size <= emaDecays.length) {
    return `optimizer.emaDecays [${emaDecays.join(', ')}] and optimizer.emaDecay ${emaDecay} name one average twice`;
  }
  return undefined;
}

/** The steps in which the schedule `trapezoid` falls. */
export function decaySteps(steps: number, decayFraction = 0.2): number {
  return Math.floor(decayFraction * steps);
}
