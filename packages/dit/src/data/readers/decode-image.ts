// PNG and JPEG files as bytes, one channel behind the other.

import {
  convertIndexedToRgb,
  decode as decodePng,
  hasPngSignature,
  type DecodedPng,
} from 'fast-png';
import jpeg from 'jpeg-js';
import { excerpt, FormatError } from '@tessera/tensor';
import { readJpegFrame } from './jpeg-frame.ts';
import { neededParts } from './png-parts.ts';
import { MOST_MEGAPIXELS, type Raster } from './raster.ts';

/** Pixels as libraries give them: channel beside channel, with an alpha channel or without. */
interface Interleaved {
  readonly width: number;
  readonly height: number;
  /** 1: grey, 2: grey and alpha, 3: RGB, 4: RGB and alpha. */
  readonly channels: number;
  /** The value of white. */
  readonly white: number;
  readonly data: ArrayLike<number>;
}

/** Takes channels apart. What is transparent becomes black, as the border around images is. */
function separated({ width, height, channels, white, data }: Interleaved): Raster {
  const hasAlpha = channels === 2 || channels === 4;
  const colours = hasAlpha ? channels - 1 : channels;
  const area = width * height;
  const pixels = new Uint8Array(colours * area);
  for (let pixel = 0; pixel < area; pixel++) {
    const at = pixel * channels;
    const factor = (hasAlpha ? data[at + colours] / white : 1) * (255 / white);
    for (let colour = 0; colour < colours; colour++) {
      pixels[colour * area + pixel] = Math.round(data[at + colour] * factor);
    }
  }
  return { rows: height, columns: width, channels: colours === 1 ? 1 : 3, pixels };
}

/** Grey samples of less than a byte, which stand in rows of whole bytes. */
function unpackBits(
  data: ArrayLike<number>,
  width: number,
  height: number,
  depth: number,
): Uint8Array {
  const rowBytes = Math.ceil((width * depth) / 8);
  const perByte = 8 / depth;
  return Uint8Array.from({ length: width * height }, (_, pixel) => {
    const column = pixel % width;
    const byte = data[Math.floor(pixel / width) * rowBytes + Math.floor(column / perByte)];
    return (byte >> (8 - depth * (1 + (column % perByte)))) & (2 ** depth - 1);
  });
}

function fromPng(image: DecodedPng): Raster {
  const { width, height, depth, data, palette } = image;
  if (palette !== undefined) {
    const colours = convertIndexedToRgb(image);
    const channels = palette[0].length;
    return separated({ width, height, channels, white: 255, data: colours });
  }
  const samples = depth < 8 ? unpackBits(data, width, height, depth) : data;
  return separated({
    width,
    height,
    channels: image.channels,
    white: 2 ** depth - 1,
    data: samples,
  });
}

function fromJpeg(bytes: Uint8Array): Raster {
  const isGrey = readJpegFrame(bytes) === 1;
  const { width, height, data } = jpeg.decode(bytes, {
    useTArray: true,
    tolerantDecoding: false,
    maxResolutionInMP: MOST_MEGAPIXELS,
  });
  const colour = separated({ width, height, channels: 4, white: 255, data });
  return isGrey
    ? { ...colour, channels: 1, pixels: colour.pixels.slice(0, width * height) }
    : colour;
}

/** Calls a decoder, whose errors become those of the file. */
function decoded<T>(
  op: string,
  kind: 'PNG' | 'JPEG',
  bytes: Uint8Array,
  path: string,
  decode: () => T,
): T {
  try {
    return decode();
  } catch (error) {
    // The decoders stumble over some damage with errors of JavaScript, which say nothing.
    const isOwn = error instanceof Error && error.constructor === Error;
    const problem = isOwn ? excerpt(error.message.replace(/\.$/, ''), 200) : 'it is damaged';
    throw new FormatError(
      op,
      `${path}: the ${kind} of ${bytes.length} bytes cannot be read: ${problem}.`,
    );
  }
}

/**
 * Decodes a PNG. Its pixels are inflated no further than its header promises.
 *
 * @param op the operation that errors name
 * @param path the name of the file in errors
 * @throws FormatError with the byte and the reason if it is damaged
 */
export function readPng(op: string, bytes: Uint8Array, path: string): DecodedPng {
  return decoded(op, 'PNG', bytes, path, () => decodePng(neededParts(bytes)));
}

/**
 * Decodes a PNG or JPEG, by its first bytes, whatever its name is. It takes memory for what the header promises, and
 * refuses a header that promises more than the file can hold.
 *
 * @param path the name of the file in errors
 * @throws FormatError if it is neither, or damaged
 */
export function decodeImage(bytes: Uint8Array, path: string): Raster {
  if (hasPngSignature(bytes.subarray(0, 8))) {
    return decoded('readData', 'PNG', bytes, path, () => fromPng(decodePng(neededParts(bytes))));
  }
  if (bytes[0] === 0xff && bytes[1] === 0xd8) {
    return decoded('readData', 'JPEG', bytes, path, () => fromJpeg(bytes));
  }
  const found =
    bytes.length === 0
      ? 'it is empty'
      : `it begins with the bytes ${[...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}`;
  throw new FormatError('readData', `${path}: ${found}, expected a PNG or a JPEG.`);
}
