// What stands between the data of a run and its model: an autoencoder, pixels as they are, or given latents.

import { kindOf, ValueError, type Tensor } from '@tessera/tensor';
import type { Autoencoder } from '../autoencoder/autoencoder.ts';
import { checkFields } from '../config/argument-check.ts';
import { codecName } from '../config/codec/codec-rules.ts';
import type { TrainConfig } from '../config/config.ts';
import type { GivenLatents, ImageSet } from '../data/data-set.ts';
import { autoencoderCodec } from './autoencoder-codec.ts';
import { latentCodec } from './latent-codec.ts';
import { pixelCodec } from './pixel-codec.ts';

/** What a codec makes of data: Gaussians, or values alone. */
export interface Encoded {
  /** `[B, C, h, w]` */
  readonly mean: Tensor;
  /** `[B, C, h, w]`. Without it the mean is the latent. */
  readonly logVariance?: Tensor;
}

/** A set of data as the model sees it, for the steps of a training. */
export interface LatentSource {
  readonly count: number;
  /** The factor that brings the latents to what the diffusion starts from. */
  readonly scale: number;
  /** Some of the latents, before the scale. */
  gather(indices: Int32Array): Encoded;
}

/**
 * What stands between the data of a run and its model. {@link codecOf} gives the one of a run.
 *
 * With an autoencoder, data are images and the model sees their latents. On pixels both are the same, and with given
 * latents the data are what the model sees.
 */
export interface Codec {
  /** Data `[B, channels, rows, columns]`, images in [-1, 1], to latents `[B, C, h, w]` before the scale. */
  encode(data: Tensor): Encoded;
  /** Latents `[B, C, h, w]` without the scale to data. */
  decode(latents: Tensor): Tensor;
  /**
   * Makes the first `count` of a data set ready for a training.
   *
   * @throws ValueError if they are latents and images are expected, or the other way round
   */
  prepare(set: ImageSet | GivenLatents, count: number): Promise<LatentSource>;
}

/**
 * The codec of a run.
 *
 * @param config Names the codec; without a name it is the autoencoder.
 * @param autoencoder The trained autoencoder of a run that has one.
 * @throws ValueError if the run has an autoencoder and none is given, or the other way round.
 * @example
 * const codec = codecOf(presetConfig('smoke', { pixels: true }));
 * codec.encode(zeros([2, 1, 32, 32])).mean; // float32[2, 1, 32, 32]
 */
export function codecOf(config: Pick<TrainConfig, 'codec'>, autoencoder?: Autoencoder): Codec {
  checkFields('codecOf', 'config', config, [], 'Make one with presetConfig(…).');
  const name = codecName(config);
  if (name === 'autoencoder') {
    const fields = ['encode', 'decode'];
    checkFields('codecOf', 'autoencoder', autoencoder, fields, 'Give an Autoencoder.');
    return autoencoderCodec(autoencoder as Autoencoder);
  }
  if (autoencoder !== undefined) {
    throw new ValueError(
      'codecOf',
      `autoencoder is ${kindOf(autoencoder)}, but a run of codec ${name} has none. Leave it out.`,
    );
  }
  return name === 'pixels' ? pixelCodec : latentCodec;
}
