// Estimates how much arithmetic a run takes, to warn before it takes hours.

import { checkFields } from '../config/argument-check.ts';
import type { BackendName } from '../config/choices.ts';
import { imageShapeOf, type AutoencoderConfig } from '../config/autoencoder-config.ts';
import type { TrainConfig } from '../config/config.ts';
import { macCount } from '../model/counts.ts';

/** Floating-point operations a second that a backend sustains over a whole run, on two cores of a Zen 4. */
const RATES: Readonly<Partial<Record<BackendName, number>>> = { cpu: 2e9, wasm: 65e9 };

/** Passes of a training step: the forward pass, and the gradients of inputs and of weights. */
const PASSES = 3;

/** What a flow map adds: two forward passes of the flow that it follows, and the derivative along a step. */
const MAP_PASSES = 3;

const CONFIG_HINT = 'Make one with presetConfig(…).';

/** Multiply-adds of the autoencoder's 3×3 convolutions for one image. */
function autoencoderMacs(config: AutoencoderConfig): number {
  const { channels, latentChannels, pixelShuffle = 1 } = config;
  const image = imageShapeOf(config);
  const conv = (side: number, from: number, to: number): number => side * side * 9 * from * to;
  let side = image.size / pixelShuffle;
  let macs = 2 * conv(side, image.channels * pixelShuffle ** 2, channels[0]);
  for (let i = 1; i < channels.length; i++) {
    macs += conv(side / 2, channels[i - 1], channels[i]) + conv(side, channels[i], channels[i - 1]);
    side /= 2;
  }
  return macs + conv(side, channels[channels.length - 1], 3 * latentChannels);
}

/**
 * Estimates the floating-point operations of a run, two for a multiply-add. It counts the convolutions and
 * products in forward and backward passes of both stages. Everything else is small beside them.
 *
 * @example
 * Math.round(Math.log10(trainingFlops(presetConfig('smoke')))); // 12: about 10¹²
 */
export function trainingFlops(config: TrainConfig): number {
  checkFields('trainingFlops', 'config', config, ['model'], CONFIG_HINT);
  const { autoencoder, model } = config;
  const ofModel = config.steps * config.batch * macCount(model);
  // What starts from a run takes over its autoencoder. A frozen model takes less than all passes.
  if (config.from !== undefined) {
    const isMap = config.diffusion.objective === 'mean-flow';
    return 2 * (PASSES + (isMap ? MAP_PASSES : 0)) * ofModel;
  }
  const ofAutoencoder =
    autoencoder === undefined
      ? 0
      : autoencoder.steps * autoencoder.batch * autoencoderMacs(autoencoder);
  return 2 * PASSES * (ofAutoencoder + ofModel);
}

/**
 * Estimates the duration of a run in hours; `undefined` if the speed of the backend is not known.
 *
 * @example
 * const hours = trainingHours(presetConfig('full'));
 * console.log(hours === undefined ? 'unknown' : `about ${hours.toFixed(0)} hours`);
 */
export function trainingHours(config: TrainConfig): number | undefined {
  checkFields('trainingHours', 'config', config, ['model'], CONFIG_HINT);
  const rate = RATES[config.backend];
  return rate === undefined ? undefined : trainingFlops(config) / rate / 3600;
}
