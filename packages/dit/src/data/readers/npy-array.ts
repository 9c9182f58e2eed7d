// Arrays of NumPy as bytes of images, labels, texts and latents, without a copy where the file has bytes.

import { excerpt, FormatError, npyHeader, type NpyHeader } from '@tessera/tensor';
import type { Promised } from '../promised-bytes.ts';

/** An array as it stands in a file. */
export interface NpyArray extends NpyHeader {
  /** The name of the array in errors: file and key. */
  readonly name: string;
  /** The elements. */
  readonly body: Uint8Array;
}

/** Bytes of an element, and how it is read, for each dtype without its byte order. */
const NUMBERS: Readonly<
  Record<string, readonly [bytes: number, (view: DataView, at: number, little: boolean) => number]>
> = {
  b1: [1, (view, at) => view.getUint8(at)],
  u1: [1, (view, at) => view.getUint8(at)],
  i1: [1, (view, at) => view.getInt8(at)],
  u2: [2, (view, at, little) => view.getUint16(at, little)],
  i2: [2, (view, at, little) => view.getInt16(at, little)],
  u4: [4, (view, at, little) => view.getUint32(at, little)],
  i4: [4, (view, at, little) => view.getInt32(at, little)],
  u8: [8, (view, at, little) => Number(view.getBigUint64(at, little))],
  i8: [8, (view, at, little) => Number(view.getBigInt64(at, little))],
  f4: [4, (view, at, little) => view.getFloat32(at, little)],
  f8: [8, (view, at, little) => view.getFloat64(at, little)],
};

function product(shape: readonly number[]): number {
  return shape.reduce((size, side) => size * side, 1);
}

/** Bytes of an element of numbers or of texts. */
function elementBytes({ dtype, name }: Pick<NpyArray, 'dtype' | 'name'>): number {
  const kind = dtype.slice(1);
  if (Object.hasOwn(NUMBERS, kind)) return NUMBERS[kind][0];
  const [, letter, length] = /^([US])([1-9]\d{0,8})$/.exec(kind) ?? [];
  if (letter !== undefined) return Number(length) * (letter === 'U' ? 4 : 1);
  const hint =
    kind === 'O'
      ? 'Objects are pickled Python. Save texts by np.array(texts), numbers by astype'
      : `Known are ${Object.keys(NUMBERS).join(', ')} and texts. Convert it with astype`;
  throw new FormatError('readData', `${name}: dtype '${excerpt(dtype)}' is not read. ${hint}.`);
}

/** Longest header of an array, in bytes, as `npyHeader` reads it. */
const LONGEST_HEADER = 10_000;

/** What the header of an array promises; `undefined` while it may not have come whole. */
export function promiseOf(start: Uint8Array, name: string): Promised | undefined {
  if (start.length < LONGEST_HEADER) return undefined;
  const header = npyHeaderOf(start, name);
  const elements = elementsLength(header, name);
  return {
    length: header.start + elements,
    tooLong: () => wrongSize(header, name, `more than ${elements}`),
  };
}

/** Bytes of all elements. */
function elementsLength({ shape, dtype }: NpyHeader, name: string): number {
  return product(shape) * elementBytes({ dtype, name });
}

function wrongSize(header: NpyHeader, name: string, found: string): FormatError {
  const { start, shape } = header;
  return new FormatError(
    'readData',
    `${name}: ${found} bytes of elements follow byte ${start}, but shape [${shape.join(', ')}] takes ${elementsLength(header, name)}. The file is truncated or damaged.`,
  );
}

/**
 * Reads the header of an array. Its elements stay where they are.
 *
 * @throws FormatError if the header is damaged, the elements are too many or too few, or of an unknown dtype
 */
export function readNpy(bytes: Uint8Array, name: string): NpyArray {
  const header = npyHeaderOf(bytes, name);
  const body = bytes.subarray(header.start);
  if (body.length !== elementsLength(header, name)) {
    throw wrongSize(header, name, String(body.length));
  }
  if (header.fortranOrder && header.shape.length > 1) {
    throw new FormatError(
      'readData',
      `${name}: the array is in Fortran order. Save it after np.ascontiguousarray.`,
    );
  }
  return { ...header, name, body };
}

/** The header with the file's name in its errors, as all errors of a reader have it. */
function npyHeaderOf(bytes: Uint8Array, name: string): NpyHeader {
  try {
    return npyHeader(bytes, name);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError('readData', error.message);
  }
}

