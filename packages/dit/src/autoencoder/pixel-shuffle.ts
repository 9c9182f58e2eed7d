// Squares of pixels as channels, and back.

import type { Tensor } from '@tessera/tensor';

/**
 * Moves every square of `block`×`block` pixels into the channels of one place: `[B, C, H, W]` → `[B, C·block²,
 * H/block, W/block]`. Channels of one colour lie together, in the order of the rows of a square.
 *
 * Source: Shi et al. 2016, "Real-time single image and video super-resolution using an efficient sub-pixel convolutional
 * neural network", the inverse of equation 4.
 */
export function pixelUnshuffle(images: Tensor, block: number): Tensor {
  if (block === 1) return images;
  const [batch, channels, height, width] = images.shape;
  const [rows, columns] = [height / block, width / block];
  return images
    .reshape([batch, channels, rows, block, columns, block])
    .permute([0, 1, 3, 5, 2, 4])
    .reshape([batch, channels * block ** 2, rows, columns]);
}

/** The inverse of {@link pixelUnshuffle}: `[B, C·block², h, w]` → `[B, C, h·block, w·block]`. */
export function pixelShuffle(places: Tensor, block: number): Tensor {
  if (block === 1) return places;
  const [batch, depth, rows, columns] = places.shape;
  const channels = depth / block ** 2;
  return places
    .reshape([batch, channels, block, block, rows, columns])
    .permute([0, 1, 4, 2, 5, 3])
    .reshape([batch, channels, rows * block, columns * block]);
}
