// A folder of idx files: MNIST, Fashion-MNIST, one of the sets of EMNIST, or others in such files.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { FormatError, ValueError } from '@tessera/tensor';
import { readText } from '../../run/read-text.ts';
import type { AnnotatedImages, ImageData } from '../data-set.ts';
import { findFolder, isNamedSet, knownClassNames, loadSet, type DigitSet } from '../mnist.ts';
import { fromZero } from './first-label.ts';
import type { Reader } from './reader.ts';

/** A file of training images. What stands before is the name of a set, such as `emnist-letters-`. */
const IMAGES = /^(.*)train-images[-.]idx3-ubyte(\.gz)?$/;

/** Labels of idx files are bytes. */
const MOST_CLASSES = 256;

/** Sets of EMNIST have their images with rows and columns exchanged. */
const EMNIST = /^emnist-/;

/** The names of the sets in a folder; `''` for four files without one. */
function setsIn(folder: string): string[] {
  return readdirSync(folder)
    .flatMap((file) => IMAGES.exec(file)?.[1] ?? [])
    .sort();
}

/** Folder and name of a set: a folder with one set, or a folder and a name, such as `emnist/emnist-letters`. */
function findSet(path: string): { readonly folder: string; readonly name: string } | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) {
    const [folder, name] = [dirname(path), `${basename(path)}-`];
    return existsSync(folder) && setsIn(folder).includes(name) ? { folder, name } : undefined;
  }
  if (!stats.isDirectory()) return undefined;
  const [name, ...more] = new Set(setsIn(path));
  if (name === undefined) return undefined;
  if (more.length === 0 || name === '') return { folder: path, name };
  const all = [name, ...more].map((each) => join(path, each.slice(0, -1)));
  throw new ValueError(
    'readData',
    `the data folder ${path} has several data sets. Name one: --data ${all.join(', ')}.`,
  );
}

/** Images with rows and columns exchanged, in place of themselves. */
function transposed(set: DigitSet): DigitSet {
  const { images, count, rows, columns } = set;
  const area = rows * columns;
  const turned = new Uint8Array(area);
  for (let image = 0; image < count; image++) {
    const one = images.subarray(image * area, (image + 1) * area);
    one.forEach((byte, at) => {
      turned[(at % columns) * rows + Math.floor(at / columns)] = byte;
    });
    one.set(turned);
  }
  return { ...set, rows: columns, columns: rows };
}

/** Most bytes of a mapping: one of EMNIST has 62 lines. */
const LARGEST_MAPPING = 2 ** 16;

const isLabel = (label: number): boolean =>
  Number.isInteger(label) && label >= 0 && label < MOST_CLASSES;

/** Whether a number is the code of a letter, and no space or sign of control. */
const isLetter = (code: number): boolean =>
  Number.isInteger(code) &&
  code >= 0 &&
  code <= 0x10ffff &&
  /^[\p{L}\p{N}\p{P}\p{S}]$/u.test(String.fromCodePoint(code));

/** Names of EMNIST's classes by its mapping: a line for each label, the label and then codes of letters. */
async function mappedNames(path: string): Promise<ReadonlyMap<number, string>> {
  if (!existsSync(path)) return new Map();
  const lines = (await readText('readData', path, LARGEST_MAPPING)).trim().split(/\r?\n/);
  return new Map(
    lines.map((line, i) => {
      const [label, ...codes] = line.trim().split(/\s+/).map(Number);
      if (!isLabel(label) || codes.length === 0 || !codes.every(isLetter)) {
        throw new FormatError(
          'readData',
          `${path}:${i + 1}: expected a label and codes of letters, such as 1 65 97.`,
        );
      }
      return [label, String.fromCodePoint(codes[0])];
    }),
  );
}

/** Throws unless both halves have images of one size. */
function checkSizes(path: string, train: AnnotatedImages, test: AnnotatedImages): void {
  if (train.rows === test.rows && train.columns === test.columns) return;
  throw new FormatError(
    'readData',
    `${path}: the training images are ${train.rows}×${train.columns}, the test images ${test.rows}×${test.columns}; expected one size.`,
  );
}

async function read(path: string): Promise<ImageData> {
  const { folder, name } = isNamedSet(path)
    ? { folder: findFolder(path), name: '' }
    : (findSet(path) ?? { folder: path, name: '' });
  const isTurned = EMNIST.test(name);
  const load = async (prefix: string): Promise<DigitSet> => {
    const set = await loadSet(folder, prefix, MOST_CLASSES);
    return isTurned ? transposed(set) : set;
  };
  const train = await load(`${name}train`);
  const test = await load(name === '' ? 't10k' : `${name}test`);
  checkSizes(path, train, test);
  const classNames = knownClassNames(train.labels);
  const numbered = fromZero<ImageData>({
    kind: 'images',
    format: 'idx',
    range: '0 to 255',
    train,
    test,
    ...(classNames !== undefined && { classNames }),
    notes: isTurned
      ? ['Images of EMNIST have rows and columns exchanged; they are turned back.']
      : [],
    bad: [],
  });
  const mapped = await mappedNames(join(folder, `${name}mapping.txt`));
  if (mapped.size === 0) return numbered;
  const names = numbered.classNames ?? Array.from({ length: mapped.size }, (_, i) => String(i));
  return { ...numbered, classNames: names.map((label) => mapped.get(Number(label)) ?? label) };
}

/** Reads idx files. */
export const idxFolder: Reader = {
  accepts: (path) => isNamedSet(path) || findSet(path) !== undefined,
  read,
};
