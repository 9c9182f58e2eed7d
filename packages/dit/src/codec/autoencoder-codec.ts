// An autoencoder as codec: the model sees the latents of images, which are encoded once.

import { compile, type Tensor } from '@tessera/tensor';
import type { Autoencoder } from '../autoencoder/autoencoder.ts';
import { imagesOf } from '../data/data-set.ts';
import type { Codec, LatentSource } from './codec.ts';
import { encodeLatents, gatherPosteriors, type LatentSet } from './latents.ts';

/** Latents that are encoded already, for the steps of a training. */
function encodedSource(latents: LatentSet): LatentSource {
  const { count, scale } = latents;
  return { count, scale, gather: (indices) => gatherPosteriors(latents, indices) };
}

/** The codec of a trained autoencoder, compiled. */
export function autoencoderCodec(autoencoder: Autoencoder): Codec {
  const encode = compile((model: Autoencoder, images: Tensor) => model.encode(images));
  const decode = compile((model: Autoencoder, latents: Tensor) => model.decode(latents));
  return {
    encode: (images) => encode(autoencoder, images),
    decode: (latents) => decode(autoencoder, latents),
    prepare: async (set, count) =>
      encodedSource(await encodeLatents(autoencoder, imagesOf(set), count)),
  };
}
