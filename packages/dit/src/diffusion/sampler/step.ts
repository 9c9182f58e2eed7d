// What one step of a sampler gives, and where a step adds noise.

import type { Tensor } from '@tessera/tensor';
import type { NoiseSchedule } from '../schedule/schedule.ts';

/** The result of one step of a sampler, both of the shape of x. */
export interface SamplerStep {
  /** x_{t−1} */
  readonly x: Tensor;
  /** The clean latent that the model sees in x_t. */
  readonly xStart: Tensor;
}

/** 0 at the first timestep, where no noise is added, and 1 elsewhere. */
export function noiseMask({ beta }: NoiseSchedule): Float64Array {
  return beta.map((_, j) => (j === 0 ? 0 : 1));
}
