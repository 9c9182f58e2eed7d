// The randomness of a sampler: its start, and the noise of each step.

import { foldIn, normal, type Tensor } from '@tessera/tensor';
import { checkWhole } from '../../config/argument-check.ts';

/** The randomness of a sampler. */
export interface NoiseSource {
  /** The start of sampling, `[B, C, ...]`. */
  readonly xT: Tensor;
  /** The noise of step n, of the shape of xT. Step 0 is the first, at the last timestep. */
  step(n: number): Tensor;
}

/**
 * Independent standard normal noise for the start and every step, from one key.
 *
 * @example
 * const { xT, step } = randomNoise(key(0), [2, 4, 8, 8]);
 * xT; // float32[2, 4, 8, 8]
 * step(0).equal(xT).max(); // false
 */
export function randomNoise(key: Tensor, shape: readonly number[]): NoiseSource {
  return {
    xT: normal(foldIn(key, 0), shape),
    step: (n) => {
      checkWhole('randomNoise', 'n', n, 0);
      return normal(foldIn(key, n + 1), shape);
    },
  };
}
