import { scalar, ValueError, type Tensor } from '@tessera/tensor';

/** A learning rate by step: from the scalar count of steps taken (0 before the first) to a scalar. */
export type Schedule = (step: Tensor) => Tensor;

/** The same rate at every step. */
export function constantSchedule(rate: number): Schedule {
  return () => scalar(rate);
}

/** Options of {@link cosineSchedule}. */
export interface CosineOptions {
  /** The rate at the end of the warm-up. */
  readonly peak: number;
  /** The rate at `totalSteps` and after. Default 0. */
  readonly floor?: number;
  /** Steps of linear growth from `peak / warmupSteps` to `peak`. Default 0. */
  readonly warmupSteps?: number;
  readonly totalSteps: number;
}

/**
 * Linear warm-up, then half a cosine down to the floor. With w warm-up steps of n in all, step s has
 *
 *     s < w:  peak · (s + 1) / w
 *     s ≥ w:  floor + ½ (peak − floor) (1 + cos(π (s − w) / (n − w)))
 *
 * computed as `floor + (peak − floor) · sin²(½π (n − s) / (n − w))`, which is the same and does not
 * cancel near the end.
 *
 * Source: Loshchilov & Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", equation 5.
 *
 * @example
 * const schedule = cosineSchedule({ peak: 1e-3, floor: 1e-5, warmupSteps: 100, totalSteps: 2000 });
 * optimizer.update(grads, state, model, { learningRate: schedule(state.step) });
 */
export function cosineSchedule({
  peak,
  floor = 0,
  warmupSteps = 0,
  totalSteps,
}: CosineOptions): Schedule {
  if (!(warmupSteps >= 0 && totalSteps > warmupSteps)) {
    throw new ValueError(
      'cosineSchedule',
      `needs 0 ≤ warmupSteps < totalSteps, but got warmupSteps ${warmupSteps} and totalSteps ${totalSteps}.`,
    );
  }
  return (step) => {
    const s = step.cast('float32');
    const left = s
      .neg()
      .add(totalSteps)
      .maximum(0)
      .div(totalSteps - warmupSteps);
    const fall = left
      .mul(Math.PI / 2)
      .sin()
      .square()
      .mul(peak - floor)
      .add(floor);
    return s.less(warmupSteps).where(s.add(1).mul(peak / Math.max(1, warmupSteps)), fall);
  };
}
