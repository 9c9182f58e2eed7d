// The variance of the noise that each timestep of a full process adds.

import { ValueError } from '@tessera/tensor';
import { checkChoice, checkWhole } from '../../config/argument-check.ts';
import { SCHEDULES, type Schedule } from '../../config/choices.ts';

/**
 * The betas of the full process.
 *
 * - `linear`: evenly spaced from 1e-4 to 2e-2 for 1000 timesteps. For T timesteps both ends are
 *   multiplied by 1000/T.
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
  checkWhole('betaTable', 'timesteps', timesteps, 1);
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
