// Pixels as codec: the model sees images in [-1, 1] as they are.

import { tensor } from '@tessera/tensor';
import { gatherImages } from '../data/batches.ts';
import { imagesOf } from '../data/data-set.ts';
import type { Codec } from './codec.ts';

/**
 * The codec `pixels`. Images stay bytes until a step asks for them, and their scale is 1, as that of Li & He 2025,
 * "Back to basics: let denoising generative models denoise".
 */
export const pixelCodec: Codec = {
  encode: (images) => ({ mean: images }),
  decode: (latents) => latents,
  prepare(set, count) {
    const images = imagesOf(set);
    const { channels = 1, rows, columns } = images;
    return Promise.resolve({
      count,
      scale: 1,
      gather: (indices) => ({
        mean: tensor(gatherImages(images, indices), {
          shape: [indices.length, channels, rows, columns],
        }),
      }),
    });
  },
};
