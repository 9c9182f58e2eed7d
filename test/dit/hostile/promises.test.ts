import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { FormatError, parseJson } from '@tessera/tensor';
import { encodeIdxImages, encodeIdxLabels } from '@tessera/dit';
import { readData } from '@tessera/dit/node';
import { encode } from 'fast-png';
import jpeg from 'jpeg-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeImage } from '../../../packages/dit/src/data/readers/decode-image.ts';
import { readMap } from '../../../packages/dit/src/sample/map-file.ts';
import { npy, png, writeFiles, zip } from '../data/data-files.ts';
import { counted, Spending } from './budget.ts';
import { packed, withSums } from './repairs.ts';

/** Bytes that a reader may take for a file of a few hundred bytes, whatever that promises. */
const LITTLE = 2 ** 20;

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-promises-'));
});

afterEach(() => rm(dir, { recursive: true }));

/** The text of the error of a reader that takes little, with the folder's name taken out. */
async function problem(read: () => unknown): Promise<string> {
  try {
    await counted(new Spending(LITTLE), read);
  } catch (error) {
    return String(error).replaceAll(dir, 'DIR');
  }
  return 'accepted';
}

/** A chunk of a PNG without its checksum. */
function chunk(type: string, body: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(12 + body.length);
  bytes.writeUInt32BE(body.length);
  bytes.write(type, 4, 'latin1');
  bytes.set(body, 8);
  return bytes;
}

/** A PNG of 8×8 grey pixels with other chunks behind its header, and what its header says changed. */
function pngOf(changes: {
  sides?: number;
  data?: Uint8Array;
  chunks?: readonly Uint8Array[];
}): Uint8Array {
  const { sides = 8, data, chunks = [] } = changes;
  const whole = Buffer.from(png([9], 8));
  whole.writeUInt32BE(sides, 16);
  whole.writeUInt32BE(sides, 20);
  const [start, rest] = [whole.subarray(0, 33), whole.subarray(33)];
  const body =
    data === undefined
      ? rest
      : Buffer.concat([chunk('IDAT', deflateSync(data)), chunk('IEND', new Uint8Array(0))]);
  return withSums(Buffer.concat([start, ...chunks, body]));
}

const megabytes = new Uint8Array(2 ** 23);

describe('a PNG', () => {
  it('takes no memory for pixels that it promises and does not have', async () => {
    expect(await problem(() => decodeImage(pngOf({ sides: 9999 }), 'x.png'))).toMatchInlineSnapshot(
      `"FormatError: readData: x.png: the PNG of 70 bytes cannot be read: the pixels, from byte 33 on, take 72 bytes, but the header promises 99990000."`,
    );
    expect(
      await problem(() => decodeImage(pngOf({ sides: 2 ** 31 }), 'x.png')),
    ).toMatchInlineSnapshot(
      `"FormatError: readData: x.png: the PNG of 70 bytes cannot be read: the header says 2147483648×2147483648 pixels, expected 1 to 100 million."`,
    );
  });

  it('is inflated no further than its header promises', async () => {
    const long = pngOf({ data: megabytes });
    expect(await problem(() => decodeImage(long, 'x.png'))).toMatchInlineSnapshot(
      `"FormatError: readData: x.png: the PNG of 8220 bytes cannot be read: the pixels, from byte 33 on, take more than the 72 bytes that the header promises."`,
    );
    await writeFile(join(dir, 'map.png'), long);
    expect(await problem(() => readMap(join(dir, 'map.png'), 8))).toMatchInlineSnapshot(
      `"FormatError: readMap: DIR/map.png: the PNG of 8220 bytes cannot be read: the pixels, from byte 33 on, take more than the 72 bytes that the header promises."`,
    );
  });

  it('has nothing inflated that is no pixel: profiles and texts', () => {
    const profile = Buffer.concat([Buffer.from('mine\0\0', 'latin1'), deflateSync(megabytes)]);
    const bytes = pngOf({
      chunks: [chunk('iCCP', profile), chunk('zTXt', profile), chunk('tEXt', Buffer.from('odd'))],
    });
    expect(decodeImage(bytes, 'x.png').pixels).toEqual(new Uint8Array(64).fill(9));
  });

  it('is read with any header that the format allows, and no other', async () => {
    const data = Uint8Array.from({ length: 48 }, (_, i) => i);
    const colour = encode({ width: 4, height: 4, channels: 3, data });
    // A palette beside true colours is a hint for screens.
    const hinted = withSums(
      Buffer.concat([
        colour.subarray(0, 33),
        chunk('PLTE', Uint8Array.of(1, 2, 3)),
        colour.subarray(33),
      ]),
    );
    expect(decodeImage(hinted, 'x.png')).toEqual(decodeImage(colour, 'x.png'));
    const header = (depth: number, type: number, interlace = 0): Uint8Array => {
      const bytes = Buffer.from(colour);
      bytes.set([depth, type, 0, 0, interlace], 24);
      return withSums(bytes);
    };
    const problems = [header(4, 2), header(3, 0), header(8, 5), header(4, 0, 1), header(8, 3)];
    const texts = await Promise.all(
      problems.map((bytes) => problem(() => decodeImage(bytes, 'x.png'))),
    );
    expect(texts.join('\n')).toMatchInlineSnapshot(`
      "FormatError: readData: x.png: the PNG of 115 bytes cannot be read: the header says 4 bits of colour type 2, compression 0, filter 0 and interlace 0, which are no PNG.
      FormatError: readData: x.png: the PNG of 115 bytes cannot be read: the header says 3 bits of colour type 0, compression 0, filter 0 and interlace 0, which are no PNG.
      FormatError: readData: x.png: the PNG of 115 bytes cannot be read: the header says 8 bits of colour type 5, compression 0, filter 0 and interlace 0, which are no PNG.
      FormatError: readData: x.png: the PNG of 115 bytes cannot be read: it is interlaced with 4 bits a sample. Save it without interlacing.
      FormatError: readData: x.png: the PNG of 115 bytes cannot be read: the pixels, from byte 33 on, take more than the 20 bytes that the header promises."
    `);
  });
});

