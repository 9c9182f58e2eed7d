// A folder of PNG and JPEG files, with a folder for each class or with a file of captions.

import { readdirSync, realpathSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { excerpt, FormatError, ValueError } from '@tessera/tensor';
import { nameFile } from '../../run/file-error.ts';
import type { AnnotatedImages, ImageData } from '../data-set.ts';
import { fitOf, fitRaster } from '../fit-images.ts';
import { holdOut, shuffled } from '../halves.ts';
import { findCaptions, readCaptions } from './captions-file.ts';
import { decodeImage } from './decode-image.ts';
import { withChannels, type Raster } from './raster.ts';
import { BadFiles, type Reader, type ReadOptions } from './reader.ts';

/** Endings of names of images, in small letters. */
const ENDINGS: ReadonlySet<string> = new Set(['.png', '.jpg', '.jpeg']);

/** Names of folders of the two halves. */
const HALVES = { train: ['train', 'training'], test: ['test', 'val', 'valid', 'validation'] };

/** An image in a folder, and what is said of it. */
interface Listed {
  readonly path: string;
  readonly className?: string;
  readonly caption?: string;
}

/** The images of a half, before they are decoded. */
interface Listing {
  readonly images: readonly Listed[];
  readonly notes: readonly string[];
}

const byName = new Intl.Collator('en', { numeric: true }).compare;

/** Names in a folder without hidden ones, in the order of people: 2 before 10. */
function namesIn(folder: string): { readonly files: string[]; readonly folders: string[] } {
  const seen = readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .sort((a, b) => byName(a.name, b.name));
  const isFolder = (entry: (typeof seen)[number]): boolean =>
    entry.isDirectory() ||
    (entry.isSymbolicLink() &&
      statSync(join(folder, entry.name), { throwIfNoEntry: false })?.isDirectory() === true);
  return {
    files: seen.filter((entry) => !isFolder(entry)).map(({ name }) => name),
    folders: seen.filter(isFolder).map(({ name }) => name),
  };
}

const isImage = (name: string): boolean => ENDINGS.has(extname(name).toLowerCase());

/**
 * All images below a folder.
 *
 * @param seen the folders that have been read, by their own paths
 * @throws FormatError if a link leads to one of these, such as one that it lies in
 */
function imagesBelow(folder: string, seen: Set<string>): string[] {
  const own = realpathSync(folder);
  if (seen.has(own)) {
    throw new FormatError(
      'readData',
      `${folder} leads to ${own}, whose images are read already. Remove the link.`,
    );
  }
  seen.add(own);
  const { files, folders } = namesIn(folder);
  return [
    ...files.filter(isImage).map((name) => join(folder, name)),
    ...folders.flatMap((name) => imagesBelow(join(folder, name), seen)),
  ];
}

/** The folders of both halves, if there are such. */
function halfFolders(path: string): { readonly train: string; readonly test?: string } | undefined {
  const { folders } = namesIn(path);
  const find = (names: readonly string[]): string | undefined => {
    const found = folders.find((name) => names.includes(name.toLowerCase()));
    return found === undefined ? undefined : join(path, found);
  };
  const [train, test] = [find(HALVES.train), find(HALVES.test)];
  if (train === undefined) return undefined;
  return { train, ...(test !== undefined && { test }) };
}

/** The images that a file of captions names. What it lacks is a bad file. */
async function listCaptioned(folder: string, file: string, bad: BadFiles): Promise<Listing> {
  const { rows, otherColumns } = await readCaptions(file);
  const present = new Set(imagesBelow(folder, new Set()));
  const images: Listed[] = [];
  const seen = new Set<string>();
  for (const { file: name, caption, label, line } of rows) {
    const path = join(folder, name);
    const at = `${file}:${line}`;
    if (name === '' || relative(folder, path).startsWith('..')) {
      bad.add(at, `'${name}' is no file in the folder.`);
    } else if (!present.has(path)) {
      bad.add(at, `there is no image ${path}.`);
    } else if (seen.has(path)) {
      bad.add(at, `${path} has a row already.`);
    } else if (label === '') {
      bad.add(at, `${path} has no label.`);
    } else {
      seen.add(path);
      images.push({
        path,
        ...(caption !== undefined && { caption }),
        ...(label !== undefined && { className: label }),
      });
    }
  }
  const left = present.size - seen.size;
  return {
    images,
    notes: [
      ...(otherColumns.length > 0 ? [`Columns without use: ${otherColumns.join(', ')}.`] : []),
      ...(left > 0 ? [`${left} images have no row in ${file} and are left out.`] : []),
    ],
  };
}

/** The images of a folder: of its folders of classes, or without classes. */
function listClasses(folder: string, bad: BadFiles): Listing {
  const { files, folders } = namesIn(folder);
  const own = files.filter(isImage).map((name) => join(folder, name));
  const others = files.length - own.length;
  const notes = others > 0 ? [`${others} files in ${folder} are neither PNG nor JPEG.`] : [];
  const seen = new Set([realpathSync(folder)]);
  const classes = folders.map((name) => ({ name, images: imagesBelow(join(folder, name), seen) }));
  if (classes.every(({ images }) => images.length === 0)) {
    return { images: own.map((path) => ({ path })), notes };
  }
  for (const path of own) bad.add(path, 'it lies beside the folders of classes, expected in one.');
  for (const { name, images } of classes) {
    if (images.length === 0) bad.add(join(folder, name), 'the folder has no PNG or JPEG files.');
  }
  return {
    images: classes.flatMap(({ name, images }) =>
      images.map((path) => ({ path, className: name })),
    ),
    notes,
  };
}

async function listHalf(folder: string, bad: BadFiles): Promise<Listing> {
  const file = findCaptions(folder);
  const listing =
    file === undefined ? listClasses(folder, bad) : await listCaptioned(folder, file, bad);
  if (listing.images.length > 0 || bad.files.length > 0) return listing;
  throw new FormatError(
    'readData',
    `the folder ${folder} has no PNG or JPEG files, no idx files and no npy files. Put images into one folder for each class.`,
  );
}

/** Reads a file. Throws a ValueError that names it. */
async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw nameFile('readData', path, 'read', error);
  }
}

