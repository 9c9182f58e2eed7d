// Learning rates as functions of the step: linear, cosine, one-cycle and others.

import { checkOptions, scalar, ValueError, type Tensor } from '@tessera/tensor';

/**
 * A learning rate by step: maps the number of earlier steps, a scalar that is 0 at the first step, to the
 * rate, a scalar.
 */
export type Schedule = (step: Tensor) => Tensor;

/**
 * A schedule with the same rate at every step.
 *
 * @example
 * constantSchedule(0.5)(scalar(3, 'int32')); // 0.5
 */
export function constantSchedule(rate: number): Schedule {
  checkRates('constantSchedule', { rate });
  return () => scalar(rate);
}

/** Options of {@link linearSchedule}. */
export interface LinearOptions {
  /** The rate at step 0. */
  readonly start: number;
  /** The rate at `totalSteps` and after. */
  readonly end: number;
  readonly totalSteps: number;
}

/**
 * A schedule along a straight line from `start` to `end`. Step s of n has the rate
 * `start + (end − start) · min(s / n, 1)`.
 *
 * @throws ValueError unless `totalSteps` is above 0.
 * @example
 * linearSchedule({ start: 1, end: 0, totalSteps: 4 })(scalar(1, 'int32')); // 0.75
 */
export function linearSchedule(options: LinearOptions): Schedule {
  checkOptions('linearSchedule', options, ['start', 'end', 'totalSteps']);
  const { start, end, totalSteps } = options;
  checkRates('linearSchedule', { start, end });
  checkPositive('linearSchedule', 'totalSteps', totalSteps);
  return (step) => {
    const left = step.cast('float32').neg().add(totalSteps).maximum(0).div(totalSteps);
    return between(end, start, left);
  };
}

/** Options of {@link stepSchedule}. */
export interface StepScheduleOptions {
  /** The rate at step 0. */
  readonly start: number;
  /** The factor by which each drop multiplies the rate. Default 0.1. */
  readonly factor?: number;
  /** The steps at which the rate drops. A number n means the steps n, 2n, 3n, …; a list names each step. */
  readonly drops: number | readonly number[];
}

/**
 * A schedule whose rate drops at some steps. After k drops it is `start · factorᵏ`.
 *
 * @throws ValueError unless the distance between drops is above 0.
 * @example
 * stepSchedule({ start: 1, factor: 0.5, drops: 10 })(scalar(25, 'int32')); // 0.25
 * stepSchedule({ start: 1, drops: [30, 60] })(scalar(30, 'int32')); // 0.1
 */
export function stepSchedule(options: StepScheduleOptions): Schedule {
  checkOptions('stepSchedule', options, ['start', 'factor', 'drops']);
  const { start, factor = 0.1, drops } = options;
  checkRates('stepSchedule', { start, factor });
  if (typeof drops === 'number') checkPositive('stepSchedule', 'drops', drops);
  return (step) => {
    const s = step.cast('float32');
    const count =
      typeof drops === 'number'
        ? s.div(drops).floor()
        : drops.reduce((sum, at) => sum.add(s.greaterEqual(at).cast('float32')), scalar(0));
    return scalar(factor).pow(count).mul(start);
  };
}

/** Options of {@link exponentialSchedule}. */
export interface ExponentialOptions {
  /** The rate at step 0. */
  readonly start: number;
  /** γ, the factor by which each step multiplies the rate. */
  readonly decay: number;
}

/**
 * A schedule that shrinks by the same factor at each step: `start · γˢ`, computed as `start · exp(s · ln γ)`.
 *
 * @throws ValueError unless γ is above 0.
 * @example
 * exponentialSchedule({ start: 1, decay: 0.5 })(scalar(3, 'int32')); // 0.125
 */
export function exponentialSchedule(options: ExponentialOptions): Schedule {
  checkOptions('exponentialSchedule', options, ['start', 'decay']);
  const { start, decay } = options;
  checkRates('exponentialSchedule', { start });
  checkPositive('exponentialSchedule', 'decay', decay);
  return (step) => step.cast('float32').mul(Math.log(decay)).exp().mul(start);
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
 * A schedule with linear warm-up, then half a cosine down to the floor. With w warm-up steps of n steps, step
 * s has
 *
 *     s < w:  peak · (s + 1) / w
 *     s ≥ w:  floor + ½ (peak − floor) (1 + cos(π (s − w) / (n − w)))
 *
 * The second line is computed as `floor · (1 − r) + peak · r` with `r = sin²(½π (n − s) / (n − w))`. That is
 * the same number. It does not cancel near the end, and it is exact at both ends.
 *
 * Source: Loshchilov & Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", equation 5.
 *
 * @example
 * const schedule = cosineSchedule({ peak: 1e-3, floor: 1e-5, warmupSteps: 100, totalSteps: 2000 });
 * schedule(scalar(0, 'int32')); // 1e-5: the first step of the warm-up
 * schedule(scalar(2000, 'int32')); // 1e-5: the floor
 */
export function cosineSchedule(options: CosineOptions): Schedule {
  checkOptions('cosineSchedule', options, ['peak', 'floor', 'warmupSteps', 'totalSteps']);
  const { peak, floor = 0, warmupSteps = 0, totalSteps } = options;
  checkRates('cosineSchedule', { peak, floor });
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
    const fall = easedBetween(floor, peak, left);
    return s.less(warmupSteps).where(s.add(1).div(Math.max(1, warmupSteps)).mul(peak), fall);
  };
}

