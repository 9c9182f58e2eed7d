// The parts of a PNG that a picture needs, inflated no further than its header promises.

import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { fileErrorCode } from '../../run/file-error.ts';
import { MOST_MEGAPIXELS } from './raster.ts';

/** Bits of a sample that each type of colour may have, by the type's number. Source: PNG, third edition, table 9. */
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16], // grey
  2: [8, 16], // red, green and blue
  3: [1, 2, 4, 8], // a place in the palette
  4: [8, 16], // grey and alpha
  6: [8, 16], // red, green, blue and alpha
};

const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** The type of colour whose samples are places in a palette. */
const INDEXED = 3;

/** What the header of a PNG says. */
interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  readonly isInterlaced: boolean;
}

/** One part of the file. */
interface Chunk {
  readonly type: string;
  /** Its first byte in the file. */
  readonly at: number;
  readonly body: Uint8Array;
}

/** Bytes of the signature, and of a chunk without its body: length, type and checksum. */
const [SIGNATURE, FRAME] = [8, 12];

/** The chunks of a file up to its end. Throws an Error at the first that is damaged. */
function chunksOf(bytes: Uint8Array): readonly Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE; chunks.at(-1)?.type !== 'IEND';) {
    if (at + FRAME > bytes.length)
      throw new Error(`it ends at byte ${bytes.length}, before its end chunk`);
    const length = view.getUint32(at);
    const next = at + FRAME + length;
    if (next > bytes.length) {
      throw new Error(`the chunk at byte ${at} has ${length} bytes, more than the file`);
    }
    const named = bytes.subarray(at + 4, next - 4);
    if (crc32(named) !== view.getUint32(next - 4)) {
      throw new Error(`the checksum of the chunk at byte ${at} differs`);
    }
    chunks.push({
      type: String.fromCharCode(...named.subarray(0, 4)),
      at,
      body: named.subarray(4),
    });
    at = next;
  }
  return chunks;
}

/** The only chunk of a type. */
function onlyChunk(chunks: readonly Chunk[], type: string): Chunk | undefined {
  const [first, second] = chunks.filter((chunk) => chunk.type === type);
  if (second !== undefined) throw new Error(`there is a second chunk ${type} at byte ${second.at}`);
  return first;
}

function headerOf(chunks: readonly Chunk[]): PngHeader {
  const chunk = onlyChunk(chunks, 'IHDR');
  if (chunk === undefined || chunk !== chunks[0] || chunk.body.length !== 13) {
    throw new Error(`it does not begin with a header of 13 bytes at byte ${SIGNATURE}`);
  }
  const view = new DataView(chunk.body.buffer, chunk.body.byteOffset);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, colour, compression, filter, interlace] = chunk.body.subarray(8);
  if (width === 0 || height === 0 || width * height > MOST_MEGAPIXELS * 1e6) {
    throw new Error(
      `the header says ${width}×${height} pixels, expected 1 to ${MOST_MEGAPIXELS} million`,
    );
  }
  if (
    !(DEPTHS[colour] ?? []).includes(depth) ||
    compression !== 0 ||
    filter !== 0 ||
    interlace > 1
  ) {
    throw new Error(
      `the header says ${depth} bits of colour type ${colour}, compression ${compression}, filter ${filter} and interlace ${interlace}, which are no PNG`,
    );
  }
  if (interlace === 1 && depth < 8) {
    throw new Error(`it is interlaced with ${depth} bits a sample. Save it without interlacing`);
  }
  return { width, height, depth, colour, isInterlaced: interlace === 1 };
}

/** First place and step of the columns and rows of the seven passes of Adam7. Source: PNG, third edition, section 8.1. */
const PASSES = [
  [0, 8, 0, 8],
  [4, 8, 0, 8],
  [0, 4, 4, 8],
  [2, 4, 0, 4],
  [0, 2, 2, 4],
  [1, 2, 0, 2],
  [0, 1, 1, 2],
] as const;

/** Bytes of the pixels before compression: rows of whole bytes, with one for the filter. */
function rawLength({ width, height, depth, colour, isInterlaced }: PngHeader): number {
  const rows = (wide: number, high: number): number =>
    wide > 0 && high > 0 ? high * (1 + Math.ceil((wide * depth * SAMPLES[colour]) / 8)) : 0;
  if (!isInterlaced) return rows(width, height);
  return PASSES.reduce(
    (sum, [x, stepX, y, stepY]) =>
      sum + rows(Math.ceil((width - x) / stepX), Math.ceil((height - y) / stepY)),
    0,
  );
}

/** Inflates the pixels. Throws an Error unless they have exactly so many bytes. */
function inflate(packed: readonly Chunk[], length: number): Uint8Array {
  const from = `the pixels, from byte ${packed[0]?.at ?? SIGNATURE} on,`;
  let raw: Uint8Array;
  try {
    raw = inflateSync(Buffer.concat(packed.map(({ body }) => body)), { maxOutputLength: length });
  } catch (error) {
    const code = fileErrorCode(error);
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      throw new Error(`${from} take more than the ${length} bytes that the header promises`, {
        cause: error,
      });
    }
    throw new Error(`${from} are damaged (${error instanceof Error ? error.message : code})`, {
      cause: error,
    });
  }
  if (raw.length === length) return raw;
  throw new Error(`${from} take ${raw.length} bytes, but the header promises ${length}`);
}

/** A chunk as it stands in a file. Its checksum is left at 0. */
function framed(type: string, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FRAME + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(Buffer.from(type, 'latin1'), 4);
  bytes.set(body, 8);
  return bytes;
}

/**
 * The same picture as a PNG of its needed parts alone, with pixels that are stored without compression. A decoder that
 * trusts its file can be given it: all checksums of the file are right, the pixels are as many as the header says, and
 * nothing else is left to inflate.
 *
 * @param bytes a file that begins with the signature of PNG
 * @throws Error with the byte and the reason
 */
export function neededParts(bytes: Uint8Array): Uint8Array {
  const chunks = chunksOf(bytes);
  const header = headerOf(chunks);
  const raw = inflate(
    chunks.filter(({ type }) => type === 'IDAT'),
    rawLength(header),
  );
  const isIndexed = header.colour === INDEXED;
  const [palette, alphas] = ['PLTE', 'tRNS'].map((type) => onlyChunk(chunks, type));
  if (isIndexed && (palette === undefined || palette.body.length === 0)) {
    throw new Error('its colours are places in a palette, and there is none');
  }
  return Buffer.concat([
    bytes.subarray(0, SIGNATURE),
    framed('IHDR', chunks[0].body),
    ...(isIndexed && palette !== undefined ? [framed('PLTE', palette.body)] : []),
    ...(isIndexed && alphas !== undefined ? [framed('tRNS', alphas.body)] : []),
    framed('IDAT', deflateSync(raw, { level: 0 })),
    framed('IEND', new Uint8Array(0)),
  ]);
}
