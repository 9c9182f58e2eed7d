// Animations from frames of pixels: GIF and APNG.

import { crc32 } from 'node:zlib';
import { ValueError } from '@tessera/tensor';
import type { Library as Gifenc } from 'gifenc';

/** One frame: rows of pixels, channel beside channel. */
export interface Frame {
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
  /** 1 for grey, 3 for red, green and blue. */
  readonly channels: 1 | 3;
}

/** The kinds of animations. */
export type AnimationFormat = 'gif' | 'apng';

/** How long a frame is shown, in milliseconds. */
const DELAY = 120;

/** How long the last frame is shown, in milliseconds. */
const LAST_DELAY = 1500;

/** The greys of a GIF. */
const GREYS = Array.from({ length: 256 }, (_, grey) => [grey, grey, grey]);

/**
 * Encodes frames of one size as an animation that goes on for ever. Its last frame stays a while. A GIF of colours
 * has 256 of them, chosen for each frame; an APNG has all, and grey is exact in both.
 *
 * @param format `'gif'` (by gifenc), or `'apng'`: the frames as fast-png writes them, in the chunks of an animation.
 * @returns the bytes of the file
 * @throws ValueError if there is no frame, or a frame of another size
 */
export async function encodeAnimation(
  format: AnimationFormat,
  frames: readonly Frame[],
): Promise<Uint8Array> {
  if (frames.length === 0) {
    throw new ValueError('encodeAnimation', 'there is no frame, expected at least one.');
  }
  const [{ height, width, channels }] = frames;
  const odd = frames.findIndex(
    (frame) => frame.height !== height || frame.width !== width || frame.channels !== channels,
  );
  if (odd !== -1) {
    throw new ValueError('encodeAnimation', `frame ${odd} has another size than frame 0.`);
  }
  return format === 'gif' ? encodeGif(frames) : encodeApng(frames);
}

function delayOf(frame: number, frames: readonly Frame[]): number {
  return frame === frames.length - 1 ? LAST_DELAY : DELAY;
}

async function encodeGif(frames: readonly Frame[]): Promise<Uint8Array> {
  const gifenc = await loadGifenc();
  const encoder = gifenc.GIFEncoder();
  for (const [i, { pixels, height, width, channels }] of frames.entries()) {
    const delay = delayOf(i, frames);
    if (channels === 1) {
      encoder.writeFrame(pixels, width, height, { palette: GREYS, delay });
    } else {
      const rgba = withAlpha(pixels);
      const palette = gifenc.quantize(rgba, 256);
      encoder.writeFrame(gifenc.applyPalette(rgba, palette), width, height, { palette, delay });
    }
  }
  encoder.finish();
  return encoder.bytes();
}

/** gifenc is CommonJS: Node has its names in the default, other loaders beside it. */
async function loadGifenc(): Promise<Gifenc> {
  const { default: whole, GIFEncoder, ...rest } = await import('gifenc');
  return GIFEncoder === undefined ? whole : { ...rest, GIFEncoder };
}

function withAlpha(rgb: Uint8Array): Uint8Array {
  const rgba = new Uint8Array((rgb.length / 3) * 4).fill(255);
  for (let pixel = 0; pixel < rgb.length / 3; pixel++) {
    rgba.set(rgb.subarray(3 * pixel, 3 * pixel + 3), 4 * pixel);
  }
  return rgba;
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/**
 * An APNG is a PNG of its first frame with further chunks: `acTL` counts the frames, an `fcTL` stands before the
 * data of each, and the data of later frames are in `fdAT`. `fcTL` and `fdAT` carry one running number.
 *
 * Source: Portable Network Graphics (PNG) Specification, third edition, sections 11.3.6 and 12.
 */
async function encodeApng(frames: readonly Frame[]): Promise<Uint8Array> {
  const { encode } = await import('fast-png');
  const parts: Uint8Array[] = [SIGNATURE];
  let sequence = 0;
  for (const [i, { pixels, height, width, channels }] of frames.entries()) {
    const chunks = chunksOf(encode({ data: pixels, height, width, channels }));
    if (i === 0) {
      parts.push(chunk('IHDR', chunks[0].data), chunk('acTL', words(frames.length, 0)));
    }
    const control = new Uint8Array(26);
    control.set(words(sequence++, width, height, 0, 0));
    new DataView(control.buffer).setUint16(20, delayOf(i, frames));
    new DataView(control.buffer).setUint16(22, 1000);
    parts.push(chunk('fcTL', control));
    for (const { data } of chunks.filter(({ type }) => type === 'IDAT')) {
      parts.push(i === 0 ? chunk('IDAT', data) : chunk('fdAT', words(sequence++), data));
    }
  }
  parts.push(chunk('IEND'));
  return joined(parts);
}

/** Numbers of four bytes, the highest first. */
function words(...numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * numbers.length);
  numbers.forEach((number, i) => {
    new DataView(bytes.buffer).setUint32(4 * i, number);
  });
  return bytes;
}

/** A chunk: the length of its data, its type, its data, and the checksum of both. */
function chunk(type: string, ...data: readonly Uint8Array[]): Uint8Array {
  const body = joined([new TextEncoder().encode(type), ...data]);
  return joined([words(body.length - 4), body, words(crc32(body))]);
}

/** The chunks of a PNG, in their order. */
function chunksOf(png: Uint8Array): { readonly type: string; readonly data: Uint8Array }[] {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const chunks = [];
  for (let at = SIGNATURE.length; at < png.length;) {
    const length = view.getUint32(at);
    const type = new TextDecoder().decode(png.subarray(at + 4, at + 8));
    chunks.push({ type, data: png.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return chunks;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
