// The idx file format of MNIST, decoded and encoded in memory.

/**
 * The idx format of the MNIST files: a big-endian header and then the bytes. Nothing here touches a file
 * system, so it runs in a browser too. `mnist.ts` reads the files.
 *
 * Images: magic 0x00000803, count, rows, columns, then one byte a pixel, row by row.
 * Labels: magic 0x00000801, count, then one byte a label.
 * Source: http://yann.lecun.com/exdb/mnist (the section on file formats).
 */

import { checkOptions, FormatError, ValueError } from '@tessera/tensor';
import { checkArray, checkFields, checkText, checkWhole } from '../config/argument-check.ts';
import type { ImageSet } from './data-set.ts';

/** Magic number of a file of images: unsigned bytes (0x08) in 3 dimensions. */
const IDX_IMAGES_MAGIC = 0x00000803;

/** Magic number of a file of labels: unsigned bytes (0x08) in 1 dimension. */
const IDX_LABELS_MAGIC = 0x00000801;

/** Grey images of one size. */
export interface IdxImages {
  /** One byte a pixel, 0 background to 255 ink: [count, rows, columns], row-major. */
  readonly images: Uint8Array;
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
}

/** Throws a ValueError unless `set` has the fields of {@link ImageSet}. */
export function checkImages(op: string, set: ImageSet): void {
  const fields = ['images', 'count', 'rows', 'columns'];
  checkFields(op, 'set', set, fields, 'decodeIdxImages and loadMnist give one.');
  checkArray(op, 'set.images', set.images, 'Uint8Array');
  checkWhole(op, 'set.count', set.count, 0);
  checkWhole(op, 'set.rows', set.rows, 0);
  checkWhole(op, 'set.columns', set.columns, 0);
  if (set.channels !== undefined) checkWhole(op, 'set.channels', set.channels, 1);
}

/** A magic number in the words of an error. */
function describeMagic(magic: number): string {
  const hex = `0x${magic.toString(16).padStart(8, '0')}`;
  if (magic === IDX_IMAGES_MAGIC) {
    return `${hex} (images)`;
  }
  if (magic === IDX_LABELS_MAGIC) {
    return `${hex} (labels)`;
  }
  return magic >>> 16 === 0x1f8b ? `${hex} (still gzipped)` : hex;
}

/** One kind of idx files. */
export interface IdxKind {
  readonly op: string;
  readonly magic: number;
  /** Bytes of the header. */
  readonly header: number;
  /** The name of the bytes after the header: pixels or labels. */
  readonly unit: string;
}

/** Files of images. */
export const IDX_IMAGES: IdxKind = {
  op: 'decodeIdxImages',
  magic: IDX_IMAGES_MAGIC,
  header: 16,
  unit: 'pixels',
};

/** Files of labels. */
export const IDX_LABELS: IdxKind = {
  op: 'decodeIdxLabels',
  magic: IDX_LABELS_MAGIC,
  header: 8,
  unit: 'labels',
};

/** The sizes that a header declares. */
export interface IdxHeader {
  readonly sizes: readonly number[];
  /** Bytes of the whole file. */
  readonly length: number;
}

/**
 * Reads the header of a file.
 *
 * @param bytes the file, or its beginning
 * @param name the name of the file in errors
 * @throws FormatError on another magic number, a size of zero
 */