/** Collects images of one size in one array. */
class Collector {
  readonly #options: ReadOptions;
  readonly #largest: number;
  #images: Uint8Array = new Uint8Array(0);
  #first: (Omit<Raster, 'pixels'> & { readonly path: string }) | undefined;
  #count = 0;

  constructor(options: ReadOptions, largest: number) {
    this.#options = options;
    this.#largest = largest;
  }

  /** The sizes of all images. */
  get sizes(): Omit<Raster, 'pixels'> | undefined {
    return this.#first;
  }

  /** Adds an image, fitted into the square if there is one. Throws if it is another kind than those before. */
  add(path: string, decoded: Raster): void {
    const { size, channels = this.#first?.channels ?? decoded.channels } = this.#options;
    const raster = this.#options.channels === undefined ? decoded : withChannels(decoded, channels);
    const { rows, columns } = size === undefined ? raster : { rows: size, columns: size };
    this.#first ??= { rows, columns, channels: raster.channels, path };
    this.#check(path, rows, columns, raster.channels);
    const length = raster.channels * rows * columns;
    if (this.#count === 0) this.#images = new Uint8Array(this.#largest * length);
    const slot = this.#images.subarray(this.#count * length, (this.#count + 1) * length);
    this.#place(raster, rows, columns, slot);
    this.#count++;
  }

  #check(path: string, rows: number, columns: number, channels: number): void {
    const first = this.#first;
    if (first === undefined) return;
    if (rows !== first.rows || columns !== first.columns) {
      throw new FormatError(
        'readData',
        `${path}: the image is ${rows}×${columns}, but ${first.path} is ${first.rows}×${first.columns}. Give --image-size to fit all into one.`,
      );
    }
    if (channels !== first.channels) {
      const kind = (n: number): string => (n === 1 ? 'grey' : 'in colour');
      throw new FormatError(
        'readData',
        `${path}: the image is ${kind(channels)}, but ${first.path} is ${kind(first.channels)}. Give --image-channels 1 or 3 for all.`,
      );
    }
  }

  #place(raster: Raster, rows: number, columns: number, slot: Uint8Array): void {
    const { size, unit } = this.#options;
    const area = raster.rows * raster.columns;
    for (let channel = 0; channel < raster.channels; channel++) {
      const source = raster.pixels.subarray(channel * area, (channel + 1) * area);
      const place = slot.subarray(channel * rows * columns, (channel + 1) * rows * columns);
      if (size === undefined) place.set(source);
      else fitRaster(source, raster, fitOf(raster, size, unit), size, place);
    }
  }

