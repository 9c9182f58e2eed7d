// The variance of the noise that each timestep of a full process adds.

import { ValueError } from '@tessera/tensor';
import { checkChoice, checkWhole } from '../../config/argument-check.ts';
import { SCHEDULES, type Schedule } from '../../config/choices.ts';

/**
 * The betas of the full process.
 *
 * - `linear`: evenly spaced from 1e-4 to 2e-2 for 1000 timesteps. For T timesteps both ends are
 *   multiplied by 1000/T.
 * - `squaredcos_cap_v2`: alphaBar falls as `a(u) = cos²(π/2 · (u + 0.008)/1.008)` from u = 0 to 1.
 * - `scaled-linear`: the square roots are evenly spaced, from 8.5e-4 to 1.2e-2 for 1000 timesteps. For T
 *   timesteps both ends are multiplied by 1000/T.
 * - `sigmoid`: alphaBar falls as `a(u) = (σ(3) − σ(6u − 3)) / (σ(3) − σ(−3))` from u = 0 to 1.
 *
 * Where alphaBar is given, beta is `1 − a((j+1)/T) / a(j/T)`, at most 0.999.
 *
 * Sources: Ho et al. 2020, section 4; Nichol & Dhariwal 2021, "Improved denoising diffusion
 * probabilistic models", equation 17; Rombach et al. 2022, "High-resolution image synthesis with latent
 * diffusion models" (ends of `scaled-linear`); Jabri et al. 2022, "Scalable adaptive computation for
 * iterative generation" (`sigmoid`).
 *
 * @throws ValueError if there are too few timesteps for the schedule.
 * @example
 * betaTable('linear', 1000).slice(0, 2); // [0.0001, 0.00011992]
 * betaTable('squaredcos_cap_v2', 1000)[999]; // 0.999
 */
export function betaTable(schedule: Schedule, timesteps: number): Float64Array {
  checkWhole('betaTable', 'timesteps', timesteps, 1);
  checkChoice('betaTable', 'schedule', schedule, SCHEDULES);
  const betas = BETAS[schedule](timesteps);
  const bad = betas.find((beta) => !(beta > 0 && beta <= 1));
  if (bad !== undefined) {
    throw new ValueError(
      'betaTable',
      `${timesteps} ${schedule} timesteps are too few: beta reaches ${bad}, but must lie in (0, 1].`,
    );
  }
  return betas;
}

const BETAS: Readonly<Record<Schedule, (timesteps: number) => Float64Array>> = {
  linear: (timesteps) => evenlySpaced(timesteps, 1e-4, 0.02),
  squaredcos_cap_v2: (timesteps) => betasOf(timesteps, cosineSignal),
  'scaled-linear': (timesteps) =>
    evenlySpaced(timesteps, 0.00085, 0.012, Math.sqrt, (root) => root ** 2),
  sigmoid: (timesteps) => betasOf(timesteps, sigmoidSignal),
};

/** Numbers from `first` to `last` for 1000 timesteps, evenly spaced on the scale of `to`. */
function evenlySpaced(
  timesteps: number,
  first: number,
  last: number,
  to: (beta: number) => number = (beta) => beta,
  back: (scaled: number) => number = (scaled) => scaled,
): Float64Array {
  const scale = 1000 / timesteps;
  const start = to(scale * first);
  const step = timesteps > 1 ? (to(scale * last) - start) / (timesteps - 1) : 0;
  return Float64Array.from({ length: timesteps }, (_, j) => back(start + j * step));
}

/** The betas that leave `signal(u)` of the signal's variance at u, the share of timesteps done. */
function betasOf(timesteps: number, signal: (u: number) => number): Float64Array {
  return Float64Array.from({ length: timesteps }, (_, j) =>
    Math.min(1 - signal((j + 1) / timesteps) / signal(j / timesteps), 0.999),
  );
}

function cosineSignal(u: number): number {
  return Math.cos((((u + 0.008) / 1.008) * Math.PI) / 2) ** 2;
}

function sigmoidSignal(u: number): number {
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  return (sigmoid(3) - sigmoid(6 * u - 3)) / (sigmoid(3) - sigmoid(-3));
}
