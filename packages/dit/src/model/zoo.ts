// The twelve published DiT models, and what any model costs.

import { countParameters } from '@tessera/autograd/nn';
import type { ModelConfig } from '../config/model-config.ts';
import { blockDesigns } from './blocks/designs.ts';
import { contextLength } from './conditions/conditions.ts';
import { checkConfig, DiT, gridSize, outChannels } from './dit.ts';
import { FREQUENCY_WIDTH } from './timestep.ts';

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
 * gridSize(config); // 32
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

/**
 * Counts the trained values of a model without making its weights.
 *
 * @example
 * parameterCount(zoo['DiT-XL/2']); // 674834720
 */
export function parameterCount(config: ModelConfig): number {
  checkConfig('parameterCount', config);
  return countParameters(DiT.blank(config));
}

/**
 * Counts the multiply-adds of a forward pass for one image: all matrix products of the embedders, the
 * blocks and the decoder. The paper calls them flops.
 *
 * Source: agrees with Peebles & Xie 2023, table 4, within 0.025 · 10⁹. That is 0.02 % of XL/2 and 0.6 % of
 * S/8. The paper rounds to 0.01 · 10⁹, and does not say what it counts beside the products.
 *
 * @example
 * macCount(zoo['DiT-XL/2']) / 1e9; // 118.621
 */
export function macCount(config: ModelConfig): number {
  checkConfig('macCount', config);
  const { hiddenSize: width, patchSize, inChannels, depth } = config;
  const tokens = gridSize(config) ** 2;
  const design = blockDesigns[config.design];
  const sizes = { width, heads: config.numHeads, hidden: Math.floor(width * config.mlpRatio) };
  const { conditions } = DiT.blank({ ...config, depth: 1 });
  const context = contextLength(conditions);
  const heard = Object.values(conditions).reduce((sum, each) => sum + each.macs(tokens), 0);
  // A flow map embeds two times, the begin and the end of a step.
  const times = config.decoderDepth === undefined ? 1 : 2;
  const embedders =
    tokens * patchSize ** 2 * inChannels * width + times * (FREQUENCY_WIDTH * width + width ** 2);
  const modulation = design.adaptiveFinalLayer ? 2 * width ** 2 : 0;
  const decoder = tokens * patchSize ** 2 * outChannels(config) * width + modulation;
  return embedders + heard + depth * design.blockMacs(sizes, tokens, context) + decoder;
}
