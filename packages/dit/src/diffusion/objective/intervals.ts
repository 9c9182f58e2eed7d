// Which steps the training of a flow map draws: where they begin, and where they end.

import {
  checkOptions,
  checkTensors,
  split,
  uniform,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import { checkWithin } from '../../config/argument-check.ts';
import { INSTANT_SHARE } from '../../config/diffusion-config.ts';
import { checkProcess, isFlow, type Process } from '../process/process.ts';
import { drawTimesteps, type TimestepOptions } from './timesteps.ts';

/** Options of {@link drawIntervals}. */
export interface IntervalOptions extends TimestepOptions {
  /** The share of steps without length, at which a flow map is the velocity itself. Default 0.25. */
  readonly instantShare?: number;
}

/**
 * Draws steps of a flow to train a flow map on. Each is two times as {@link drawTimesteps} draws them: the later one
 * is where the step begins, since a sampler goes from noise to data. Some steps end where they begin.
 *
 * Source: Geng et al. 2025, "Mean flows for one-step generative modeling", section 4.3.
 *
 * @returns Times t and r from 0 to 1, float32 `[count]` each, with `r ≤ t`.
 * @throws ValueError if the process has timesteps.
 * @example
 * const { t, r } = drawIntervals(createFlow(), key(0), 8);
 * r.lessEqual(t).min(); // true
 */
export function drawIntervals(
  process: Process,
  key: Tensor,
  count: number,
  options: IntervalOptions = {},
): { readonly t: Tensor; readonly r: Tensor } {
  const op = 'drawIntervals';
  checkProcess(op, process);
  checkTensors(op, { key });
  checkOptions(op, options, ['sampling', 'shift', 'instantShare']);
  const { instantShare = INSTANT_SHARE, ...drawing } = options;
  checkWithin(op, 'instantShare', instantShare, 0, 1);
  if (!isFlow(process)) {
    throw new ValueError(
      op,
      'a flow map goes along a flow, but the process has a noise schedule. Make one with createFlow(…).',
    );
  }
  const [firstKey, secondKey, instantKey] = split(key, 3);
  const first = drawTimesteps(process, firstKey, count, drawing);
  const second = drawTimesteps(process, secondKey, count, drawing);
  const t = first.maximum(second);
  return { t, r: uniform(instantKey, [count]).less(instantShare).where(t, first.minimum(second)) };
}
