// The small convolutional autoencoder (VAE) that turns images into latents and back.

import {
  checkFunction,
  checkList,
  checkTensors,
  FormatError,
  formatShape,
  key as makeKey,
  normal,
  silu,
  split,
  upsampleNearest2d,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import { Conv2d, init, Module, type Initializer } from '@tessera/autograd/nn';
import { checkFields, checkFinite, checkWhole } from '../config/argument-check.ts';
import { imageShapeOf, type AutoencoderConfig } from '../config/autoencoder-config.ts';
import { pixelShuffle, pixelUnshuffle } from './pixel-shuffle.ts';

/** The diagonal Gaussian that the encoder gives for each image. */
export interface Posterior {
  /** `[B, C, h, w]` */
  readonly mean: Tensor;
  /** `[B, C, h, w]` */
  readonly logVariance: Tensor;
}

/** Largest size of a log-variance; so no deviation overflows or vanishes. */
const LOG_VARIANCE_LIMIT = 20;

/** The part of a configuration that decides the weights of an autoencoder. */
type AutoencoderSizes = Pick<
  AutoencoderConfig,
  'channels' | 'latentChannels' | 'imageChannels' | 'pixelShuffle'
>;

/**
 * A small convolutional variational autoencoder for grey or colour images in [-1, 1].
 *
 * The encoder has a 3×3 convolution for each entry of `channels`; all but the first have stride 2. One
 * more convolution gives the moments of the latent. The decoder mirrors the encoder with nearest-neighbour
 * upsampling. With three entries a `[B, 1, 32, 32]` image becomes a `[B, 4, 8, 8]` latent. With `imageChannels` 3
 * images are `[B, 3, H, W]`. With `pixelShuffle` 2 the convolutions see squares of 2×2 pixels as channels, so two
 * entries lead to the same latent, in a third of the arithmetic.
 *
 * Source: Kingma & Welling 2014, "Auto-encoding variational Bayes". For diffusion on latents: Rombach et
 * al. 2022, "High-resolution image synthesis with latent diffusion models", section 3.1. For squares of pixels: Shi et
 * al. 2016, "Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
 * network", section 3.2.
 *
 * @example
 * const autoencoder = new Autoencoder({ channels: [8, 16, 16], latentChannels: 4 }, key(0));
 * const { mean } = autoencoder.encode(zeros([2, 1, 32, 32])); // float32[2, 4, 8, 8]
 * const images = autoencoder.decode(mean); // float32[2, 1, 32, 32]
 */
export class Autoencoder extends Module {
  static override readonly name: string = 'Autoencoder';
  readonly pixelShuffle: number;
  readonly encoder: readonly Conv2d[];
  readonly toMoments: Conv2d;
  readonly fromLatent: Conv2d;
  readonly decoder: readonly Conv2d[];
  readonly toPixels: Conv2d;

  constructor(config: AutoencoderSizes, key: Tensor, start: Initializer = init.kaimingUniform()) {
    super();
    const example = 'Write { channels: [8, 16, 16], latentChannels: 4 }.';
    checkFields('Autoencoder', 'config', config, ['channels', 'latentChannels'], example);
    const { channels, latentChannels, pixelShuffle: block = 1 } = config;
    const { channels: colours } = imageShapeOf(config);
    checkWhole('Autoencoder', 'imageChannels', colours, 1);
    checkWhole('Autoencoder', 'pixelShuffle', block, 1);
    checkList('Autoencoder', 'channels', channels, '[8, 16, 16]');
    for (const [i, count] of channels.entries()) {
      checkWhole('Autoencoder', `channels[${i}]`, count, 1);
    }
    checkWhole('Autoencoder', 'latentChannels', latentChannels, 1);
    checkTensors('Autoencoder', { key });
    checkFunction('Autoencoder', start);
    if (channels.length === 0) {
      throw new ValueError('Autoencoder', 'channels must name at least one convolution.');
    }
    const keys = split(key, 2 * channels.length + 2);
    const conv = (i: number, from: number, to: number, stride = 1): Conv2d =>
      new Conv2d(from, to, { key: keys[i], kernelSize: 3, stride, padding: 1, init: start });
    const last = channels[channels.length - 1];
    const depth = colours * block ** 2;
    this.pixelShuffle = block;
    this.encoder = channels.map((to, i) =>
      i === 0 ? conv(i, depth, to) : conv(i, channels[i - 1], to, 2),
    );
    this.toMoments = conv(channels.length, last, 2 * latentChannels);
    this.fromLatent = conv(channels.length + 1, latentChannels, last);
    this.decoder = channels
      .slice(1)
      .map((_, i) =>
        conv(
          channels.length + 2 + i,
          channels[channels.length - 1 - i],
          channels[channels.length - 2 - i],
        ),
      );
    this.toPixels = conv(2 * channels.length + 1, channels[0], depth);
  }

  /** An autoencoder of zeros that take no memory, to fill with `loadTensors`. */
  static blank(config: AutoencoderSizes): Autoencoder {
    return new Autoencoder(config, makeKey(0), init.zeros());
  }

  /** `[B, 1 | 3, H, W]` images in [-1, 1] → mean and log-variance of their latents. */
  encode(images: Tensor): Posterior {
    checkTensors('Autoencoder.encode', { images });
    const { pixelShuffle: block } = this;
    const factor = block * 2 ** this.decoder.length;
    const colours = this.encoder[0].weight.shape[1] / block ** 2;
    if (
      images.rank !== 4 ||
      images.shape[1] !== colours ||
      images.shape[2] % factor !== 0 ||
      images.shape[3] % factor !== 0
    ) {
      throw new FormatError(
        'Autoencoder.encode',
        `images are ${formatShape(images.shape)}, expected [B, ${colours}, H, W] with H and W multiples of ${factor}.`,
      );
    }
    const features = this.encoder.reduce(
      (x, conv) => silu(conv.forward(x)),
      pixelUnshuffle(images, block),
    );
    const [mean, logVariance] = this.toMoments.forward(features).chunk(2, 1);
    return {
      mean,
      logVariance: logVariance.maximum(-LOG_VARIANCE_LIMIT).minimum(LOG_VARIANCE_LIMIT),
    };
  }

  /** `[B, C, h, w]` latents → `[B, 1 | 3, H, W]` images, about in [-1, 1]. */
  decode(latents: Tensor): Tensor {
    checkTensors('Autoencoder.decode', { latents });
    const features = this.decoder.reduce(
      (x, conv) => silu(conv.forward(upsampleNearest2d(x, 2))),
      silu(this.fromLatent.forward(latents)),
    );
    return pixelShuffle(this.toPixels.forward(features), this.pixelShuffle);
  }
}

/**
 * Draws a latent from a posterior: `mean + e^(logVariance/2) · ε`.
 *
 * @example
 * const posterior = { mean: ones([1, 4, 8, 8]), logVariance: full([1, 4, 8, 8], -20) };
 * samplePosterior(posterior, key(0)).mean(); // 1.000
 */
export function samplePosterior(posterior: Posterior, key: Tensor): Tensor {
  const fields = ['mean', 'logVariance'];
  checkFields('samplePosterior', 'posterior', posterior, fields, 'Autoencoder.encode gives one.');
  const { mean, logVariance } = posterior;
  checkTensors('samplePosterior', { mean, logVariance, key });
  return mean.add(logVariance.mul(0.5).exp().mul(normal(key, mean.shape)));
}

/**
 * The autoencoder's loss: the mean squared error of a pixel, plus `klWeight` times the divergence
 * `KL(posterior ‖ N(0, 1)) = ½ Σ (mean² + e^logVariance − 1 − logVariance)` of one latent.
 *
 * Source: Kingma & Welling 2014, "Auto-encoding variational Bayes", equation 10.
 *
 * @example
 * const model = new Autoencoder({ channels: [4, 8], latentChannels: 2 }, key(0));
 * const images = uniform(key(1), [2, 1, 8, 8], -1, 1);
 * const { value, grads } = valueAndGrad(autoencoderLoss)(model, images, key(2), 1e-4);
 * value; // float32[]
 */
export function autoencoderLoss(
  model: Autoencoder,
  images: Tensor,
  key: Tensor,
  klWeight: number,
): Tensor {
  const hint = 'Give an Autoencoder.';
  checkFields('autoencoderLoss', 'model', model, ['encode', 'decode'], hint);
  checkTensors('autoencoderLoss', { images, key });
  checkFinite('autoencoderLoss', 'klWeight', klWeight);
  const posterior = model.encode(images);
  const reconstruction = model.decode(samplePosterior(posterior, key));
  const { mean, logVariance } = posterior;
  const divergence = mean.square().add(logVariance.exp()).sub(1).sub(logVariance).mul(0.5);
  const error = reconstruction.sub(images).square().mean();
  return error.add(divergence.sum([1, 2, 3]).mean().mul(klWeight));
}
