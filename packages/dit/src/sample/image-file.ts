// Reads an image to change, and the mask that says where.

import { readFile } from 'node:fs/promises';
import { FormatError, fromNpy, npyDType, ValueError } from '@tessera/tensor';
import type { ImageShape } from '../config/autoencoder-config.ts';
import { scalePixels } from '../data/batches.ts';
import { fitRaster } from '../data/fit-images.ts';
import { decodeImage } from '../data/readers/decode-image.ts';
import { withChannels, type Raster } from '../data/readers/raster.ts';
import { nameFile } from '../run/file-error.ts';
import { readMap } from './map-file.ts';

/**
 * Reads an image with the channels of a run, as training reads its images: a PNG, a JPEG or an npy file. A smaller one
 * is put into the middle of black; colour becomes grey, and grey has three equal channels, where the run wants it so.
 *
 * An npy file holds `[rows, columns]` or `[rows, columns, channels]`: bytes from 0 to 255, or floats in [0, 1].
 *
 * @returns `[channels, size, size]` in [-1, 1], row-major
 * @throws ValueError if the file cannot be read; FormatError if it is no image, or too large
 */
export async function readImage(
  path: string,
  { size, channels }: ImageShape,
): Promise<Float32Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw nameFile('readImage', path, 'read', error);
  }
  const isArray = bytes[0] === FIRST_OF_NPY;
  const found = isArray ? await fromArray(bytes, path) : decodeImage(bytes, path);
  const { rows, columns, pixels } = withChannels(found, channels);
  if (rows > size || columns > size) {
    throw new FormatError(
      'readImage',
      `${path}: the image is ${rows}×${columns}, but the model takes at most ${size}×${size}. Shrink it first.`,
    );
  }
  const square = new Uint8Array(channels * size ** 2);
  const from = { rows, columns };
  for (let channel = 0; channel < channels; channel++) {
    const plane = pixels.subarray(channel * rows * columns, (channel + 1) * rows * columns);
    const part = square.subarray(channel * size ** 2, (channel + 1) * size ** 2);
    fitRaster(plane, from, { scaled: from, how: 'pad' }, size, part);
  }
  return scalePixels(square);
}

/** The first byte of an npy file. Neither PNG nor JPEG begins with it. */
const FIRST_OF_NPY = 0x93;

/** An array as a raster, whose channels stand one behind the other. */
async function fromArray(bytes: Uint8Array, path: string): Promise<Raster> {
  const array = fromNpy(bytes, path);
  const [rows, columns, channels = 1] = array.shape;
  if (!(array.rank === 2 || array.rank === 3) || (channels !== 1 && channels !== 3)) {
    throw new FormatError(
      'readImage',
      `${path}: the array is [${array.shape.join(', ')}], expected [rows, columns], or [rows, columns, channels] with 1 or 3 channels.`,
    );
  }
  const values = await array.data();
  const white = npyDType(bytes, path).endsWith('u1') ? 255 : 1;
  const bad = values.findIndex((value) => !(value >= 0 && value <= white));
  if (bad !== -1) {
    const pixel = Math.floor(bad / channels);
    throw new FormatError(
      'readImage',
      `${path}: the value at row ${Math.floor(pixel / columns)}, column ${pixel % columns} is ${values[bad]}, expected bytes, or floats from 0 to 1.`,
    );
  }
  const area = rows * columns;
  const pixels = Uint8Array.from({ length: channels * area }, (_, i) =>
    Math.round((255 / white) * values[(i % area) * channels + Math.floor(i / area)]),
  );
  return { rows, columns, channels, pixels };
}

/**
 * Reads a mask as {@link readMap} does: what is at least half white is drawn, the rest is known.
 *
 * @returns `[size, size]`: 1 where pixels are drawn
 * @throws ValueError if nothing is to be drawn
 */
export async function readMask(path: string, size: number): Promise<Uint8Array> {
  const mask = Uint8Array.from(await readMap(path, size), (value) => (value >= 0.5 ? 1 : 0));
  if (mask.includes(1)) return mask;
  throw new ValueError(
    'readMask',
    `${path}: nothing is white, so that nothing is to be drawn. Paint what is to be drawn white.`,
  );
}

/**
 * A mask for latents: a place is drawn if any pixel of its square is, so that what counts as known is known whole.
 *
 * @param mask `[size, size]`: 1 where pixels are drawn
 * @param side of the latents, a divisor of size
 * @returns `[side, side]`
 */
export function latentMask(mask: Uint8Array, size: number, side: number): Uint8Array {
  const square = size / side;
  const small = new Uint8Array(side ** 2);
  mask.forEach((drawn, pixel) => {
    const [row, column] = [Math.floor(pixel / size), pixel % size];
    if (drawn === 1) small[Math.floor(row / square) * side + Math.floor(column / square)] = 1;
  });
  return small;
}
