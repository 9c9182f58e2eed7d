// Which timesteps a training step draws.

import {
  checkOptions,
  checkTensors,
  normal,
  randomInt,
  uniform,
  type Tensor,
} from '@tessera/tensor';
import { checkChoice, checkWhole, checkWithin } from '../../config/argument-check.ts';
import { shiftTime } from '../process/flow.ts';
import { checkProcess, isFlow, type Process } from '../process/process.ts';

/** Options of {@link drawTimesteps}. */
export interface TimestepOptions {
  /** Default `'uniform'`. For `loss-second-moment` see {@link drawByLoss}. */
  readonly sampling?: 'uniform' | 'logit-normal';
  /** How strongly the draws lean towards noise; see {@link shiftTime}. Default 1. */
  readonly shift?: number;
}

/**
 * Draws timesteps to train on.
 *
 * - `uniform`: all alike.
 * - `logit-normal`: the share u of time is the sigmoid of a standard normal, so that the middle is drawn
 *   more often. A prediction is hardest there.
 *
 * Source: Esser et al. 2024, "Scaling rectified flow transformers for high-resolution image synthesis",
 * section 3.1.
 *
 * @returns `[count]`: kept timesteps, int32; for a flow times from 0 to 1, float32.
 * @example
 * drawTimesteps(createDiffusion(), key(0), 8); // int32[8]
 * drawTimesteps(createFlow(), key(0), 8, { sampling: 'logit-normal', shift: 3 }); // float32[8]
 */
export function drawTimesteps(
  process: Process,
  key: Tensor,
  count: number,
  options: TimestepOptions = {},
): Tensor {
  checkProcess('drawTimesteps', process);
  checkTensors('drawTimesteps', { key });
  checkWhole('drawTimesteps', 'count', count, 1);
  checkOptions('drawTimesteps', options, ['sampling', 'shift']);
  const { sampling = 'uniform', shift = 1 } = options;
  checkChoice('drawTimesteps', 'sampling', sampling, ['uniform', 'logit-normal']);
  checkWithin('drawTimesteps', 'shift', shift, 1e-3, 1e3);
  if (!isFlow(process) && sampling === 'uniform' && shift === 1) {
    return randomInt(key, [count], 0, process.schedule.timesteps);
  }
  const share = sampling === 'uniform' ? uniform(key, [count]) : normal(key, [count]).sigmoid();
  const u = shiftTime(share, shift);
  if (isFlow(process)) return u;
  const { timesteps } = process.schedule;
  // Rounding may give the share 1, which is past the last timestep.
  return u
    .mul(timesteps)
    .floor()
    .minimum(timesteps - 1)
    .cast('int32');
}
