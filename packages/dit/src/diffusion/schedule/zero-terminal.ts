// Schedules whose last timestep is noise without any signal.

import { ValueError } from '@tessera/tensor';

/**
 * Shifts and scales `√alphaBar` so that its last value is 0 and its first stays. Common schedules leave
 * some signal at the last timestep, while samplers start there from noise that has none.
 *
 * Source: Lin et al. 2024, "Common diffusion noise schedules and sample steps are flawed", algorithm 1.
 *
 * @throws ValueError if there is only one timestep, or the first has no signal.
 */
export function withoutTerminalSignal(alphaBar: Float64Array): Float64Array {
  const root = alphaBar.map((a) => Math.sqrt(a));
  const [first, last] = [root[0], root[root.length - 1]];
  if (!(first > last)) {
    throw new ValueError(
      'createSchedule',
      `zeroTerminalSnr needs at least 2 timesteps, but there is ${root.length}.`,
    );
  }
  return root.map((r) => (((r - last) * first) / (first - last)) ** 2);
}
