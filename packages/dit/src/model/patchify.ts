// Cuts images into patches that become tokens, and puts them back together.

import { Conv2d, Module, type Initializer } from '@tessera/autograd/nn';
import { formatShape, ShapeError, ValueError, type Tensor } from '@tessera/tensor';
import type { Initialization } from './initialization.ts';

/** Sizes of {@link PatchEmbed}. */
export interface PatchEmbedOptions extends Initialization {
  /** Side P of a patch. */
  readonly patchSize: number;
}

/**
 * Patchify and linear embedding in one: a convolution with kernel = stride = P. Token `r · (W/P) + c`
 * is the patch in row r and column c.
 *
 * Source: Peebles & Xie 2023, "Scalable diffusion models with transformers", section 3.2, "Patchify".
 *
 * @example
 * const embed = new PatchEmbed(4, 8, { patchSize: 2, key: key(0), start: officialStart });
 * embed.forward(zeros([1, 4, 16, 16])); // float32[1, 64, 8]
 */
export class PatchEmbed extends Module {
  static override readonly name: string = 'PatchEmbed';
  readonly proj: Conv2d;

  constructor(channels: number, width: number, { patchSize, key, start }: PatchEmbedOptions) {
    super();
    this.proj = new Conv2d(channels, width, {
      key,
      kernelSize: patchSize,
      stride: patchSize,
      init: asMatrix(start.linear),
    });
  }

  /** `[B, C, H, W] → [B, T, D]` with T = (H/P) · (W/P) */
  forward(x: Tensor): Tensor {
    return this.proj
      .forward(x) // [B, D, H/P, W/P]
      .flatten(2) // [B, D, T]
      .transpose(); // [B, T, D]
  }
}

/** Starts a kernel `[D, C, P, P]` as the matrix `[D, C · P · P]` that it is here. */
function asMatrix(initializer: Initializer): Initializer {
  return (key, shape) =>
    initializer(key, [shape[0], shape.slice(1).reduce((a, b) => a * b, 1)]).reshape(shape);
}

/**
 * Cuts images into patches: `[B, C, H, W] → [B, T, P · P · C]` with the patches row by row, and in a
 * patch the pixels row by row with the channel fastest. The inverse of {@link unpatchify}.
 *
 * The kernel of {@link PatchEmbed} orders a patch otherwise, with the channel slowest.
 *
 * @throws ShapeError if P does not divide H and W.
 * @example
 * patchify(zeros([2, 3, 8, 8]), 4).shape; // [2, 4, 48]
 */
export function patchify(images: Tensor, patchSize: number): Tensor {
  const [batch, channels, height, width] = images.shape;
  if (!Number.isSafeInteger(patchSize) || patchSize < 1) {
    throw new ValueError(
      'patchify',
      `patchSize must be a whole number of at least 1, but is ${patchSize}.`,
    );
  }
  if (images.rank !== 4 || height % patchSize !== 0 || width % patchSize !== 0) {
    throw new ShapeError(
      'patchify',
      `images are ${formatShape(images.shape)}, patches ${patchSize}×${patchSize}: [B, C, H, W] with H and W ` +
        `divisible by ${patchSize} expected.`,
      [images.shape],
    );
  }
  const rows = height / patchSize;
  const columns = width / patchSize;
  return images
    .reshape([batch, channels, rows, patchSize, columns, patchSize])
    .permute([0, 2, 4, 3, 5, 1]) // [B, rows, columns, P, P, C]
    .reshape([batch, rows * columns, patchSize * patchSize * channels]);
}

/**
 * Puts tokens back together to images: `[B, T, P · P · C] → [B, C, rows · P, columns · P]`. Feature
 * `(i · P + j) · C + c` of a token is channel c of the pixel in row i and column j of its patch.
 *
 * @param grid Rows and columns of patches.
 * @throws ShapeError if T is not rows · columns, or P · P does not divide the width of the tokens.
 * @example
 * unpatchify(zeros([2, 4, 48]), 4, [2, 2]).shape; // [2, 3, 8, 8]
 */
export function unpatchify(
  tokens: Tensor,
  patchSize: number,
  [rows, columns]: readonly [number, number],
): Tensor {
  const [batch, count, width] = tokens.shape;
  const channels = width / patchSize ** 2;
  if (tokens.rank !== 3 || count !== rows * columns || !Number.isInteger(channels)) {
    throw new ShapeError(
      'unpatchify',
      `tokens are ${formatShape(tokens.shape)}, the grid is ${rows}×${columns} patches of ${patchSize}×${patchSize}: ` +
        `[B, ${rows * columns}, a multiple of ${patchSize ** 2}] expected.`,
      [tokens.shape],
    );
  }
  return tokens
    .reshape([batch, rows, columns, patchSize, patchSize, channels])
    .permute([0, 5, 1, 3, 2, 4]) // [B, C, rows, P, columns, P]
    .reshape([batch, channels, rows * patchSize, columns * patchSize]);
}
