import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FormatError, TesseraError } from '@tessera/tensor';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DataSet, ImageData } from '../../../packages/dit/src/data/data-set.ts';
import { readData } from '../../../packages/dit/src/data/read-data.ts';
import { NUMPY_ARCHIVE, npy, writeFiles, zip } from './data-files.ts';

let dir: string;
let path: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-npz-'));
  path = join(dir, 'set.npz');
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

const read = (from = path): Promise<DataSet> => readData(from, { unit: 8, skipBad: false });

async function images(from = path): Promise<ImageData> {
  const data = await read(from);
  if (data.kind === 'images') return data;
  throw new Error('expected images');
}

/** Writes an archive of these arrays. */
async function save(arrays: Readonly<Record<string, Uint8Array>>): Promise<void> {
  const files = Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, bytes] as const);
  await writeFile(path, zip(Object.fromEntries(files)));
}

/** The text of the error, with the folder's name taken out. */
async function problem(arrays?: Readonly<Record<string, Uint8Array>>): Promise<string> {
  if (arrays !== undefined) await save(arrays);
  try {
    await read();
  } catch (error) {
    return String(error).replaceAll(dir, 'DIR');
  }
  return 'accepted';
}

const bytes = (count: number, first = 0): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => (first + i) % 256);
const two = npy('|u1', [2, 2, 2], bytes(8));
const labels = (...values: number[]): Uint8Array =>
  npy('<i4', [values.length], Int32Array.from(values));

test('an archive of NumPy gives images, labels, captions, names and maps', async () => {
  await writeFile(path, NUMPY_ARCHIVE);
  const { train, classNames, range } = await images();
  expect([train.count, train.channels, train.rows, train.columns]).toEqual([2, 3, 2, 3]);
  expect(classNames).toEqual(['cat', 'dog']);
  expect(range).toBe('0 to 255');
  // Images are shuffled together with what is said of them.
  const first = train.images[0] === 0 ? 0 : 1;
  const image = (i: number): number[] => [...train.images.subarray(i * 18, (i + 1) * 18)];
  const planes = (start: number): number[] =>
    [0, 1, 2].flatMap((channel) => [0, 1, 2, 3, 4, 5].map((pixel) => start + 3 * pixel + channel));
  expect(image(first)).toEqual(planes(0));
  expect(image(1 - first)).toEqual(planes(18));
  expect(train.labels?.[first]).toBe(1);
  expect(train.captions?.[first]).toBe('a ré');
  expect(train.captions?.[1 - first]).toBe('two');
  const depth = train.maps?.['depth'].subarray(first * 6, first * 6 + 6);
  // In NumPy: np.linspace(0, 1, 12)[:6] * 255, rounded.
  expect([...(depth ?? [])]).toEqual([0, 23, 46, 70, 93, 116]);
});

describe('images', () => {
  test('may have their channels before or behind rows and columns, and halves by name', async () => {
    const planar = bytes(3 * 4);
    const beside = Uint8Array.from(
      { length: 12 },
      (_, i) => planar[(i % 3) * 4 + Math.floor(i / 3)],
    );
    await save({
      x_train: npy('|u1', [1, 2, 2, 3], beside),
      x_test: npy('|u1', [1, 2, 2, 3], beside),
    });
    const { train, test: held } = await images();
    expect([...train.images]).toEqual([...planar]);
    await save({ images: npy('|u1', [1, 3, 2, 2], planar) });
    expect([...(await images()).train.images]).toEqual([...planar]);
    expect(held.images).toEqual(train.images);
  });

  test('may be floats in three ranges', async () => {
    for (const [values, expected, range] of [
      [[0, 0.5, 1, 0.25], [0, 128, 255, 64], '0 to 1'],
      [[-1, 0, 1, 0.5], [0, 128, 255, 191], '-1 to 1'],
      [[0, 2, 255, 7], [0, 2, 255, 7], '0 to 255'],
    ] as const) {
      await save({ images: npy('<f4', [1, 2, 2], Float32Array.from(values)) });
      const { train, range: found } = await images();
      expect([[...train.images], found]).toEqual([[...expected], range]);
    }
  });

  test('may lie in a folder of arrays, or in one file', async () => {
    await writeFiles(join(dir, 'set'), { 'images.npy': two, 'labels.npy': labels(0, 1) });
    expect((await images(join(dir, 'set'))).train.labels).toHaveLength(2);
    await writeFiles(dir, { 'mine.npy': two });
    expect((await images(join(dir, 'mine.npy'))).train.count).toBe(2);
  });
});