describe('a JPEG', () => {
  const data = new Uint8Array(4 * 64).fill(99);
  const photo = Buffer.from(jpeg.encode({ data, width: 8, height: 8 }, 50).data);
  const frame = photo.indexOf(Buffer.from([0xff, 0xc0]));
  const scan = photo.indexOf(Buffer.from([0xff, 0xda]));

  it('takes no memory for a frame that it cannot hold', async () => {
    const large = Buffer.from(photo);
    large.writeUInt16BE(9000, frame + 5);
    large.writeUInt16BE(9000, frame + 7);
    expect(await problem(() => decodeImage(large, 'x.jpg'))).toMatchInlineSnapshot(
      `"FormatError: readData: x.jpg: the JPEG of 612 bytes cannot be read: its frame has 3796875 blocks, more than so few bytes can hold."`,
    );
  });

  it('has as many scans as a program writes: each is a walk over all blocks', async () => {
    const body = photo.subarray(scan, photo.length - 2);
    const scans = Buffer.concat([
      photo.subarray(0, scan),
      ...Array.from({ length: 101 }, () => body),
      photo.subarray(-2),
    ]);
    expect(await problem(() => decodeImage(scans, 'x.jpg'))).toMatchInlineSnapshot(
      `"FormatError: readData: x.jpg: the JPEG of 2312 bytes cannot be read: the scan at byte 2293 is one of more than 100."`,
    );
  });

  it('has a whole structure, with one frame', async () => {
    const twice = Buffer.concat([
      photo.subarray(0, scan),
      photo.subarray(frame, scan),
      photo.subarray(scan),
    ]);
    const odd = Buffer.from(photo);
    odd[frame + 1] = 0x01;
    const texts = [
      twice,
      odd,
      photo.subarray(0, scan),
      photo.subarray(0, -2),
      Buffer.from([0xff, 0xd8, 0xff, 0xd9]),
    ];
    const problems = await Promise.all(
      texts.map((bytes) => problem(() => decodeImage(bytes, 'x.jpg'))),
    );
    expect(problems.join('\n')).toMatchInlineSnapshot(`
      "FormatError: readData: x.jpg: the JPEG of 1051 bytes cannot be read: there is a second frame at byte 593.
      FormatError: readData: x.jpg: the JPEG of 612 bytes cannot be read: the marker 0x01 at byte 154 is not read.
      FormatError: readData: x.jpg: the JPEG of 593 bytes cannot be read: it ends at byte 593, before its end marker.
      FormatError: readData: x.jpg: the JPEG of 610 bytes cannot be read: it ends at byte 610, before its end marker.
      FormatError: readData: x.jpg: the JPEG of 4 bytes cannot be read: it has no picture."
    `);
    expect(decodeImage(photo, 'x.jpg').rows).toBe(8);
  });
});

describe('a gzipped idx file', () => {
  const images = { images: new Uint8Array(32), count: 2, rows: 4, columns: 4 };
  const labels = encodeIdxLabels(Uint8Array.of(0, 1));

  const read = async (train: Uint8Array): Promise<string> => {
    const rest = encodeIdxImages(images);
    await writeFiles(dir, {
      'train-images-idx3-ubyte.gz': gzipSync(train),
      'train-labels-idx1-ubyte': labels,
      't10k-images-idx3-ubyte': rest,
      't10k-labels-idx1-ubyte': labels,
    });
    return problem(() => readData(dir));
  };

  it('takes no memory for what it promises and does not have', async () => {
    const bytes = Buffer.from(encodeIdxImages(images));
    bytes.writeUInt32BE(2 ** 25, 4);
    expect(await read(bytes)).toMatchInlineSnapshot(
      `"FormatError: decodeIdxImages: DIR/train-images-idx3-ubyte.gz: found 48 bytes, expected 536870928 (a header of 16 and 33554432 × 4 × 4 pixels). The file is truncated."`,
    );
  });

  it('is inflated no further than its header promises', async () => {
    expect(await read(Buffer.concat([encodeIdxImages(images), megabytes]))).toMatchInlineSnapshot(
      `"FormatError: decodeIdxImages: DIR/train-images-idx3-ubyte.gz: found more than 48 bytes, expected 48 (a header of 16 and 2 × 4 × 4 pixels). The file has trailing bytes."`,
    );
  });
});

