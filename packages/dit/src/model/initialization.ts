// How the weights of a DiT start, and how one random key serves all layers.

import { init, type Initializer } from '@tessera/autograd/nn';
import { split, type Tensor } from '@tessera/tensor';

/** The two random starts of a DiT; biases and everything named zero-initialised start at 0. */
export interface WeightStart {
  /** For linear layers and the patch embedding: Xavier-uniform in the official start. */
  readonly linear: Initializer;
  /** For the label table and the timestep MLP: normal with deviation 0.02 in the official start. */
  readonly embedding: Initializer;
}

/**
 * The official start of DiT.
 *
 * @example
 * officialStart.linear(key(0), [8, 8]).abs().max().lessEqual(Math.sqrt(6 / 16)); // true
 */
export const officialStart: WeightStart = {
  linear: init.xavierUniform(),
  embedding: init.normal(0.02),
};

/**
 * All zeros, which take no memory: for a model that is about to be loaded, or only counted.
 *
 * @example
 * blankStart.linear(key(0), [2, 2]); // [[0, 0], [0, 0]]
 */
export const blankStart: WeightStart = { linear: init.zeros(), embedding: init.zeros() };

/** What a part of the model is made from. */
export interface Initialization {
  readonly key: Tensor;
  readonly start: WeightStart;
}

/** One initialization for each of `count` parts, with independent keys. */
export function splitInitialization(
  { key, start }: Initialization,
  count: number,
): Initialization[] {
  return split(key, count).map((part) => ({ key: part, start }));
}