test('labels from 1 count from 0, and keep their numbers as names', async () => {
  await save({ images: two, labels: labels(1, 2) });
  const { train, classNames, notes } = await images();
  expect(new Set(train.labels)).toEqual(new Set([0, 1]));
  expect(classNames).toEqual(['1', '2']);
  expect(notes).toEqual(['Labels count from 1: 1 to 2 become 0 to 1.']);
  await save({ images: two, labels: labels(1, 3) });
  expect(new Set((await images()).train.labels)).toEqual(new Set([1, 3]));
});

test('latents are float32, without images', async () => {
  const values = Float32Array.from({ length: 16 }, (_, i) => i - 8.5);
  await save({ latents: npy('<f4', [2, 2, 2, 2], values), labels: labels(0, 1) });
  const data = await read();
  if (data.kind !== 'latents') throw new Error('expected latents');
  expect(data.train.shape).toEqual([2, 2, 2]);
  expect([...data.train.latents].sort((a, b) => a - b)).toEqual([...values]);
});

describe('refused in one line', () => {
  const float = (values: readonly number[]): Uint8Array =>
    npy('<f4', [1, 2, 2], Float32Array.from(values));

  test.each([
    ['no images', { other: two }],
    ['labels that are fewer', { images: two, labels: labels(0) }],
    ['captions that are more', { images: two, captions: npy('<U1', [3], bytes(12)) }],
    ['a label below 0', { images: two, labels: labels(0, -1) }],
    [
      'a label that is no whole number',
      { images: two, y: npy('<f4', [2], Float32Array.of(0, 0.5)) },
    ],
    ['an infinite pixel', { images: float([0, 1, Infinity, 0]) }],
    ['values of no range', { images: float([0, 1, 300, 0]) }],
    ['a shape of no image', { images: npy('|u1', [2, 4], bytes(8)) }],
    ['a number of channels that no image has', { images: npy('|u1', [1, 2, 2, 2], bytes(8)) }],
    ['pickled objects', { images: two, captions: npy('|O', [2], bytes(2)) }],
    ['a dtype without numbers', { images: npy('<c8', [1, 2, 2], bytes(32)) }],
    ['fewer bytes than the shape says', { images: two.subarray(0, 130) }],
    ['halves of two sizes', { x_train: two, x_test: npy('|u1', [1, 3, 3], bytes(9)) }],
    [
      'more classes than names',
      { images: two, labels: labels(0, 2), classes: npy('<U1', [2], Int32Array.of(65, 66)) },
    ],
    ['latents that are not finite', { latents: npy('<f4', [1, 1, 1, 2], Float32Array.of(0, NaN)) }],
    ['a map of another size', { images: two, depth: npy('|u1', [2, 3, 3], bytes(18)) }],
    ['no array at all', { images: bytes(20) }],
  ])('%s', async (_what, arrays) => {
    expect(await problem(arrays)).toMatchSnapshot();
  });

  test('an array in Fortran order', async () => {
    const turned = Buffer.from(
      Buffer.from(two)
        .toString('latin1')
        .replace("'fortran_order': False", "'fortran_order': True "),
      'latin1',
    );
    expect(await problem({ images: turned })).toMatchInlineSnapshot(
      `"FormatError: readData: DIR/set.npz: images: the array is in Fortran order. Save it after np.ascontiguousarray."`,
    );
  });
});

describe('a mangled archive', () => {
  test('is refused at every shorter length', async () => {
    for (let length = 0; length < NUMPY_ARCHIVE.length; length += 7) {
      await writeFile(path, NUMPY_ARCHIVE.subarray(0, length));
      await expect(read()).rejects.toThrow(TesseraError);
    }
  });

  test('is refused, or gives the same images, whichever byte is changed', async () => {
    await writeFile(path, NUMPY_ARCHIVE);
    const { train } = await images();
    await fc.assert(
      fc.asyncProperty(
        fc.nat(NUMPY_ARCHIVE.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (index, xor) => {
          const changed = Uint8Array.from(NUMPY_ARCHIVE);
          changed[index] ^= xor;
          await writeFile(path, changed);
          const found = await images().catch((error: unknown) => error);
          if (found instanceof Error) {
            expect(found).toBeInstanceOf(FormatError);
            expect(found.message).not.toContain('\n');
          } else {
            expect((found as ImageData).train.images).toEqual(train.images);
          }
        },
      ),
    );
  });
});