export function readIdxHeader(
  { op, magic, header, unit }: IdxKind,
  bytes: Uint8Array,
  name: string,
): IdxHeader {
  if (bytes.length < header) {
    throw new FormatError(
      op,
      `${name}: found ${bytes.length} bytes, expected at least the ${header} of an idx header. Is the file truncated?`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = view.getUint32(0);
  if (found !== magic) {
    throw new FormatError(
      op,
      `${name}: found magic number ${describeMagic(found)}, expected ${describeMagic(magic)}. Is it another file?`,
    );
  }
  const sizes = Array.from({ length: header / 4 - 1 }, (_, i) => view.getUint32(4 + 4 * i));
  const body = sizes.reduce((product, size) => product * size, 1);
  if (body === 0) {
    throw new FormatError(
      op,
      `${name}: the header declares ${sizes.join(' × ')} ${unit}, expected at least one.`,
    );
  }
  return { sizes, length: header + body };
}

/** Reads the header of a whole file, and checks that exactly so many bytes follow as it declares. */
function readWhole(kind: IdxKind, bytes: Uint8Array, name: string): readonly number[] {
  checkArray(kind.op, 'bytes', bytes, 'Uint8Array');
  checkText(kind.op, 'name', name);
  const header = readIdxHeader(kind, bytes, name);
  if (bytes.length === header.length) return header.sizes;
  const hint = bytes.length < header.length ? 'is truncated' : 'has trailing bytes';
  throw wrongLength(kind, header, `${bytes.length}`, hint, name);
}

/** The error for a file with more or fewer bytes than its header declares. */
export function wrongLength(
  { op, header, unit }: IdxKind,
  { sizes, length }: IdxHeader,
  found: string,
  hint: string,
  name: string,
): FormatError {
  const declared = `a header of ${header} and ${sizes.join(' × ')} ${unit}`;
  return new FormatError(
    op,
    `${name}: found ${found} bytes, expected ${length} (${declared}). The file ${hint}.`,
  );
}

/** Writes the magic number and the dimensions, then the bytes. */
function writeIdx(magic: number, sizes: readonly number[], body: Uint8Array): Uint8Array {
  const header = 4 + 4 * sizes.length;
  const bytes = new Uint8Array(header + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic);
  sizes.forEach((size, i) => {
    view.setUint32(4 + 4 * i, size);
  });
  bytes.set(body, header);
  return bytes;
}

/**
 * Reads the bytes of an idx3-ubyte file of images; the pixels are a view of `bytes`, not a copy.
 *
 * @param bytes the whole file, not gzipped
 * @param name the name of the file in errors
 * @throws FormatError on another magic number, a size of zero, missing or trailing bytes
 * @example
 * const bytes = encodeIdxImages({ images: Uint8Array.of(0, 255), count: 1, rows: 1, columns: 2 });
 * const { count, rows, columns } = decodeIdxImages(bytes);
 * [count, rows, columns]; // [1, 1, 2]
 */
export function decodeIdxImages(bytes: Uint8Array, name = 'images'): IdxImages {
  const [count, rows, columns] = readWhole(IDX_IMAGES, bytes, name);
  return { images: bytes.subarray(16), count, rows, columns };
}

/**
 * Reads the bytes of an idx1-ubyte file of labels; the labels are a view of `bytes`, not a copy.
 *
 * @param bytes the whole file, not gzipped
 * @param options `name`: the name of the file in errors, default `labels`; `classes`: labels outside
 *   0 … classes - 1 are refused, default 256
 * @returns one byte a label: [count]
 * @throws FormatError on another magic number, no labels, missing or trailing bytes, a label out of range
 * @example
 * decodeIdxLabels(encodeIdxLabels(Uint8Array.of(5, 0, 4))); // [5, 0, 4]
 */
export function decodeIdxLabels(
  bytes: Uint8Array,
  options: { readonly name?: string; readonly classes?: number } = {},
): Uint8Array {
  checkOptions('decodeIdxLabels', options, ['name', 'classes']);
  const { name = 'labels', classes = 256 } = options;
  checkWhole('decodeIdxLabels', 'classes', classes, 1);
  readWhole(IDX_LABELS, bytes, name);
  const labels = bytes.subarray(8);
  const bad = labels.findIndex((label) => label >= classes);
  if (bad !== -1) {
    throw new FormatError(
      'decodeIdxLabels',
      `${name}: label number ${bad} is ${labels[bad]}, expected 0 to ${classes - 1}.`,
    );
  }
  return labels;
}

/**
 * Writes images as the bytes of an idx3-ubyte file, the inverse of {@link decodeIdxImages}.
 *
 * @throws ValueError if there are no pixels, or their number is not count × rows × columns
 * @example
 * encodeIdxImages({ images: new Uint8Array(6), count: 1, rows: 2, columns: 3 }).length; // 22: 16 + 6
 */
export function encodeIdxImages(set: IdxImages): Uint8Array {
  checkImages('encodeIdxImages', set);
  const { images, count, rows, columns } = set;
  if (images.length === 0 || images.length !== count * rows * columns) {
    throw new ValueError(
      'encodeIdxImages',
      `there are ${images.length} pixels, expected ${count} × ${rows} × ${columns} (count × rows × columns), and at least one.`,
    );
  }
  return writeIdx(IDX_IMAGES_MAGIC, [count, rows, columns], images);
}

/**
 * Writes labels as the bytes of an idx1-ubyte file, the inverse of {@link decodeIdxLabels}.
 *
 * @param labels one byte a label: [count]
 * @throws ValueError if there are none
 * @example
 * encodeIdxLabels(Uint8Array.of(5, 0, 4)); // [0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]
 */
export function encodeIdxLabels(labels: Uint8Array): Uint8Array {
  checkArray('encodeIdxLabels', 'labels', labels, 'Uint8Array');
  if (labels.length === 0) {
    throw new ValueError('encodeIdxLabels', 'there are no labels to write.');
  }
  return writeIdx(IDX_LABELS_MAGIC, [labels.length], labels);
}