/** Options of {@link trapezoidSchedule}. */
export interface TrapezoidOptions {
  /** The rate between warm-up and decay. */
  readonly peak: number;
  /** The rate at `totalSteps` and after. Default 0. */
  readonly floor?: number;
  /** Steps of linear growth from `peak / warmupSteps` to `peak`. Default 0. */
  readonly warmupSteps?: number;
  /** Steps of linear decay to the floor, the last of all. Default 0: the rate stays at its peak. */
  readonly decaySteps?: number;
  readonly totalSteps: number;
}

/**
 * A schedule with linear warm-up, a stable part, and linear decay at the end. With w warm-up steps and d decay steps
 * of n steps, step s has
 *
 *     s < w:      peak · (s + 1) / w
 *     s ≥ n − d:  floor + (peak − floor) (n − s) / d
 *     else:       peak
 *
 * Without a stable part it is linear warm-up and linear decay; without decay it is linear warm-up and a constant.
 *
 * Sources: Zhai et al. 2022, "Scaling vision transformers", section 3.5; Hägele et al. 2024, "Scaling laws and
 * compute-optimal training beyond fixed training durations", section 3.
 *
 * @throws ValueError unless warm-up and decay have room in the steps
 * @example
 * const schedule = trapezoidSchedule({ peak: 1, warmupSteps: 2, decaySteps: 4, totalSteps: 10 });
 * schedule(scalar(5, 'int32')); // 1
 * schedule(scalar(9, 'int32')); // 0.25
 */
export function trapezoidSchedule(options: TrapezoidOptions): Schedule {
  checkOptions('trapezoidSchedule', options, [
    'peak',
    'floor',
    'warmupSteps',
    'decaySteps',
    'totalSteps',
  ]);
  const { peak, floor = 0, warmupSteps = 0, decaySteps = 0, totalSteps } = options;
  checkRates('trapezoidSchedule', { peak, floor });
  checkPositive('trapezoidSchedule', 'totalSteps', totalSteps);
  if (!(warmupSteps >= 0 && decaySteps >= 0 && warmupSteps + decaySteps <= totalSteps)) {
    throw new ValueError(
      'trapezoidSchedule',
      `warmupSteps ${warmupSteps} and decaySteps ${decaySteps} must be at least 0, and together at most totalSteps ${totalSteps}.`,
    );
  }
  return (step) => {
    const s = step.cast('float32');
    const left = s.neg().add(totalSteps).div(Math.max(1, decaySteps)).maximum(0).minimum(1);
    const later = decaySteps === 0 ? scalar(peak) : between(floor, peak, left);
    return s.less(warmupSteps).where(s.add(1).div(Math.max(1, warmupSteps)).mul(peak), later);
  };
}

/** Options of {@link oneCycleSchedule}. */
export interface OneCycleOptions {
  /** The largest rate. */
  readonly peak: number;
  readonly totalSteps: number;
  /** The share of the steps in which the rate rises. Default 0.3. */
  readonly riseShare?: number;
  /** The peak divided by the rate at step 0. Default 25. */
  readonly startDivisor?: number;
  /** The rate at step 0 divided by the rate of the last step. Default 1e4. */
  readonly endDivisor?: number;
}

/**
 * A schedule of one cycle over n steps. Half a cosine leads from `peak / startDivisor` up to the peak at step
 * `riseShare · n − 1`. A second one leads down to `peak / startDivisor / endDivisor` at the last step,
 * `n − 1`.
 *
 * Source: Smith & Topin 2018, "Super-convergence: very fast training of neural networks using large
 * learning rates", section 3, with PyTorch's defaults.
 *
 * @throws ValueError unless the rise and the fall are longer than 0 steps.
 * @example
 * const schedule = oneCycleSchedule({ peak: 0.1, totalSteps: 100 });
 * schedule(scalar(29, 'int32')); // 0.1
 */
export function oneCycleSchedule(options: OneCycleOptions): Schedule {
  checkOptions('oneCycleSchedule', options, [
    'peak',
    'totalSteps',
    'riseShare',
    'startDivisor',
    'endDivisor',
  ]);
  const { peak, totalSteps, riseShare = 0.3, startDivisor = 25, endDivisor = 1e4 } = options;
  checkRates('oneCycleSchedule', { peak });
  const top = riseShare * totalSteps - 1;
  const last = totalSteps - 1;
  if (!(top > 0 && top < last)) {
    throw new ValueError(
      'oneCycleSchedule',
      `the rise must end after step 0 and before step ${last}, but riseShare ${riseShare} of ${totalSteps} steps ends it at step ${top}.`,
    );
  }
  const start = peak / startDivisor;
  const end = start / endDivisor;
  return (step) => {
    const s = step.cast('float32');
    const rise = s.div(top).minimum(1);
    const fall = s
      .neg()
      .add(last)
      .div(last - top)
      .maximum(0);
    const up = easedBetween(start, peak, rise);
    return s.less(top).where(up, easedBetween(end, peak, fall));
  };
}

/** `low + (high − low) · sin²(½π t)` for t from 0 to 1: half a cosine, without cancellation near `low`. */
function easedBetween(low: number, high: number, t: Tensor): Tensor {
  const share = t.mul(Math.PI / 2).sin().square(); // prettier-ignore
  return between(low, high, share);
}

/** `low + (high − low) · t`, exactly `low` at t = 0 and `high` at 1. */
function between(low: number, high: number, t: Tensor): Tensor {
  return t.neg().add(1).mul(low).add(t.mul(high));
}

function checkRates(op: string, rates: Readonly<Record<string, number>>): void {
  for (const [name, rate] of Object.entries(rates)) {
    if (rate >= 0 && rate < Infinity) continue;
    throw new ValueError(op, `${name} must be finite and at least 0, but is ${rate}.`);
  }
}

function checkPositive(op: string, name: string, value: number): void {
  if (value > 0 && value < Infinity) return;
  throw new ValueError(op, `${name} must be finite and above 0, but is ${value}.`);
}
