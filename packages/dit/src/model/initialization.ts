// How the weights of a DiT start, and how one random key serves all layers.

import { init, type Initializer } from '@tessera/autograd/nn';
import { checkOptions, checkTensors, split, type Tensor } from '@tessera/tensor';
import { checkFields } from '../config/argument-check.ts';

/** The two random starts of a DiT. Biases start at 0, and so do the layers that the paper starts there. */
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
 * All zeros. They take no memory, for a model that is about to be loaded or only counted.
 *
 * @example
 * blankStart.linear(key(0), [2, 2]); // [[0, 0], [0, 0]]
 */
export const blankStart: WeightStart = { linear: init.zeros(), embedding: init.zeros() };

/** The ingredients of a part of the model. */
export interface Initialization {
  readonly key: Tensor;
  readonly start: WeightStart;
}

/** Throws a ValueError unless these are the ingredients of a part of the model, with no others. */
export function checkInitialization(op: string, initialization: Initialization): void {
  checkOptions(op, initialization, ['key', 'start']);
  const { key, start } = initialization;
  checkTensors(op, { key });
  checkFields(op, 'start', start, ['linear', 'embedding'], 'Use officialStart.');
}

/** One initialization for each of `count` parts, with independent keys. Zeros need none: loading a model draws nothing. */
export function splitInitialization(own: Initialization, count: number): Initialization[] {
  const { key, start } = own;
  if (start === blankStart) return new Array<Initialization>(count).fill(own);
  return split(key, count).map((part) => ({ key: part, start }));
}