/** Reads element `i` of an array of numbers. */
function numberReader(array: NpyArray): (i: number) => number {
  const { dtype, body, name } = array;
  const kind = dtype.slice(1);
  if (!Object.hasOwn(NUMBERS, kind)) {
    throw new FormatError('readData', `${name}: dtype '${excerpt(dtype)}' has no numbers.`);
  }
  const [bytes, get] = NUMBERS[kind];
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const little = !dtype.startsWith('>');
  return (i) => get(view, i * bytes, little);
}

/** The place of an element in words: `[3, 0, 12]`, and its byte in the file. */
function placeOf(array: NpyArray, i: number): string {
  const index: number[] = [];
  let rest = i;
  for (const side of [...array.shape].reverse()) {
    index.unshift(rest % side);
    rest = Math.floor(rest / side);
  }
  return `element [${index.join(', ')}] at byte ${array.start + i * elementBytes(array)}`;
}

/** The texts of an array of one axis. */
export function textsOf(array: NpyArray): string[] {
  const { dtype, body, shape, name } = array;
  const kind = dtype[1];
  if ((kind !== 'U' && kind !== 'S') || shape.length !== 1) {
    throw new FormatError(
      'readData',
      `${name}: expected a list of texts, found dtype '${excerpt(dtype)}' with shape [${shape.join(', ')}].`,
    );
  }
  const width = elementBytes(array);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const decoder = new TextDecoder();
  return Array.from({ length: shape[0] }, (_, i) => {
    if (kind === 'S') return decoder.decode(trimmed(body.subarray(i * width, (i + 1) * width)));
    let [text, gap] = ['', ''];
    for (let at = i * width; at < (i + 1) * width; at += 4) {
      const point = view.getUint32(at, !dtype.startsWith('>'));
      if (point > 0x10ffff) {
        throw new FormatError(
          'readData',
          `${name}: text ${i} is damaged: byte ${array.start + at} begins no character.`,
        );
      }
      // Zeros at the end fill the text up. Others belong to it.
      gap += String.fromCodePoint(point);
      if (point !== 0) [text, gap] = [text + gap, ''];
    }
    return text;
  });
}

/** Bytes without zeros at the end. */
function trimmed(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, bytes.findLastIndex((byte) => byte !== 0) + 1);
}

/**
 * Whole numbers from 0, one a row: `[N]` or `[N, 1]`.
 *
 * @throws FormatError with the place of a number that is none
 */
export function labelsOf(array: NpyArray): Int32Array {
  const { shape, name } = array;
  if (shape.length === 0 || product(shape) !== shape[0]) {
    throw new FormatError(
      'readData',
      `${name}: labels have shape [${shape.join(', ')}], expected [N] or [N, 1].`,
    );
  }
  const at = numberReader(array);
  return Int32Array.from({ length: shape[0] }, (_, i) => {
    const label = at(i);
    if (Number.isInteger(label) && label >= 0 && label < MOST_CLASSES) return label;
    throw new FormatError(
      'readData',
      `${name}: ${placeOf(array, i)} is ${label}, expected a label from 0 to ${MOST_CLASSES - 1}.`,
    );
  });
}

/** Most classes that a configuration takes. */
const MOST_CLASSES = 100_000;

/** The values of images in a file, which become bytes. */
export interface ValueRange {
  readonly low: number;
  readonly high: number;
  /** The range in words. */
  readonly text: string;
}

/** The ranges that floats of images may have, the narrowest first. */
const RANGES: readonly ValueRange[] = [
  { low: 0, high: 1, text: '0 to 1' },
  { low: -1, high: 1, text: '-1 to 1' },
  { low: 0, high: 255, text: '0 to 255' },
];

