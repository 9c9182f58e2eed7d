// Reads a map over the image, such as depth or a sketch, from a PNG or an npy file.

import { readFile } from 'node:fs/promises';
import { hasPngSignature, type DecodedPng } from 'fast-png';
import { FormatError, fromNpy, npyDType } from '@tessera/tensor';
import { readPng } from '../data/readers/decode-image.ts';
import { nameFile } from '../run/file-error.ts';

/** A grey image. */
interface GreyMap {
  readonly rows: number;
  readonly columns: number;
  /** In [0, 1], or negative where unknown. */
  readonly values: Float32Array;
}

/**
 * Reads a square map of `size` pixels a side. A smaller one is put into the middle of zeros, as images are.
 *
 * A PNG is read as grey, from black (0) to white (1); pixels that are transparent are unknown. An npy file holds
 * `[rows, columns]`: bytes from 0 to 255, or floats in [0, 1], where negative ones are unknown.
 *
 * @returns `[size, size]`, row-major
 * @throws ValueError if the file cannot be read; FormatError if it is no map, or too large
 */
export async function readMap(path: string, size: number): Promise<Float32Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw nameFile('readMap', path, 'read', error);
  }
  const map = hasPngSignature(bytes)
    ? fromPng(readPng('readMap', bytes, path), path)
    : await fromArray(bytes, path);
  const { rows, columns, values } = map;
  if (rows > size || columns > size) {
    throw new FormatError(
      'readMap',
      `${path}: the map is ${rows}×${columns}, but the model takes at most ${size}×${size}. Shrink it first.`,
    );
  }
  const wrong = values.findIndex((value) => !(value <= 1));
  if (wrong !== -1) {
    throw new FormatError(
      'readMap',
      `${path}: the value at row ${Math.floor(wrong / columns)}, column ${wrong % columns} is ${values[wrong]}, expected at most 1. Divide the map by its largest value.`,
    );
  }
  return padded(map, size);
}

function padded({ rows, columns, values }: GreyMap, size: number): Float32Array {
  const [top, left] = [Math.floor((size - rows) / 2), Math.floor((size - columns) / 2)];
  const map = new Float32Array(size ** 2);
  for (let row = 0; row < rows; row++) {
    const line = values.subarray(row * columns, (row + 1) * columns);
    map.set(line, (top + row) * size + left);
  }
  return map;
}

function fromPng(image: DecodedPng, path: string): GreyMap {
  const { width, height, channels, depth, data, palette } = image;
  const white = 2 ** depth - 1;
  const hasAlpha = channels === 2 || channels === 4;
  const colours = hasAlpha ? channels - 1 : channels;
  if (palette !== undefined || depth < 8) {
    throw new FormatError('readMap', `${path}: expected a grey or colour PNG of 8 or 16 bits.`);
  }
  const values = Float32Array.from({ length: width * height }, (_, pixel) => {
    const at = pixel * channels;
    if (hasAlpha && data[at + colours] === 0) return -1;
    let sum = 0;
    for (let channel = 0; channel < colours; channel++) sum += data[at + channel];
    return sum / colours / white;
  });
  return { rows: height, columns: width, values };
}

async function fromArray(bytes: Uint8Array, path: string): Promise<GreyMap> {
  const array = fromNpy(bytes, path);
  const type = npyDType(bytes, path);
  if (array.rank !== 2) {
    throw new FormatError(
      'readMap',
      `${path}: the array has ${array.rank} axes, expected 2: rows and columns.`,
    );
  }
  const scale = type.endsWith('u1') ? 255 : 1;
  const values = Float32Array.from(await array.data(), (value) => value / scale);
  const [rows, columns] = array.shape;
  return { rows, columns, values };
}
