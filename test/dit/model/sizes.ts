import type { ModelConfig } from '../../../packages/dit/src/config/model-config.ts';
import { DiT, latentShape } from '../../../packages/dit/src/model/dit.ts';
import { normal, randomInt, split, tree, type Tensor } from '@tessera/tensor';

/** A model small enough for the cpu backend, complete in every part. */
export const TINY: ModelConfig = {
  inputSize: 4,
  patchSize: 2,
  inChannels: 2,
  hiddenSize: 16,
  depth: 2,
  numHeads: 2,
  mlpRatio: 4,
  classDropoutProb: 0.1,
  numClasses: 5,
  learnSigma: false,
  design: 'adaln-zero',
  position: '2d',
};

/** A model none of whose weights is at its special start: every one is normal with deviation 0.3. */
export function randomModel(config: ModelConfig, key: Tensor): DiT {
  const blank = DiT.blank(config);
  const keys = split(key, tree.leaves(blank).length);
  let next = 0;
  const random = tree.map((leaf) => normal(keys[next++], leaf.shape).mul(0.3), blank);
  return Object.assign(random, { pos_embed: blank.pos_embed });
}

/** Inputs of a model: x `[B, C, I, I]`, t and y `[B]`. */
export function randomInputs(
  config: ModelConfig,
  batch: number,
  key: Tensor,
): { readonly x: Tensor; readonly t: Tensor; readonly y: Tensor } {
  const [xKey, tKey, yKey] = split(key, 3);
  return {
    x: normal(xKey, latentShape(config, batch)),
    t: randomInt(tKey, [batch], 0, 1000),
    y: randomInt(yKey, [batch], 0, config.numClasses),
  };
}

/** The largest absolute difference of two tensors of one shape. */
export function maxDifference(a: Tensor, b: Tensor): number {
  return a.sub(b).abs().max().itemSync();
}
