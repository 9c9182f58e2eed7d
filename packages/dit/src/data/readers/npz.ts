// .npz archives, folders of .npy files and single .npy files as data sets, by the names of their arrays.

import { statSync } from 'node:fs';
import { excerpt, FormatError } from '@tessera/tensor';
import type { AnnotatedImages, Annotations, DataHalf, DataSet, GivenLatents } from '../data-set.ts';
import { holdOut, shuffled, type Halves } from '../halves.ts';
import { hasArrays, isArrayFile, openArrays, type ArrayFiles } from './array-files.ts';
import { fromZero } from './first-label.ts';
import {
  imagesOf,
  labelsOf,
  latentsOf,
  rangeOf,
  textsOf,
  type NpyArray,
  type NpyImages,
  type ValueRange,
} from './npy-array.ts';
import type { Reader } from './reader.ts';

/** The names that an array may have, by its meaning. */
const MEANINGS = {
  images: ['images', 'x', 'X', 'data', 'imgs', 'arr_0'],
  latents: ['latents', 'z'],
  labels: ['labels', 'label', 'y', 'Y', 'targets', 'arr_1'],
  captions: ['captions', 'texts', 'prompts'],
  depth: ['depth'],
  sketch: ['sketch'],
  lowres: ['lowres'],
} as const;

type Meaning = keyof typeof MEANINGS;

const MAPS = ['depth', 'sketch', 'lowres'] as const;

/** Names of the halves, before or behind the name of an array: `train_images`, `x_test`. */
const HALVES = { train: ['train'], test: ['test', 'val'] } as const;

/** The names of the classes, in an array of their own. */
const CLASS_NAMES = ['class_names', 'classes', 'label_names'];

/** The array of a meaning in a half, or in the whole set. */
function findArray(
  names: readonly string[],
  meaning: Meaning,
  half?: keyof typeof HALVES,
): string | undefined {
  const plain = MEANINGS[meaning];
  if (half === undefined) return plain.find((name) => names.includes(name));
  return HALVES[half]
    .flatMap((prefix) => plain.flatMap((name) => [`${prefix}_${name}`, `${name}_${prefix}`]))
    .find((name) => names.includes(name));
}

const ALL_NAMES: ReadonlySet<string> = new Set([
  ...CLASS_NAMES,
  ...Object.values(MEANINGS).flatMap((names) => [
    ...names,
    ...Object.values(HALVES)
      .flat()
      .flatMap((half) => names.flatMap((name) => [`${half}_${name}`, `${name}_${half}`])),
  ]),
]);

/** Whether an array of this name has a meaning. */
function isKnown(name: string): boolean {
  return ALL_NAMES.has(name);
}

/** Throws unless an array has as many rows as there are images. */
function checkCount(name: string, found: number, count: number, source: NpyArray): void {
  if (found === count) return;
  throw new FormatError(
    'readData',
    `${name}: found ${found} rows, expected ${count}, one for each of ${source.name}.`,
  );
}

/** Rows and columns of a map, which are those of its images. */
type MapSizes = Pick<NpyImages, 'rows' | 'columns'>;

/**
 * Labels, captions and maps of a half.
 *
 * @param sizes Sizes of the images. Without them the first map says what all maps have.
 */
async function annotationsOf(
  files: ArrayFiles,
  half: Half,
  source: NpyArray,
  sizes: MapSizes | undefined,
): Promise<Pick<GivenLatents, keyof Annotations | 'mapSides'>> {
  const [count] = source.shape;
  const load = async (meaning: Meaning): Promise<NpyArray | undefined> => {
    const name = findArray(files.names, meaning, half);
    if (name === undefined) return undefined;
    const array = await files.read(name);
    checkCount(array.name, array.shape[0] ?? 0, count, source);
    return array;
  };
  const labels = await load('labels');
  const captions = await load('captions');
  const maps: [string, Uint8Array][] = [];
  let mapSizes = sizes;
  for (const name of MAPS) {
    const array = await load(name);
    if (array === undefined) continue;
    const map = mapOf(array, mapSizes);
    mapSizes = map;
    maps.push([name, map.images]);
  }
  return {
    ...(labels !== undefined && { labels: labelsOf(labels) }),
    ...(captions !== undefined && { captions: textsOf(captions) }),
    ...(maps.length > 0 && { maps: Object.fromEntries(maps) }),
    ...(sizes === undefined &&
      mapSizes !== undefined && { mapSides: [mapSizes.rows, mapSizes.columns] as const }),
  };
}

