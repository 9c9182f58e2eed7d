// Noise schedules: how much noise each timestep holds.

import { checkOptions } from '@tessera/tensor';
import { checkFields, checkFlag } from '../../config/argument-check.ts';
import type { Schedule } from '../../config/choices.ts';
import { betaTable } from './betas.ts';
import { respaceTimesteps } from './respacing.ts';
import { withoutTerminalSignal } from './zero-terminal.ts';

/** Options of {@link createSchedule}. */
export interface ScheduleOptions {
  /** Default `'linear'`, DiT's. */
  readonly schedule?: Schedule;
  /** Timesteps of the forward process. Default 1000. */
  readonly timesteps?: number;
  /** Which timesteps to keep; see {@link respaceTimesteps}. Default: all. */
  readonly respacing?: string | number;
  /** Whether the last timestep of the process is noise without any signal. Default false. */
  readonly zeroTerminalSnr?: boolean;
}

/**
 * A noise schedule: the numbers that the formulas of diffusion need, for each kept timestep j.
 * alphaBar_j is the share of the signal's variance that is left at j; alphaBar_{−1} is 1. Every table is
 * float64; {@link coefficient} rounds the values that a formula uses.
 *
 * Source: Ho et al. 2020, "Denoising diffusion probabilistic models", section 2.
 */
export interface NoiseSchedule {
  /** Number of kept timesteps. */
  readonly timesteps: number;
  /** Number of timesteps of the full process. */
  readonly totalTimesteps: number;
  /** The timestep of the full process for each kept one. The model is given this number. */
  readonly timestepMap: Int32Array;
  /** Variance of the noise that step j adds. */
  readonly beta: Float64Array;
  /** `∏ (1 − beta)` up to j. */
  readonly alphaBar: Float64Array;
  /** alphaBar of the kept timestep before j; 1 at the first. */
  readonly alphaBarPrev: Float64Array;
  /** alphaBar of the kept timestep after j; 0 at the last. */
  readonly alphaBarNext: Float64Array;
  /** `1 − alphaBar`, the variance of the noise. */
  readonly oneMinusAlphaBar: Float64Array;
  readonly sqrtAlphaBar: Float64Array;
  readonly sqrtOneMinusAlphaBar: Float64Array;
  readonly sqrtAlphaBarPrev: Float64Array;
  readonly sqrtAlphaBarNext: Float64Array;
  readonly sqrtOneMinusAlphaBarNext: Float64Array;
  readonly logOneMinusAlphaBar: Float64Array;
  /** `√(1 / alphaBar)` */
  readonly sqrtRecipAlphaBar: Float64Array;
  /** `√(1 / alphaBar − 1)` */
  readonly sqrtRecipAlphaBarMinusOne: Float64Array;
  /** Variance of q(x_{j−1} | x_j, xStart), 0 at the first. */
  readonly posteriorVariance: Float64Array;
  /** Logarithm of `posteriorVariance`. The second value also stands at the first, whose own is −∞. */
  readonly posteriorLogVariance: Float64Array;
  /** Weight of xStart in the mean of q(x_{j−1} | x_j, xStart). */
  readonly posteriorXStartWeight: Float64Array;
  /** Weight of x_j in that mean. */
  readonly posteriorXTWeight: Float64Array;
}

/**
 * Makes a schedule. A kept timestep s gets the beta `1 − alphaBar_s / alphaBar_s'`, where s' is the kept
 * timestep before it. So its alphaBar stays that of the full process.
 *
 * @throws ValueError if there are too few timesteps for the schedule, or the respacing asks for more
 *   than there are.
 * @example
 * const schedule = createSchedule({ respacing: 250 });
 * schedule.timestepMap.slice(0, 3); // [0, 4, 8]
 */
export function createSchedule(options: ScheduleOptions = {}): NoiseSchedule {
  const known = ['schedule', 'timesteps', 'respacing', 'zeroTerminalSnr'] as const;
  checkOptions('createSchedule', options, known);
  const {
    schedule = 'linear',
    timesteps: totalTimesteps = 1000,
    respacing = '',
    zeroTerminalSnr = false,
  } = options;
  checkFlag('createSchedule', 'zeroTerminalSnr', zeroTerminalSnr);
  const published = runningProduct(betaTable(schedule, totalTimesteps));
  const fullAlphaBar = zeroTerminalSnr ? withoutTerminalSignal(published) : published;
  const timestepMap = respaceTimesteps(totalTimesteps, respacing);
  const kept = Float64Array.from(timestepMap, (s) => fullAlphaBar[s]);
  const beta = kept.map((value, j) => 1 - value / (j === 0 ? 1 : kept[j - 1]));
  const alphaBar = runningProduct(beta);
  const alphaBarPrev = alphaBar.map((_, j) => (j === 0 ? 1 : alphaBar[j - 1]));
  const alphaBarNext = alphaBar.map((_, j) => (j + 1 < alphaBar.length ? alphaBar[j + 1] : 0));
  const posteriorVariance = beta.map((b, j) => (b * (1 - alphaBarPrev[j])) / (1 - alphaBar[j]));
  return {
    timesteps: timestepMap.length,
    totalTimesteps,
    timestepMap,
    beta,
    alphaBar,
    alphaBarPrev,
    alphaBarNext,
    oneMinusAlphaBar: alphaBar.map((a) => 1 - a),
    sqrtAlphaBar: alphaBar.map((a) => Math.sqrt(a)),
    sqrtOneMinusAlphaBar: alphaBar.map((a) => Math.sqrt(1 - a)),
    sqrtAlphaBarPrev: alphaBarPrev.map((a) => Math.sqrt(a)),
    sqrtAlphaBarNext: alphaBarNext.map((a) => Math.sqrt(a)),
    sqrtOneMinusAlphaBarNext: alphaBarNext.map((a) => Math.sqrt(1 - a)),
    logOneMinusAlphaBar: alphaBar.map((a) => Math.log(1 - a)),
    sqrtRecipAlphaBar: alphaBar.map((a) => Math.sqrt(1 / a)),
    sqrtRecipAlphaBarMinusOne: alphaBar.map((a) => Math.sqrt(1 / a - 1)),
    posteriorVariance,
    posteriorLogVariance: withoutFirst(posteriorVariance, beta[0]).map((v) => Math.log(v)),
    posteriorXStartWeight: beta.map((b, j) => (b * Math.sqrt(alphaBarPrev[j])) / (1 - alphaBar[j])),
    posteriorXTWeight: beta.map(
      (b, j) => ((1 - alphaBarPrev[j]) * Math.sqrt(1 - b)) / (1 - alphaBar[j]),
    ),
  };
}

/** Throws a ValueError unless `schedule` is one that {@link createSchedule} makes. */
export function checkSchedule(op: string, schedule: NoiseSchedule): void {
  const fields = ['timesteps', 'timestepMap', 'alphaBar'];
  checkFields(op, 'schedule', schedule, fields, 'Make one with createSchedule(…).');
}

/** The table with its second value in place of its first; `alone` where there is no second. */
function withoutFirst(table: Float64Array, alone: number): Float64Array {
  return table.map((value, j) => (j > 0 ? value : table.length > 1 ? table[1] : alone));
}

function runningProduct(betas: Float64Array): Float64Array {
  let product = 1;
  return betas.map((beta) => (product *= 1 - beta));
}