  /** The images so far: `[count, channels, rows, columns]`. */
  images(): Uint8Array {
    const { rows, columns, channels } = this.#first ?? { rows: 0, columns: 0, channels: 1 };
    return this.#images.subarray(0, this.#count * channels * rows * columns);
  }
}

/** Decodes the images of a half, and leaves bad ones to the list. */
async function decodeHalf(
  listed: readonly Listed[],
  classNames: readonly string[],
  bad: BadFiles,
  options: ReadOptions,
): Promise<AnnotatedImages> {
  const collector = new Collector(options, listed.length);
  const kept: Listed[] = [];
  for (const image of listed) {
    const done = await bad.attempt(image.path, async () => {
      collector.add(image.path, decodeImage(await bytesOf(image.path), image.path));
      return true;
    });
    if (done === true) kept.push(image);
  }
  const { rows = 0, columns = 0, channels = 1 } = collector.sizes ?? {};
  const label = new Map(classNames.map((name, i) => [name, i]));
  return {
    images: collector.images(),
    count: kept.length,
    rows,
    columns,
    channels,
    ...(classNames.length > 0 && {
      labels: Int32Array.from(kept, ({ className = '' }) => label.get(className) ?? 0),
    }),
    ...(kept.some(({ caption }) => caption !== undefined) && {
      captions: kept.map(({ caption = '' }) => caption),
    }),
  };
}

/** Throws unless the halves have images, and of one kind. */
function checkHalves(
  path: string,
  train: AnnotatedImages,
  test: AnnotatedImages | undefined,
): void {
  if (train.count === 0 || test?.count === 0) {
    throw new FormatError('readData', `${path}: none of the images can be read.`);
  }
  if (test === undefined) return;
  const same = (['rows', 'columns', 'channels'] as const).every((key) => train[key] === test[key]);
  if (same) return;
  const sizes = ({ rows, columns, channels }: AnnotatedImages): string =>
    `${rows}×${columns} of ${channels === 1 ? 'grey' : 'colour'}`;
  throw new FormatError(
    'readData',
    `${path}: the training images are ${sizes(train)}, the test images ${sizes(test)}. Give --image-size and --image-channels.`,
  );
}

async function read(path: string, options: ReadOptions): Promise<ImageData> {
  const bad = new BadFiles(options.skipBad);
  const folders = halfFolders(path) ?? { train: path };
  const training = await listHalf(folders.train, bad);
  const testing = folders.test === undefined ? undefined : await listHalf(folders.test, bad);
  const all = [...training.images, ...(testing?.images ?? [])];
  const classNames = [...new Set(training.images.flatMap(({ className }) => className ?? []))].sort(
    byName,
  );
  for (const { path: image, className } of testing?.images ?? []) {
    if (className !== undefined && !classNames.includes(className)) {
      throw new ValueError(
        'readData',
        `${image}: there is no class ${excerpt(className)} among the training images.`,
      );
    }
  }
  const first = await decodeHalf(training.images, classNames, bad, options);
  const second =
    testing === undefined ? undefined : await decodeHalf(testing.images, classNames, bad, options);
  bad.check(all.length);
  checkHalves(path, first, second);
  const train = shuffled(first);
  return {
    kind: 'images',
    format:
      findCaptions(folders.train) === undefined
        ? 'folder of images'
        : 'folder of images with captions',
    range: '0 to 255',
    ...(second === undefined ? holdOut(train) : { train, test: shuffled(second) }),
    ...(classNames.length > 0 && { classNames }),
    notes: [...training.notes, ...(testing?.notes ?? [])],
    bad: bad.files,
  };
}

/** Reads folders of images. */
export const imageFolder: Reader = {
  accepts: (path) => statSync(path).isDirectory(),
  read,
};
