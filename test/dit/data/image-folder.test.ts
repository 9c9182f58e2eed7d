import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FormatError } from '@tessera/tensor';
import jpeg from 'jpeg-js';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ImageData } from '../../../packages/dit/src/data/data-set.ts';
import { readData } from '../../../packages/dit/src/data/read-data.ts';
import { decodeImage } from '../../../packages/dit/src/data/readers/decode-image.ts';
import type { ReadOptions } from '../../../packages/dit/src/data/readers/reader.ts';
import { png, writeFiles } from './data-files.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-folder-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

async function read(options: Partial<ReadOptions> = {}): Promise<ImageData> {
  const data = await readData(dir, { unit: 8, skipBad: false, ...options });
  if (data.kind === 'images') return data;
  throw new Error('expected images');
}

/** The text of the error, with the folder's name taken out. */
async function problem(options: Partial<ReadOptions> = {}): Promise<string> {
  try {
    await read(options);
  } catch (error) {
    return String(error).replaceAll(dir, 'DIR');
  }
  return 'accepted';
}

/** What is said of each image, by its first byte, since images are shuffled. */
function byValue({ train, classNames = [] }: ImageData): Record<number, string | undefined> {
  const length = train.images.length / train.count;
  return Object.fromEntries(
    Array.from({ length: train.count }, (_, i) => [
      train.images[i * length],
      train.captions?.[i] ?? classNames[train.labels?.[i] ?? -1],
    ]),
  );
}

describe('a folder of images', () => {
  test('has a class for each folder, in the order of people', async () => {
    await writeFiles(dir, {
      '10/a.png': png([10]),
      '9/b.PNG': png([90]),
      '9/deeper/c.png': png([91]),
      '.hidden/d.png': png([1]),
    });
    const data = await read();
    expect(data.classNames).toEqual(['9', '10']);
    expect(byValue(data)).toEqual({ 10: '10', 90: '9', 91: '9' });
    expect([data.train.count, data.train.rows, data.train.channels]).toEqual([3, 8, 1]);
  });

  test('may have colour, one channel behind the other, and JPEG files', async () => {
    const pixels = Uint8Array.from({ length: 4 * 64 }, (_, i) => [200, 100, 50, 255][i % 4]);
    const { data: bytes } = jpeg.encode({ data: pixels, width: 8, height: 8 }, 95);
    await writeFiles(dir, { 'a/1.png': png([200, 100, 50]), 'a/2.jpg': bytes });
    const { train } = await read();
    expect(train.channels).toBe(3);
    for (const image of [0, 1]) {
      for (const [channel, expected] of [200, 100, 50].entries()) {
        const at = (image * 3 + channel) * 64;
        // JPEG of quality 95 is off by a few of 255.
        expect(Math.abs(train.images[at + 20] - expected)).toBeLessThanOrEqual(4);
      }
    }
  });

  test('may have halves of its own', async () => {
    await writeFiles(dir, { 'train/x/1.png': png([1]), 'val/x/2.png': png([2]) });
    const data = await read();
    expect([data.train.images[0], data.test.images[0]]).toEqual([1, 2]);
    await writeFiles(dir, { 'val/y/3.png': png([3]) });
    expect(await problem()).toMatchInlineSnapshot(
      `"ValueError: readData: DIR/val/y/3.png: there is no class y among the training images."`,
    );
  });

  test('of many images holds out each tenth for tests, and loses none', async () => {
    const files = Array.from({ length: 120 }, (_, i) => [`c${i % 2}/${i}.png`, png([i])] as const);
    await writeFiles(dir, Object.fromEntries(files));
    const { train, test: held } = await read();
    expect([train.count, held.count]).toEqual([108, 12]);
    const values = [train, held].flatMap(({ images, labels = [], count }) =>
      Array.from({ length: count }, (_, i) => [images[i * 64], labels[i]]),
    );
    expect(values.sort(([a], [b]) => a - b)).toEqual(
      Array.from({ length: 120 }, (_, i) => [i, i % 2]),
    );
  });

  test('without folders has no labels', async () => {
    await writeFiles(dir, { '1.png': png([1]), 'notes.txt': 'mine' });
    const { train, notes } = await read();
    expect(train.labels).toBeUndefined();
    expect(notes.join('\n').replaceAll(dir, 'DIR')).toBe(
      '1 files in DIR are neither PNG nor JPEG.',
    );
  });

  test('has black where it is transparent, and 16 bits, few bits and palettes become bytes', () => {
    expect([...decodeImage(png([200, 100, 50, 0], 1), 'x').pixels]).toEqual([0, 0, 0]);
    expect([...decodeImage(png([200, 255], 1), 'x').pixels]).toEqual([200]);
  });
});

