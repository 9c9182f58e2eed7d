// The twelve published DiT models.

import type { ModelConfig } from '../config/model-config.ts';

/** Sizes of the published models. */
export type ZooSize = 'S' | 'B' | 'L' | 'XL';

/** Patch sizes of the published models. */
export type ZooPatch = 2 | 4 | 8;

/** Names of the published models. */
export type ZooName = `DiT-${ZooSize}/${ZooPatch}`;

function published(size: ZooSize, patchSize: ZooPatch): ModelConfig {
  const [depth, hiddenSize, numHeads] = SIZES[size];
  return {
    inputSize: 32,
    patchSize,
    inChannels: 4,
    hiddenSize,
    depth,
    numHeads,
    mlpRatio: 4,
    classDropoutProb: 0.1,
    numClasses: 1000,
    learnSigma: true,
    design: 'adaln-zero',
    position: '2d',
  };
}

/** Depth, width and heads. */
const SIZES: Readonly<Record<ZooSize, readonly [number, number, number]>> = {
  S: [12, 384, 6],
  B: [12, 768, 12],
  L: [24, 1024, 16],
  XL: [28, 1152, 16],
};

/**
 * The published models, for ImageNet at 256×256 (latents of 4×32×32). With `inputSize: 64` they are those
 * for 512×512.
 *
 * Source: Peebles & Xie 2023, table 1 and section 3.2.
 *
 * @example
 * const config: ModelConfig = { ...zoo['DiT-XL/2'], inputSize: 64 };
 * patchGrid(config); // [32, 32]
 */
export const zoo: Readonly<Record<ZooName, ModelConfig>> = {
  'DiT-S/2': published('S', 2),
  'DiT-S/4': published('S', 4),
  'DiT-S/8': published('S', 8),
  'DiT-B/2': published('B', 2),
  'DiT-B/4': published('B', 4),
  'DiT-B/8': published('B', 8),
  'DiT-L/2': published('L', 2),
  'DiT-L/4': published('L', 4),
  'DiT-L/8': published('L', 8),
  'DiT-XL/2': published('XL', 2),
  'DiT-XL/4': published('XL', 4),
  'DiT-XL/8': published('XL', 8),
};
