// Both halves of the autoencoder of a run, as functions.

import { toOnnx, type OnnxModel } from '@tessera/onnx';
import { ValueError, type Tensor } from '@tessera/tensor';
import { codecName } from '../../config/codec/codec-rules.ts';
import { latentShape } from '../../model/dit.ts';
import type { TrainedRun } from '../../sample/trained-run.ts';

/**
 * Writes the decoder of a run: `latents` of the diffusion `[B, C, h, w]`, of about unit variance, to `images`
 * `[B, channels, rows, columns]`, about in [-1, 1].
 *
 * @throws ValueError for a run without an autoencoder
 */
export function decoderModel(run: TrainedRun, batch: number): Promise<OnnxModel> {
  checkAutoencoder(run, 'decoder');
  const { codec, config, model } = run;
  const latents = { shape: latentShape(model.config, batch), dtype: 'float32' } as const;
  const decoder = (inputs: { readonly latents: Tensor }): { readonly images: Tensor } => ({
    images: codec.decode(inputs.latents.div(config.latentScale)),
  });
  return toOnnx(decoder, { latents });
}

/**
 * Writes the encoder of a run: `images` `[B, channels, rows, columns]` in [-1, 1] to the means of their `latents`, as
 * the diffusion has them.
 *
 * @throws ValueError for a run without an autoencoder
 */
export function encoderModel(run: TrainedRun, batch: number): Promise<OnnxModel> {
  checkAutoencoder(run, 'encoder');
  const { codec, config } = run;
  const { channels, size } = run.imageShape;
  const images = { shape: [batch, channels, size, size], dtype: 'float32' } as const;
  const encoder = (inputs: { readonly images: Tensor }): { readonly latents: Tensor } => ({
    latents: codec.encode(inputs.images).mean.mul(config.latentScale),
  });
  return toOnnx(encoder, { images });
}

function checkAutoencoder({ config }: TrainedRun, what: string): void {
  const name = codecName(config);
  if (name === 'autoencoder') return;
  throw new ValueError(
    'export',
    `a run of codec ${name} has no ${what}: its model sees the data themselves. Export its denoiser.`,
  );
}