describe('captions.csv', () => {
  const images = { 'a.png': png([1]), 'sub/b.png': png([2]) };

  test('gives captions and labels by the names of its columns', async () => {
    await writeFiles(dir, {
      ...images,
      'captions.csv':
        '\uFEFFfile,caption,label,by\n"a.png","one, ""quoted""",cat,me\nsub/b.png,two,dog,me\n',
    });
    const data = await read();
    expect(byValue(data)).toEqual({ 1: 'one, "quoted"', 2: 'two' });
    expect(data.classNames).toEqual(['cat', 'dog']);
    expect(data.notes).toEqual(['Columns without use: by.']);
    expect(data.format).toBe('folder of images with captions');
  });

  test.each([
    [
      '',
      'FormatError: readData: DIR/captions.csv: it is empty, expected a first line file,caption.',
    ],
    [
      'name,what\na.png,x\n',
      'FormatError: readData: DIR/captions.csv:1: the columns are name, what, expected file and caption, or label: file,caption,label.',
    ],
    [
      'file,caption\n',
      'FormatError: readData: DIR/captions.csv: there are no rows below the first line.',
    ],
    [
      'file,caption\na.png,x\nsub/b.png,y,z\n',
      'FormatError: readData: DIR/captions.csv:3: Invalid Record Length: expect 2, got 3.',
    ],
    [
      'file,caption\na.png,"x\n',
      'FormatError: readData: DIR/captions.csv:2: Quote Not Closed: the parsing is finished with an opening quote.',
    ],
    [
      'file,caption\na.png,x\nc.png,y\n',
      'FormatError: readData: DIR/captions.csv:3: there is no image DIR/c.png. Mend it, or leave it out by --skip-bad.',
    ],
    [
      'file,caption\na.png,x\n../a.png,y\na.png,z\n',
      "FormatError: readData: DIR/captions.csv:3: '../a.png' is no file in the folder. 1 more of 1 files are bad: DIR/captions.csv:4. Mend it, or leave it out by --skip-bad.",
    ],
  ])('is refused with its line: %j', async (text, expected) => {
    await writeFiles(dir, { ...images, 'captions.csv': text });
    expect(await problem()).toBe(expected);
  });
});

describe('bad files', () => {
  const good = { 'a/1.png': png([1]), 'a/2.png': png([2]), 'b/3.png': png([3]) };

  test('are named with their number, and left out on request', async () => {
    await writeFiles(dir, {
      ...good,
      'a/4.png': 'text',
      'a/5.png': png([5]).subarray(0, 40),
      'a/6.jpeg': '',
    });
    expect(await problem()).toMatchInlineSnapshot(
      `"FormatError: readData: DIR/a/4.png: it begins with the bytes 74 65 78 74, expected a PNG or a JPEG. 2 more of 6 files are bad: DIR/a/5.png, DIR/a/6.jpeg. Mend it, or leave it out by --skip-bad."`,
    );
    const data = await read({ skipBad: true });
    expect(data.train.count).toBe(3);
    expect(data.bad.map(({ path }) => path.slice(dir.length))).toEqual([
      '/a/4.png',
      '/a/5.png',
      '/a/6.jpeg',
    ]);
  });

  test('are those of another size, unless a size is given for all', async () => {
    await writeFiles(dir, { ...good, 'b/4.png': png([4], 12, 8) });
    expect(await problem()).toMatchInlineSnapshot(
      `"FormatError: readData: DIR/b/4.png: the image is 8×12, but DIR/a/1.png is 8×8. Give --image-size to fit all into one. Mend it, or leave it out by --skip-bad."`,
    );
    const { train } = await read({ size: 8 });
    expect([train.count, train.rows, train.columns]).toEqual([4, 8, 8]);
    expect((await read({ skipBad: true })).train.count).toBe(3);
  });

  test('are those of another kind, unless channels are given for all', async () => {
    await writeFiles(dir, { ...good, 'b/4.png': png([40, 40, 40]) });
    expect(await problem()).toMatchInlineSnapshot(
      `"FormatError: readData: DIR/b/4.png: the image is in colour, but DIR/a/1.png is grey. Give --image-channels 1 or 3 for all. Mend it, or leave it out by --skip-bad."`,
    );
    const grey = await read({ channels: 1 });
    expect(byValue(grey)[40]).toBe('b');
    const { train } = await read({ channels: 3 });
    expect([train.channels, train.images.length]).toEqual([3, 4 * 3 * 64]);
  });

  test('are images beside classes, and classes without images', async () => {
    await writeFiles(dir, { ...good, '9.png': png([9]) });
    await mkdir(join(dir, 'c'));
    expect(await problem()).toMatchInlineSnapshot(
      `"FormatError: readData: DIR/9.png: it lies beside the folders of classes, expected in one. 1 more of 3 files are bad: DIR/c. Mend it, or leave it out by --skip-bad."`,
    );
    expect((await read({ skipBad: true })).classNames).toEqual(['a', 'b']);
  });

  test('leave nothing of a folder that has no others, and an empty folder is refused', async () => {
    expect(await problem()).toMatchInlineSnapshot(
      `"FormatError: readData: the folder DIR has no PNG or JPEG files, no idx files and no npy files. Put images into one folder for each class."`,
    );
    await writeFiles(dir, { 'a/1.png': 'text' });
    expect(await problem({ skipBad: true })).toMatchInlineSnapshot(
      `"FormatError: readData: DIR: none of the images can be read."`,
    );
  });
});

describe('a mangled picture', () => {
  const pixels = Uint8Array.from({ length: 4 * 256 }, (_, i) => (i * 7919) % 256);
  const files = {
    png: png([200, 100, 50], 16),
    jpeg: new Uint8Array(jpeg.encode({ data: pixels, width: 16, height: 16 }, 90).data),
  };

  test.each(Object.entries(files))('%s is refused at every shorter length', (_kind, bytes) => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeImage(bytes.subarray(0, length), 'x')).toThrow(FormatError);
    }
  });

  test.each(Object.entries(files))('%s is read, or refused in one line', (_kind, bytes) => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (index, xor) => {
        const changed = Uint8Array.from(bytes);
        changed[index] ^= xor;
        try {
          const { rows, columns, channels, pixels: decoded } = decodeImage(changed, 'x');
          expect(decoded.length).toBe(rows * columns * channels);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
          expect(String(error)).toMatch(/^FormatError: readData: x: [^\n]+\.$/);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('png of another checksum is refused', () => {
    const changed = Uint8Array.from(files.png);
    changed[changed.length - 20] ^= 1;
    expect(() => decodeImage(changed, 'x')).toThrow(FormatError);
  });
});
