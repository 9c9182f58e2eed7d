// Noise schedules: how much noise each timestep holds.

import { checkOptions, ValueError } from '@tessera/tensor';
import { checkChoice } from '../config/choice-check.ts';
import { SCHEDULES, type Schedule } from '../config/choices.ts';
import { respaceTimesteps } from './respacing.ts';

/** Options of {@link createSchedule}. */
export interface ScheduleOptions {
  /** Default `'linear'`, DiT's. */
  readonly schedule?: Schedule;
  /** Timesteps of the forward process. Default 1000. */
  readonly timesteps?: number;
  /** Which of them to keep; see {@link respaceTimesteps}. Default all. */
  readonly respacing?: string | number;
}

/**
 * A noise schedule: for each kept timestep j the numbers that the formulas of diffusion need. With
 * alphaBar_j the share of the signal's variance that is left, alphaBar_{−1} = 1. Every table is
 * float64; {@link coefficient} rounds what a formula uses.
 *
 * Source: Ho et al. 2020, "Denoising diffusion probabilistic models", section 2.
 */
export interface NoiseSchedule {
  /** Number of kept timesteps. */
  readonly timesteps: number;
  /** Number of timesteps of the full process. */
  readonly totalTimesteps: number;
  /** The timestep of the full process for each kept one: what the model is told. */
  readonly timestepMap: Int32Array;
  /** Variance of the noise that step j adds. */
  readonly beta: Float64Array;
  /** `∏ (1 − beta)` up to j. */
  readonly alphaBar: Float64Array;
  /** alphaBar of the kept timestep before; 1 at the first. */
  readonly alphaBarPrev: Float64Array;
  /** alphaBar of the kept timestep after; 0 at the last. */
  readonly alphaBarNext: Float64Array;
  readonly sqrtAlphaBar: Float64Array;
  readonly sqrtOneMinusAlphaBar: Float64Array;
  readonly logOneMinusAlphaBar: Float64Array;
  /** `√(1 / alphaBar)` */
  readonly sqrtRecipAlphaBar: Float64Array;
  /** `√(1 / alphaBar − 1)` */
  readonly sqrtRecipAlphaBarMinusOne: Float64Array;
  /** Variance of q(x_{j−1} | x_j, xStart), 0 at the first. */
  readonly posteriorVariance: Float64Array;
  /** Its logarithm, with the second value in place of the first, whose logarithm is −∞. */
  readonly posteriorLogVariance: Float64Array;
  /** Weight of xStart in the mean of q(x_{j−1} | x_j, xStart). */
  readonly posteriorXStartWeight: Float64Array;
  /** Weight of x_j in that mean. */
  readonly posteriorXTWeight: Float64Array;
}

/**
 * The betas of the full process.
 *
 * - `linear`: evenly spaced from 1e-4 to 2e-2 for 1000 timesteps, both scaled by 1000/T for T.
 * - `squaredcos_cap_v2`: `1 − a((j+1)/T) / a(j/T)` with `a(u) = cos²(π/2 · (u + 0.008)/1.008)`, at
 *   most 0.999.
 *
 * Sources: Ho et al. 2020, section 4; Nichol & Dhariwal 2021, "Improved denoising diffusion
 * probabilistic models", equation 17.
 *
 * @example
 * betaTable('linear', 1000).slice(0, 2); // [0.0001, 0.00011992]
 * betaTable('squaredcos_cap_v2', 1000)[999]; // 0.999
 */
export function betaTable(schedule: Schedule, timesteps: number): Float64Array {
  if (!Number.isSafeInteger(timesteps) || timesteps < 1) {
    throw new ValueError(
      'betaTable',
      `timesteps must be a whole number of at least 1, but is ${timesteps}.`,
    );
  }
  checkChoice('betaTable', 'schedule', schedule, SCHEDULES);
  const betas = schedule === 'linear' ? linearBetas(timesteps) : cosineBetas(timesteps);
  const bad = betas.find((beta) => !(beta > 0 && beta <= 1));
  if (bad !== undefined) {
    throw new ValueError(
      'betaTable',
      `${timesteps} ${schedule} timesteps are too few: beta reaches ${bad}, but must lie in (0, 1].`,
    );
  }
  return betas;
}

function linearBetas(timesteps: number): Float64Array {
  const scale = 1000 / timesteps;
  const first = scale * 1e-4;
  const step = timesteps > 1 ? (scale * 0.02 - first) / (timesteps - 1) : 0;
  return Float64Array.from({ length: timesteps }, (_, j) => first + j * step);
}

function cosineBetas(timesteps: number): Float64Array {
  const signal = (u: number): number => Math.cos((((u + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  return Float64Array.from({ length: timesteps }, (_, j) =>
    Math.min(1 - signal((j + 1) / timesteps) / signal(j / timesteps), 0.999),
  );
}

/**
 * Makes a schedule. Kept timesteps get the betas `1 − alphaBar_s / alphaBar_s'` of their neighbours
 * s' < s in the full process, so that their alphaBar stays what it was.
 *
 * @throws ValueError if there are too few timesteps for the schedule, or the respacing asks for more
 *   than there are.
 * @example
 * const schedule = createSchedule({ respacing: 250 });
 * schedule.timestepMap.slice(0, 3); // [0, 4, 8]
 */
export function createSchedule(options: ScheduleOptions = {}): NoiseSchedule {
  checkOptions('createSchedule', options, ['schedule', 'timesteps', 'respacing']);
  const { schedule = 'linear', timesteps: totalTimesteps = 1000, respacing = '' } = options;
  const fullAlphaBar = runningProduct(betaTable(schedule, totalTimesteps));
  const timestepMap = respaceTimesteps(totalTimesteps, respacing);
  const kept = Float64Array.from(timestepMap, (s) => fullAlphaBar[s]);
  const beta = kept.map((value, j) => 1 - value / (j === 0 ? 1 : kept[j - 1]));
  const alphaBar = runningProduct(beta);
  const alphaBarPrev = alphaBar.map((_, j) => (j === 0 ? 1 : alphaBar[j - 1]));
  const posteriorVariance = beta.map((b, j) => (b * (1 - alphaBarPrev[j])) / (1 - alphaBar[j]));
  return {
    timesteps: timestepMap.length,
    totalTimesteps,
    timestepMap,
    beta,
    alphaBar,
    alphaBarPrev,
    alphaBarNext: alphaBar.map((_, j) => (j + 1 < alphaBar.length ? alphaBar[j + 1] : 0)),
    sqrtAlphaBar: alphaBar.map((a) => Math.sqrt(a)),
    sqrtOneMinusAlphaBar: alphaBar.map((a) => Math.sqrt(1 - a)),
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

/** The table with its second value in place of its first; `alone` where there is no second. */
function withoutFirst(table: Float64Array, alone: number): Float64Array {
  return table.map((value, j) => (j > 0 ? value : table.length > 1 ? table[1] : alone));
}

function runningProduct(betas: Float64Array): Float64Array {
  let product = 1;
  return betas.map((beta) => (product *= 1 - beta));
}
