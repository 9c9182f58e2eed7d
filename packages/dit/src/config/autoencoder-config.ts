// The settings of the autoencoder and of its training, and their schema.

import * as v from 'valibot';
import { batch, channels, nonNegative, positive, steps, whole } from './ranges.ts';

/**
 * Side of the square images of a run that names no other, in pixels: 28×28 digits padded by 2.
 *
 * @example
 * padImages({ images: new Uint8Array(28 * 28), count: 1, rows: 28, columns: 28 }, IMAGE_SIZE).rows; // 32
 */
export const IMAGE_SIZE = 32;

/** Most convolutions of an encoder. All but the first halve the image, until one pixel is left. */
const MAX_CONVOLUTIONS = 1 + Math.log2(IMAGE_SIZE);

/** The convolutional variational autoencoder and its training. */
export interface AutoencoderConfig {
  /** Side of the square images in pixels, a multiple of `pixelShuffle` times 2 to the number of halvings. Default: 32. */
  readonly imageSize?: number;
  /** Channels of an image: 1 for grey, 3 for red, green and blue. Default: 1. */
  readonly imageChannels?: 1 | 3;
  /**
   * Side of the square of pixels that becomes the channels of one place before the first convolution, and that the
   * last one gives: 2 makes a quarter of the places. Default: 1.
   */
  readonly pixelShuffle?: number;
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
  imageSize: v.exactOptional(whole(1, 1024)),
  imageChannels: v.exactOptional(v.picklist([1, 3])),
  pixelShuffle: v.exactOptional(whole(1, IMAGE_SIZE)),
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

/** Sizes of the images of a run. */
export interface ImageShape {
  /** Side of the square in pixels. */
  readonly size: number;
  readonly channels: 1 | 3;
}

/** The sizes of the images that an autoencoder takes and gives. */
export function imageShapeOf({
  imageSize = IMAGE_SIZE,
  imageChannels = 1,
}: Pick<AutoencoderConfig, 'imageSize' | 'imageChannels'>): ImageShape {
  return { size: imageSize, channels: imageChannels };
}

/** Pixels that become one latent pixel, each way. */
export function downscaling({
  channels: widths,
  pixelShuffle = 1,
}: Pick<AutoencoderConfig, 'channels' | 'pixelShuffle'>): number {
  return pixelShuffle * 2 ** (widths.length - 1);
}
