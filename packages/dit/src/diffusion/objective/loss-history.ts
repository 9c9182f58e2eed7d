// Timesteps drawn by the size of their last losses, and the memory of those losses.

import {
  all,
  arange,
  checkTensors,
  cumsum,
  formatShape,
  indexSelect,
  mod,
  ones,
  scatterAdd,
  ShapeError,
  uniform,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { checkFields, checkWhole } from '../../config/argument-check.ts';

/** The last losses of each timestep: a tree of tensors, so that a training step can carry it. */
export interface LossHistory {
  /** float32 `[T, 10]`: the last losses, the oldest overwritten. */
  readonly losses: Tensor;
  /** int32 `[T]`: how many losses each timestep has had. */
  readonly counts: Tensor;
}

/** Losses that are kept of each timestep. */
const KEPT = 10;

/** Share of the draws that stays uniform, so that no timestep is forgotten. */
const UNIFORM = 0.001;

/**
 * A history without losses.
 *
 * @example
 * lossHistory(1000).losses; // float32[1000, 10]
 */
export function lossHistory(timesteps: number): LossHistory {
  checkWhole('lossHistory', 'timesteps', timesteps, 1);
  return { losses: zeros([timesteps, KEPT]), counts: zeros([timesteps], 'int32') };
}

/** Timesteps, and the weights that undo their unequal chances. */
export interface WeightedTimesteps {
  /** int32 `[count]` */
  readonly t: Tensor;
  /** float32 `[count]`: multiply the losses by it, and their mean is that of uniform timesteps. */
  readonly weights: Tensor;
}

/**
 * Draws timesteps with chances `p ∝ √E[loss²]` over the last 10 losses of each; a share of 0.001 stays
 * uniform. Until every timestep has had 10 losses, all are alike. The weight of a timestep is 1/(T p).
 *
 * Source: Nichol & Dhariwal 2021, "Improved denoising diffusion probabilistic models", section 3.3.
 *
 * @example
 * drawByLoss(lossHistory(1000), key(0), 4).weights; // [1, 1, 1, 1]
 */
export function drawByLoss(history: LossHistory, key: Tensor, count: number): WeightedTimesteps {
  checkHistory('drawByLoss', history);
  checkTensors('drawByLoss', { key });
  checkWhole('drawByLoss', 'count', count, 1);
  const { losses, counts } = history;
  const [timesteps] = counts.shape;
  const size = losses.square().mean([1]).sqrt(); // [T]
  const byLoss = size
    .div(size.sum())
    .mul(1 - UNIFORM)
    .add(UNIFORM / timesteps);
  const chances = all(counts.greaterEqual(KEPT)).where(byLoss, 1 / timesteps); // [T]
  const ends = cumsum(chances, 0);
  const u = uniform(key, [count]).mul(ends.slice([[timesteps - 1, timesteps]])); // rounding: not quite 1
  const t = ends
    .unsqueeze(0)
    .lessEqual(u.unsqueeze(1)) // [count, T]
    .cast('int32')
    .sum([1])
    .minimum(timesteps - 1);
  return { t, weights: indexSelect(chances, t, 0).mul(timesteps).reciprocal() };
}

/**
 * The history with the losses of a training step, in their order. A timestep that came up more than 10 times
 * keeps the last ones.
 *
 * @param t int32 `[B]`, each below T.
 * @param losses float32 `[B]`, of each sample and not multiplied by weights.
 * @example
 * const t = tensor([1, 1, 2], { dtype: 'int32' });
 * recordLosses(lossHistory(4), t, tensor([0.5, 0.25, 1])).counts; // [0, 2, 1, 0]
 */
export function recordLosses(history: LossHistory, t: Tensor, losses: Tensor): LossHistory {
  checkHistory('recordLosses', history);
  checkTensors('recordLosses', { t, losses });
  if (t.rank !== 1 || formatShape(t.shape) !== formatShape(losses.shape)) {
    throw new ShapeError(
      'recordLosses',
      `t is ${formatShape(t.shape)} and losses are ${formatShape(losses.shape)}, but both must be [B].`,
      [t.shape, losses.shape],
    );
  }
  const [count] = t.shape;
  const [timesteps] = history.counts.shape;
  const same = t.unsqueeze(1).equal(t.unsqueeze(0)); // [B, B]
  const order = arange(count);
  const before = same.and(order.unsqueeze(0).less(order.unsqueeze(1)));
  const rank = before.cast('int32').sum([1]); // 0 for the first sample of a timestep, then 1, …
  const left = same.cast('int32').sum([1]).sub(rank); // samples of the timestep from this one on
  const slot = mod(indexSelect(history.counts, t, 0).add(rank), KEPT);
  const stays = left.lessEqual(KEPT).cast('float32');
  const place = t.mul(KEPT).add(slot);
  const table = (values: Tensor): Tensor =>
    scatterAdd(place, values, 0, [timesteps * KEPT]).reshape([timesteps, KEPT]);
  return {
    losses: table(stays)
      .greater(0)
      .where(table(losses.mul(stays)), history.losses),
    counts: history.counts.add(
      scatterAdd(t, ones([count]), 0, [timesteps]).cast('int32'), // exact: below 2²⁴
    ),
  };
}

function checkHistory(op: string, history: LossHistory): void {
  checkFields(op, 'history', history, ['losses', 'counts'], 'Make one with lossHistory(…).');
  checkTensors(op, { losses: history.losses, counts: history.counts });
}
