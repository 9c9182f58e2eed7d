// The settings of the autoencoder and of its training, and their schema.

import * as v from 'valibot';
import { batch, channels, nonNegative, positive, steps } from './ranges.ts';

/**
 * Side of the square images that the autoencoder sees, in pixels: 28×28 digits padded by 2.
 *
 * @example
 * padImages({ images: new Uint8Array(28 * 28), count: 1, rows: 28, columns: 28 }, IMAGE_SIZE).rows; // 32
 */
export const IMAGE_SIZE = 32;

/** Most convolutions of an encoder. All but the first halve the image, until one pixel is left. */
const MAX_CONVOLUTIONS = 1 + Math.log2(IMAGE_SIZE);

/** The convolutional variational autoencoder and its training. */
export interface AutoencoderConfig {
  /** Output channels of the encoder's convolutions; all but the first halve the image. */
  readonly channels: readonly number[];
  /** Channels of a latent. The encoder's last convolution gives twice as many: mean and log-variance. */
  readonly latentChannels: number;
  /** Training steps. */
  readonly steps: number;
  /** Number of images in a step. */
  readonly batch: number;
  /** Peak learning rate of AdamW. */
  readonly learningRate: number;
  /** Weight of the KL term of a whole latent, beside the mean squared error of a pixel. */
  readonly klWeight: number;
}

/** The schema of the autoencoder and its training. */
export const autoencoderSchema: v.GenericSchema<unknown, AutoencoderConfig> = v.strictObject({
  channels: v.pipe(
    v.array(channels),
    v.nonEmpty('must name at least one convolution'),
    v.maxLength(MAX_CONVOLUTIONS, `must name at most ${MAX_CONVOLUTIONS} convolutions`),
  ),
  latentChannels: channels,
  steps,
  batch,
  learningRate: positive,
  klWeight: nonNegative,
});
