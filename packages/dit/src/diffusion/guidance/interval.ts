// Guidance on an interval of timesteps: elsewhere the conditional model alone.

import { kindOf, ValueError } from '@tessera/tensor';

/**
 * The timesteps that are guided, both ends with them, as the model is told them: from 0 (data) to the number
 * of timesteps (noise). Guidance harms at high noise and does nothing at low noise.
 *
 * Source: Kynkäänniemi et al. 2024, "Applying guidance in a limited interval improves sample and distribution
 * quality in diffusion models".
 */
export type GuidanceInterval = readonly [from: number, to: number];

/** Throws a ValueError unless `interval` is two numbers in order. */
export function checkInterval(op: string, interval: GuidanceInterval): void {
  const given: unknown = interval;
  if (Array.isArray(given) && given.length === 2 && given[0] <= given[1] && given[0] >= 0) return;
  const got = Array.isArray(given) ? `[${given.join(', ')}]` : kindOf(given);
  throw new ValueError(op, `interval must be two timesteps in order, [200, 800], but is ${got}.`);
}

/** Whether a timestep lies in an interval; without an interval, all do. */
export function isGuided(time: number, interval: GuidanceInterval | undefined): boolean {
  return interval === undefined || (time >= interval[0] && time <= interval[1]);
}
