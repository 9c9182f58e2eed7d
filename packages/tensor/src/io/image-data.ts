// Tensors from the pixels of a canvas, and pixels for a canvas from a tensor.

import { checkOptions, checkTensors, kindOf } from '../arguments.ts';
import { tensor } from '../create.ts';
import { expectDType } from '../array/dtype.ts';
import { FormatError, formatShape, ShapeError, ValueError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';

/** The part of the browser's `ImageData` that is read: RGBA bytes, row by row from the top. */
export interface ImageDataLike {
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Options of {@link fromImageData}. */
export interface FromImageDataOptions {
  /** 4: RGBA; 3: RGB; 1: grey, `0.299 R + 0.587 G + 0.114 B`. Default 3. */
  readonly channels?: 1 | 3 | 4;
}

/** RGBA bytes, as `new ImageData(data, width, height)` takes them. */
export interface RgbaImage extends ImageDataLike {
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** Weights of red, green and blue in grey. Source: ITU-R BT.601-7, section 2.5.1. */
const LUMA = [0.299, 0.587, 0.114] as const;

/**
 * Converts an image of a canvas to a tensor `[C, H, W]`, float32 from 0 to 1: byte / 255. It needs no
 * browser; any object with these fields will do.
 *
 * @throws FormatError if the bytes are not 4 · width · height, ValueError for another number of
 * channels.
 * @example
 * const red = { data: Uint8ClampedArray.of(255, 0, 0, 255), width: 1, height: 1 };
 * fromImageData(red); // [[[1]], [[0]], [[0]]]
 */
export function fromImageData(image: ImageDataLike, options: FromImageDataOptions = {}): Tensor {
  checkOptions('fromImageData', options, ['channels']);
  const { channels = 3 } = options;
  const { data, width, height } = expectImage(image);
  const count = width * height;
  if (![width, height].every((n) => Number.isInteger(n) && n >= 0) || data.length !== 4 * count) {
    throw new FormatError(
      'fromImageData',
      `${data.length} bytes do not make an RGBA image of ${width}×${height} (4 per pixel).`,
    );
  }
  if (![1, 3, 4].includes(channels)) {
    throw new ValueError('fromImageData', `channels must be 1, 3 or 4, but is ${channels}.`);
  }
  const elements = new Float32Array(channels * count);
  for (let i = 0; i < count; i++) {
    if (channels === 1) {
      elements[i] = LUMA.reduce((sum, share, c) => sum + share * data[4 * i + c], 0) / 255;
    } else {
      for (let c = 0; c < channels; c++) elements[c * count + i] = data[4 * i + c] / 255;
    }
  }
  return tensor(elements, { shape: [channels, height, width] });
}

/**
 * Converts a tensor to an image for a canvas. Values from 0 to 1 become bytes; values outside are limited to
 * that range.
 *
 * @param x float32 `[C, H, W]`: RGBA if C is 4, opaque RGB if 3, opaque grey if 1; or grey `[H, W]`.
 * @returns the image; resolves when the backend has the elements
 * @throws ShapeError if x is no such image, DTypeError if it is not float32.
 * @example
 * const { data, width, height } = await toImageData(tensor([[0, 0.5, 1]]));
 * // In a browser: canvas.getContext('2d').putImageData(new ImageData(data, width, height), 0, 0)
 */
export async function toImageData(x: Tensor): Promise<RgbaImage> {
  checkTensors('toImageData', { x });
  expectDType('toImageData', x.dtype, ['float32']);
  const [channels, height, width] = x.rank === 2 ? [1, ...x.shape] : x.shape;
  if ((x.rank !== 2 && x.rank !== 3) || ![1, 3, 4].includes(channels)) {
    throw new ShapeError(
      'toImageData',
      `x is ${formatShape(x.shape)}, but [C, H, W] with 1, 3 or 4 channels, or [H, W], is expected.`,
      [x.shape],
    );
  }
  const elements = await x.data();
  const count = width * height;
  const data = new Uint8ClampedArray(4 * count).fill(255);
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < Math.max(3, channels); c++) {
      data[4 * i + c] = 255 * elements[(channels === 1 ? 0 : c * count) + i];
    }
  }
  return { data, width, height };
}

function expectImage(image: ImageDataLike): ImageDataLike {
  if (ArrayBuffer.isView((image as ImageDataLike | null)?.data)) return image;
  throw new FormatError(
    'fromImageData',
    `an image has data, width and height, but got ${kindOf(image)}. Pass context.getImageData(…).`,
  );
}
