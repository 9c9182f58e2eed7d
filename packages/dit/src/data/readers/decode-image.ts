// PNG and JPEG files as bytes, one channel behind the other.

import { convertIndexedToRgb, decode as decodePng, hasPngSignature } from 'fast-png';
import jpeg from 'jpeg-js';
import { excerpt, FormatError } from '@tessera/tensor';
import { luminance } from '../luminance.ts';

/** One image, grey or colour. */
export interface Raster {
  readonly rows: number;
  readonly columns: number;
  readonly channels: 1 | 3;
  /** `[channels, rows, columns]` */
  readonly pixels: Uint8Array;
}

/** Most megapixels of a picture: more are a mistake, or an attack on memory. */
const MOST_MEGAPIXELS = 100;

/** The same image with another number of channels. */
export function withChannels(raster: Raster, channels: 1 | 3): Raster {
  if (raster.channels === channels) return raster;
  if (channels === 1) return { ...raster, channels, pixels: luminance(raster.pixels) };
  const { length } = raster.pixels;
  const pixels = new Uint8Array(3 * length);
  for (let channel = 0; channel < 3; channel++) pixels.set(raster.pixels, channel * length);
  return { ...raster, channels, pixels };
}

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
): number[] {
  const rowBytes = Math.ceil((width * depth) / 8);
  const perByte = 8 / depth;
  return Array.from({ length: width * height }, (_, pixel) => {
    const column = pixel % width;
    const byte = data[Math.floor(pixel / width) * rowBytes + Math.floor(column / perByte)];
    return (byte >> (8 - depth * (1 + (column % perByte)))) & (2 ** depth - 1);
  });
}

function fromPng(bytes: Uint8Array): Raster {
  const image = decodePng(bytes, { checkCrc: true });
  const { width, height, depth, data, palette } = image;
  if (palette !== undefined) {
    const colours = convertIndexedToRgb(image);
    const channels = palette[0]?.length ?? 3;
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

/** Channels of a JPEG by the header of its frame: 1 or 3, or 4 for CMYK. */
function jpegChannels(bytes: Uint8Array): number | undefined {
  let at = 2;
  while (at + 9 < bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1];
    const isFrame =
      marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return bytes[at + 9];
    at += marker === 0xff ? 1 : 2 + bytes[at + 2] * 256 + bytes[at + 3];
  }
  return undefined;
}

function fromJpeg(bytes: Uint8Array): Raster {
  const { width, height, data } = jpeg.decode(bytes, {
    useTArray: true,
    tolerantDecoding: false,
    maxResolutionInMP: MOST_MEGAPIXELS,
  });
  const colour = separated({ width, height, channels: 4, white: 255, data });
  const isGrey = jpegChannels(bytes) === 1;
  return isGrey
    ? { ...colour, channels: 1, pixels: colour.pixels.slice(0, width * height) }
    : colour;
}

/**
 * Decodes a PNG or JPEG, by its first bytes, whatever its name is.
 *
 * @param path the name of the file in errors
 * @throws FormatError if it is neither, or damaged
 */
export function decodeImage(bytes: Uint8Array, path: string): Raster {
  const isPng = hasPngSignature(bytes.subarray(0, 8));
  if (!isPng && !(bytes[0] === 0xff && bytes[1] === 0xd8)) {
    const found =
      bytes.length === 0
        ? 'it is empty'
        : `it begins with the bytes ${[...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}`;
    throw new FormatError('readData', `${path}: ${found}, expected a PNG or a JPEG.`);
  }
  try {
    return isPng ? fromPng(bytes) : fromJpeg(bytes);
  } catch (error) {
    // The decoders stumble over some damage with errors of JavaScript, which say nothing.
    const isOwn = error instanceof Error && error.constructor === Error;
    const problem = isOwn ? excerpt(error.message.replace(/\.$/, '')) : 'it is damaged';
    throw new FormatError(
      'readData',
      `${path}: the ${isPng ? 'PNG' : 'JPEG'} of ${bytes.length} bytes cannot be read: ${problem}.`,
    );
  }
}
