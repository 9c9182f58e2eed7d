// Samples as pictures show them: images as they are, and latents by how far they lie from 0.

import { codecName } from '../../config/codec/codec-rules.ts';
import type { TrainConfig } from '../../config/config.ts';

/** The latent that is white in a picture, in standard deviations; black is as far below 0. */
const WHITE = 3;

/** Samples of a run in the range of pictures, [-1, 1]: latents of 3 standard deviations become 1. */
export function shown(config: TrainConfig, samples: Float32Array): Float32Array {
  if (codecName(config) !== 'latents') return samples;
  const factor = (config.latentScale ?? 1) / WHITE;
  return samples.map((value) => value * factor);
}