/** Maps as bytes. Throws unless they have these sizes, one channel, and values from 0 to 1. */
function mapOf(array: NpyArray, given: MapSizes | undefined): NpyImages {
  const range = rangeOf([array]);
  const map = imagesOf(array, range);
  const { rows, columns, channels } = map;
  const sizes = given ?? map;
  if (rows === sizes.rows && columns === sizes.columns && channels === 1 && range.low === 0) {
    return map;
  }
  throw new FormatError(
    'readData',
    `${array.name}: maps are ${rows}×${columns} of ${channels} channels with values from ${range.text}, expected ${sizes.rows}×${sizes.columns} as the images, one channel, and 0 to 1.`,
  );
}

/** A half of a set, or a whole set that has no halves. */
type Half = keyof typeof HALVES | undefined;

/** Reads the images of a half, and what is said of them. */
async function readImages(
  files: ArrayFiles,
  half: Half,
  source: NpyArray,
  range: ValueRange,
): Promise<AnnotatedImages> {
  const images = imagesOf(source, range);
  return { ...images, ...(await annotationsOf(files, half, source, images)) };
}

/** Reads the latents of a half, and what is said of them. */
async function readLatents(files: ArrayFiles, half: Half, source: NpyArray): Promise<GivenLatents> {
  const latents = latentsOf(source);
  const [count, channels, height, width] = source.shape;
  const said = await annotationsOf(files, half, source, undefined);
  return { count, latents, shape: [channels, height, width], ...said };
}

/** The images or latents of a half, or of the whole set. */
async function sourceOf(
  files: ArrayFiles,
  half: Half,
): Promise<{ readonly array: NpyArray; readonly isLatent: boolean } | undefined> {
  const latents = findArray(files.names, 'latents', half);
  const name = latents ?? findArray(files.names, 'images', half);
  if (name === undefined) return undefined;
  return { array: await files.read(name), isLatent: latents !== undefined };
}

/** Throws unless both halves are of one kind and size. */
function checkHalves(train: NpyArray, test: NpyArray): void {
  if (train.shape.slice(1).join() === test.shape.slice(1).join()) return;
  throw new FormatError(
    'readData',
    `${test.name}: the test set has shape [${test.shape.join(', ')}], expected [N, ${train.shape.slice(1).join(', ')}] as ${train.name}.`,
  );
}

/** Reads both halves, or cuts one set into two. */
async function readHalves<T extends DataHalf>(
  source: NpyArray,
  test: NpyArray | undefined,
  isHalf: boolean,
  load: (array: NpyArray, half: Half) => Promise<T>,
): Promise<Halves<T>> {
  const train = shuffled(await load(source, isHalf ? 'train' : undefined));
  if (test === undefined) return holdOut(train);
  return { train, test: shuffled(await load(test, 'test')) };
}

/** The least and the largest value in words, in three digits. */
function spanOf(values: Float32Array): string {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high].map((value) => String(Number(value.toPrecision(3)))).join(' to ');
}

async function readOpened(files: ArrayFiles, format: string): Promise<DataSet> {
  const training = await sourceOf(files, 'train');
  const source = training ?? (await sourceOf(files, undefined));
  if (source === undefined) {
    throw new FormatError(
      'readData',
      `${files.path}: found the arrays ${excerpt(files.names.join(', '), 300) || 'none'}, expected images (or latents), and with them labels, captions, depth, sketch or lowres.`,
    );
  }
  const test = training === undefined ? undefined : (await sourceOf(files, 'test'))?.array;
  if (test !== undefined) checkHalves(source.array, test);
  const isHalf = training !== undefined;
  const named = CLASS_NAMES.find((name) => files.names.includes(name));
  const classNames = named === undefined ? undefined : textsOf(await files.read(named));
  const unknown = files.names.filter((name) => !isKnown(name));
  const facts = {
    format,
    ...(classNames !== undefined && { classNames }),
    notes: unknown.length > 0 ? [`Arrays without use: ${excerpt(unknown.join(', '), 300)}.`] : [],
    bad: [],
  };
  if (source.isLatent) {
    const halves = await readHalves(source.array, test, isHalf, (array, half) =>
      readLatents(files, half, array),
    );
    const range = spanOf(halves.train.latents);
    return fromZero({ ...facts, kind: 'latents', range, ...halves });
  }
  const range = rangeOf([source.array, ...(test === undefined ? [] : [test])]);
  const halves = await readHalves(source.array, test, isHalf, (array, half) =>
    readImages(files, half, array, range),
  );
  return fromZero({ ...facts, kind: 'images', range: range.text, ...halves });
}

async function read(path: string): Promise<DataSet> {
  const isFolder = statSync(path).isDirectory();
  const files = await openArrays(path, isFolder, isKnown);
  try {
    return await readOpened(files, isFolder ? 'folder of npy arrays' : 'npy or npz');
  } finally {
    files.close();
  }
}

/** Reads arrays of NumPy. */
export const numpyArrays: Reader = {
  accepts: (path) => (statSync(path).isDirectory() ? hasArrays(path) : isArrayFile(path)),
  read,
};