describe('an array in an archive', () => {
  const path = (): string => join(dir, 'set.npz');
  const read = async (bytes: Uint8Array): Promise<string> => {
    await writeFile(path(), bytes);
    return problem(() => readData(path()));
  };
  const two = npy('|u1', [2, 2, 2], new Uint8Array(8));

  it('takes no memory for what the archive promises and does not have', async () => {
    const bytes = Buffer.from(packed(two));
    bytes.writeUInt32LE(2 ** 31, bytes.indexOf('PK\u0001\u0002', 0, 'latin1') + 24);
    expect(await read(bytes)).toMatchInlineSnapshot(
      `"FormatError: readData: DIR/set.npz: images: the zip archive is damaged (not enough bytes in the stream. expected 2147483648. got only 136). Save it again by np.savez."`,
    );
  });

  it('is inflated no further than its own header promises', async () => {
    expect(await read(packed(Buffer.concat([two, megabytes])))).toMatchInlineSnapshot(
      `"FormatError: readData: DIR/set.npz: images: more than 8 bytes of elements follow byte 128, but shape [2, 2, 2] takes 8. The file is truncated or damaged."`,
    );
  });

  it('has texts of at least one character, so that their number costs something', async () => {
    const texts = npy('<U0', [2 ** 31], new Uint8Array(0));
    expect(await read(zip({ 'images.npy': two, 'class_names.npy': texts }))).toMatchInlineSnapshot(
      `"FormatError: readData: DIR/set.npz: class_names: dtype '<U0' is not read. Known are b1, u1, i1, u2, i2, u4, i4, u8, i8, f4, f8 and texts. Convert it with astype."`,
    );
  });

  it('may have long texts, with zeros within', async () => {
    const long = new Uint32Array(200_000).fill(97);
    long[1] = 0;
    long[199_999] = 0;
    const captions = npy('<U200000', [1], new Uint8Array(long.buffer));
    const one = npy('|u1', [1, 2, 2], new Uint8Array(4));
    await writeFile(path(), zip({ 'images.npy': one, 'captions.npy': captions }));
    const { train } = await readData(path());
    expect(train.captions?.map((text) => [text.length, text.slice(0, 3)])).toEqual([
      [199_999, 'a\0a'],
    ]);
  });

  it('stands once under its name, and has bools of 0 and 1', async () => {
    const twice = Buffer.from(zip({ 'images.npy': two, 'imagez.npy': two }));
    const renamed = Buffer.from(twice.toString('latin1').replaceAll('imagez', 'images'), 'latin1');
    expect(await read(renamed)).toMatchInlineSnapshot(
      `"FormatError: readData: DIR/set.npz: there are two arrays images."`,
    );
    expect(
      await read(zip({ 'images.npy': npy('|b1', [1, 2, 2], Uint8Array.of(0, 1, 1, 7)) })),
    ).toMatchInlineSnapshot(
      `"FormatError: readData: DIR/set.npz: images: element [0, 1, 1] at byte 131 is 7, expected a bool, 0 or 1."`,
    );
  });

  it('does not bring signs of control into an error', async () => {
    expect(await read(zip({ '\u001b[2J.npy': two }))).toMatchInlineSnapshot(
      `"FormatError: readData: DIR/set.npz: found the arrays ←[2J, expected images (or latents), and with them labels, captions, depth, sketch or lowres."`,
    );
    expect(
      await read(zip({ 'images.npy': npy('\u001b[2J', [2], new Uint8Array(8)) })),
    ).toMatchInlineSnapshot(
      `"FormatError: readData: DIR/set.npz: images: dtype '\\u{1b}[2J' is not read. Known are b1, u1, i1, u2, i2, u4, i4, u8, i8, f4, f8 and texts. Convert it with astype."`,
    );
  });
});

describe('JSON', () => {
  it('is looked through once, however many colons follow a long text', async () => {
    const text = `{"${'a'.repeat(20_000)}"${':'.repeat(20_000)}1}`;
    const spending = new Spending(4 * text.length);
    await expect(counted(spending, () => parseJson(text, 'read', 'it is'))).rejects.toThrow(
      FormatError,
    );
    expect(parseJson('{"a": {"b": 1}, "c": [{"a": 2}]}', 'read', 'it is')).toEqual({
      a: { b: 1 },
      c: [{ a: 2 }],
    });
  });
});
