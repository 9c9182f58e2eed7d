// The rules of a run that trains an autoencoder: the model sees its latents.

import { ValueError } from '@tessera/tensor';
import {
  downscaling,
  IMAGE_SIZE,
  imageShapeOf,
  type AutoencoderConfig,
} from '../autoencoder-config.ts';
import type { TrainConfig } from '../config.ts';
import { formatSides, sidesOf } from '../ranges.ts';
import type { CodecRules } from './codec-rules.ts';

/** The settings of the autoencoder. Throws a ValueError if there are none. */
function autoencoderOf({ autoencoder }: TrainConfig): AutoencoderConfig {
  if (autoencoder !== undefined) return autoencoder;
  throw new ValueError('train', 'the configuration has no autoencoder. presetConfig(…) has one.');
}

/**
 * An autoencoder for images of this size and these channels. What is as usual stays unsaid. The KL term of a whole
 * latent stands beside the error of a mean pixel. So its weight falls as the pixels become more; otherwise the same
 * detail would weigh less in a larger image, and a colour less than a stroke.
 */
function autoencoderFor(
  { imageSize = IMAGE_SIZE, imageChannels = 1, klWeight, ...rest }: AutoencoderConfig,
  size: number,
  channels: number,
): AutoencoderConfig {
  return {
    ...(size !== IMAGE_SIZE && { imageSize: size }),
    ...(channels === 3 && { imageChannels: channels }),
    ...rest,
    klWeight: klWeight * ((imageChannels * imageSize ** 2) / (channels * size ** 2)),
  };
}

/** The rules of the codec `autoencoder`. */
export const autoencoderRules: CodecRules = {
  downscaling: (config) => downscaling(autoencoderOf(config)),
  imageShape: (config) => imageShapeOf(autoencoderOf(config)),
  problem({ autoencoder, model }) {
    if (autoencoder === undefined) return 'autoencoder: missing';
    const { size } = imageShapeOf(autoencoder);
    const latentSize = size / downscaling(autoencoder);
    if (!Number.isInteger(latentSize)) {
      return `autoencoder.imageSize ${size} is no multiple of ${downscaling(autoencoder)}, by which this autoencoder shrinks images`;
    }
    if (sidesOf(model.inputSize).some((side) => side !== latentSize)) {
      return `model.inputSize is ${formatSides(model.inputSize)}, but this autoencoder turns ${size}×${size} images into ${latentSize}×${latentSize} latents`;
    }
    return model.inChannels === autoencoder.latentChannels
      ? undefined
      : `model.inChannels is ${model.inChannels}, but autoencoder.latentChannels is ${autoencoder.latentChannels}`;
  },
  fitted(config, [channels, size]) {
    const autoencoder = autoencoderOf(config);
    return {
      autoencoder: autoencoderFor(autoencoder, size, channels),
      model: { ...config.model, inputSize: size / downscaling(autoencoder) },
    };
  },
};