/** The range of an array's values. Throws a FormatError for one that no image has, or that is not finite. */
export function rangeOf(arrays: readonly NpyArray[]): ValueRange {
  let [low, high] = [Infinity, -Infinity];
  for (const array of arrays) {
    if (array.dtype.endsWith('b1')) {
      checkBools(array);
      return RANGES[0];
    }
    if (array.dtype.endsWith('u1')) return RANGES[2];
    const at = numberReader(array);
    for (let i = 0; i < product(array.shape); i++) {
      const value = at(i);
      if (!Number.isFinite(value)) {
        throw new FormatError(
          'readData',
          `${array.name}: ${placeOf(array, i)} is ${value}, expected a finite number.`,
        );
      }
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  const found = RANGES.find((range) => low >= range.low && high <= range.high);
  if (found !== undefined) return found;
  throw new FormatError(
    'readData',
    `${arrays[0].name}: values go from ${low} to ${high}, expected 0 to 1, -1 to 1 or 0 to 255. Scale them first.`,
  );
}

/** Throws a FormatError unless all bytes are 0 or 1. */
function checkBools(array: NpyArray): void {
  const odd = array.body.findIndex((byte) => byte > 1);
  if (odd === -1) return;
  throw new FormatError(
    'readData',
    `${array.name}: ${placeOf(array, odd)} is ${array.body[odd]}, expected a bool, 0 or 1.`,
  );
}

/** Where the sizes of images stand in the shape of an array. */
interface Layout {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  /** Channels of the file: 1, 3 or 4. */
  readonly channels: number;
  /** Elements from one row, column and channel to the next. */
  readonly strides: readonly [row: number, column: number, channel: number];
}

/** NHW, NHWC or NCHW, by the place where 1, 3 or 4 stands; NHWC if both places have it. */
function layoutOf({ shape, name }: NpyArray): Layout {
  const isChannels = (size: number): boolean => size === 1 || size === 3 || size === 4;
  const [count, a, b, c] = shape;
  if (shape.length === 3) {
    return { count, rows: a, columns: b, channels: 1, strides: [b, 1, 1] };
  }
  if (shape.length === 4 && isChannels(c)) {
    return { count, rows: a, columns: b, channels: c, strides: [b * c, c, 1] };
  }
  if (shape.length === 4 && isChannels(a)) {
    return { count, rows: b, columns: c, channels: a, strides: [c, 1, b * c] };
  }
  throw new FormatError(
    'readData',
    `${name}: images have shape [${shape.join(', ')}], expected [N, H, W], [N, H, W, C] or [N, C, H, W] with 1, 3 or 4 channels.`,
  );
}

/** Images as bytes, `[count, channels, rows, columns]`. */
export interface NpyImages {
  readonly images: Uint8Array;
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  readonly channels: 1 | 3;
}

/**
 * The images of an array as bytes. Bytes in the right order are a view. What is transparent becomes black.
 *
 * @param range the values that become 0 and 255
 */
export function imagesOf(array: NpyArray, { low, high }: ValueRange): NpyImages {
  const { count, rows, columns, channels, strides } = layoutOf(array);
  const area = rows * columns;
  if (count * area === 0) {
    throw new FormatError('readData', `${array.name}: there are no images in it.`);
  }
  const colours = channels === 4 ? 3 : channels;
  const sizes = { count, rows, columns, channels: colours === 1 ? 1 : 3 } as const;
  const planar = strides[2] === area || channels === 1;
  if (array.dtype.endsWith('u1') && planar && channels !== 4) {
    return { ...sizes, images: array.body };
  }
  const at = numberReader(array);
  const scale = 255 / (high - low);
  const images = new Uint8Array(count * colours * area);
  for (let image = 0, to = 0; image < count; image++) {
    for (let colour = 0; colour < colours; colour++) {
      for (let pixel = 0; pixel < area; pixel++, to++) {
        const from =
          image * channels * area +
          Math.floor(pixel / columns) * strides[0] +
          (pixel % columns) * strides[1];
        const alpha = channels === 4 ? (at(from + 3 * strides[2]) - low) / (high - low) : 1;
        images[to] = Math.round((at(from + colour * strides[2]) - low) * scale * alpha);
      }
    }
  }
  return { ...sizes, images };
}

/**
 * Latents as float32, `[N, C, h, w]`.
 *
 * @throws FormatError with the place of a number that is not finite
 */
export function latentsOf(array: NpyArray): Float32Array {
  const { shape, name } = array;
  if (shape.length !== 4 || product(shape) === 0) {
    throw new FormatError(
      'readData',
      `${name}: latents have shape [${shape.join(', ')}], expected [N, C, h, w].`,
    );
  }
  const at = numberReader(array);
  const latents = new Float32Array(product(shape));
  for (let i = 0; i < latents.length; i++) {
    latents[i] = at(i);
    if (Number.isFinite(latents[i])) continue;
    throw new FormatError(
      'readData',
      `${name}: ${placeOf(array, i)} is ${at(i)}, expected a finite number.`,
    );
  }
  return latents;
}
