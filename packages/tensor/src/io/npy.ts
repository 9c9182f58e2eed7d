// Reads and writes arrays in NumPy's .npy format.

import { checkOptions, checkTensors } from '../arguments.ts';
import { tensor } from '../create.ts';
import { excerpt, expectMemory, FormatError, ShapeError, ValueError } from '../errors.ts';
import type { TypedArray } from '../array/dtype.ts';
import { sizeOf } from '../array/shape.ts';
import type { Tensor } from '../tensor.ts';
import { readElements, widthOf, type StoredType } from './foreign-elements.ts';

/** The stored type for each dtype of NumPy, whose name stands here without the byte order. */
const STORED: Readonly<Record<string, StoredType>> = {
  f2: 'F16',
  f4: 'F32',
  f8: 'F64',
  i1: 'I8',
  i2: 'I16',
  i4: 'I32',
  i8: 'I64',
  u1: 'U8',
  u2: 'U16',
  u4: 'U32',
  u8: 'U64',
  b1: 'BOOL',
};

const DESCRIPTIONS = { float32: '<f4', int32: '<i4', bool: '|b1' } as const;

const MAGIC = Uint8Array.of(0x93, ...new TextEncoder().encode('NUMPY'));

/** Bytes before the header in version 1.0: magic bytes, version, length as u16. */
const PREFIX = 10;

/** Elements start at a multiple of this many bytes. */
const ALIGNMENT = 64;

/** Most axes that NumPy 2 accepts. */
const MAX_RANK = 64;

/** Longest header that is read, in bytes, as in NumPy. A header with 64 axes takes a fifth of it. */
const MAX_HEADER = 10_000;

/** What the header of a `.npy` file says. */
export interface NpyHeader {
  /** The dtype in NumPy's notation, such as `<f4`, or `<U20` for texts of up to 20 characters. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Whether the first axis is the fastest. */
  readonly fortranOrder: boolean;
  /** The byte at which the elements start. */
  readonly start: number;
}

/**
 * Reads an array in NumPy's `.npy` format, versions 1.0 and 2.0, of either byte order.
 *
 * float32, int32 and bool keep their dtype. float16 becomes float32, exactly; float64 is rounded to float32;
 * all other integers become int32. {@link npyDType} returns the dtype in the file. Elements are copied, so
 * `bytes` may be reused. An array in Fortran order becomes a transposed view.
 *
 * Source: NumPy Enhancement Proposal 1, "A simple file format for NumPy arrays".
 *
 * @param label The name of the array in errors, e.g. the path of its file.
 * @throws FormatError if the bytes are not a well-formed array: truncated or too long, another
 * dtype, more than 64 axes, bools other than 0 and 1, numbers that int32 or float32 cannot hold.
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * fromNpy(await toNpy(x)); // [[1, 2], [3, 4]]
 */
export function fromNpy(bytes: Uint8Array, label = 'npy'): Tensor {
  const { dtype, shape, fortranOrder, start } = npyHeader(bytes, label);
  const stored = storedType(dtype, label);
  const width = widthOf(stored);
  const expected = sizeOf(shape) * width;
  if (bytes.length - start !== expected) {
    throw new FormatError(
      label,
      `${bytes.length - start} bytes of elements, but shape [${shape.join(', ')}] takes ${expected}. The file is truncated or damaged.`,
    );
  }
  const elements = expectMemory(label, expected, () => {
    const body = new Uint8Array(bytes.subarray(start));
    if (dtype.startsWith('>')) swapBytes(body, width);
    return readElements(stored, body, label, 'the array');
  });
  if (!fortranOrder) return tensor(elements, { shape });
  return tensor(elements, { shape: [...shape].reverse() }).permute([...shape.keys()].reverse());
}

/**
 * The dtype of the array in a `.npy` file, in NumPy's notation. `<f4`, `<i4` and `|b1` are read unchanged;
 * the others are converted.
 *
 * @throws FormatError for the header, like {@link fromNpy}.
 * @example
 * npyDType(await toNpy(tensor([1, 2]))); // '<f4'
 */
export function npyDType(bytes: Uint8Array, label = 'npy'): string {
  const { dtype } = npyHeader(bytes, label);
  storedType(dtype, label);
  return dtype;
}

/** Converts big-endian elements to little-endian ones, in place. */
function swapBytes(bytes: Uint8Array, width: number): void {
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
}

/** Options of {@link toNpy}. */
export interface ToNpyOptions {
  /** `'|u1'` stores whole numbers from 0 to 255 as bytes. Default: the dtype of the tensor. */
  readonly dtype?: '|u1';
}

/**
 * Writes a tensor in NumPy's `.npy` format 1.0, in C order, for `numpy.load`.
 *
 * @returns the bytes of the file; resolves when the backend has the elements
 * @throws ShapeError if x has more than 64 axes, NumPy's limit; ValueError for elements that are no bytes.
 * @example
 * const bytes = await toNpy(tensor([1, 2, 3]));
 * bytes.length; // 140: a header of 128 bytes and three float32
 */
export async function toNpy(
  x: Tensor,
  options: ToNpyOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  checkTensors('toNpy', { x });
  checkOptions('toNpy', options, ['dtype']);
  const { shape } = x;
  if (shape.length > MAX_RANK) {
    throw new ShapeError('toNpy', `${shape.length} axes, but NumPy knows at most ${MAX_RANK}.`, [
      shape,
    ]);
  }
  let elements: TypedArray = await x.data();
  if (options.dtype !== undefined) {
    const wide = elements;
    elements = Uint8Array.from(wide);
    const lost = elements.findIndex((byte, i) => byte !== wide[i]);
    if (lost >= 0 || options.dtype !== '|u1') {
      const hint = 'Expected whole numbers from 0 to 255.';
      throw new ValueError('toNpy', `${wide[lost]} cannot be stored as ${options.dtype}. ${hint}`);
    }
  }
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const header = `{'descr': '${options.dtype ?? DESCRIPTIONS[x.dtype]}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const start = Math.ceil((PREFIX + header.length + 1) / ALIGNMENT) * ALIGNMENT;
  const fileBytes = start + elements.byteLength;
  const bytes = expectMemory('toNpy', fileBytes, () => new Uint8Array(fileBytes));
  bytes.fill(0x20, PREFIX, start);
  bytes.set([...MAGIC, 1, 0]);
  new DataView(bytes.buffer).setUint16(8, start - PREFIX, true);
  bytes.set(new TextEncoder().encode(header), PREFIX);
  bytes[start - 1] = 0x0a;
  bytes.set(new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength), start);
  return bytes;
}

/** The byte at which the header ends and the elements start. */
function bodyStart(bytes: Uint8Array, label: string): number {
  if (!((bytes as unknown) instanceof Uint8Array)) {
    throw new FormatError(label, 'the bytes must be a Uint8Array. Write new Uint8Array(buffer).');
  }
  if (bytes.length < 12 || !MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw new FormatError(label, 'the bytes do not start like an .npy file.');
  }
  const [major, minor] = bytes.subarray(6, 8);
  if ((major !== 1 && major !== 2) || minor !== 0) {
    throw new FormatError(
      label,
      `format version ${major}.${minor} is not known: 1.0 or 2.0 expected.`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = major === 1 ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true);
  if (start > MAX_HEADER) {
    throw new FormatError(
      label,
      `the header ends at byte ${start}, past the limit of ${MAX_HEADER}.`,
    );
  }
  if (start <= bytes.length) return start;
  throw new FormatError(
    label,
    `the header ends at byte ${start}, but there are ${bytes.length}. The file is truncated or damaged.`,
  );
}

/**
 * Reads the header of a `.npy` file, a Python dictionary such as
 * `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`. Its dtype may be one that {@link fromNpy} does not
 * read, such as texts.
 *
 * @param bytes The file, or its first 10 kB.
 * @throws FormatError if there is no well-formed header.
 * @example
 * const { shape, start } = npyHeader(await toNpy(tensor([1, 2])));
 * [...shape, start]; // [2, 128]
 */
export function npyHeader(bytes: Uint8Array, label = 'npy'): NpyHeader {
  const start = bodyStart(bytes, label);
  const text = new TextDecoder().decode(bytes.subarray(bytes[6] === 1 ? 10 : 12, start));
  const entry = /\s*'(\w+)'\s*:\s*('[^']*'|True|False|\([\d,\s]*\))\s*(?:,|(?=\}))/y;
  const fields = new Map<string, string>();
  const [opening = ''] = /^\s*\{/.exec(text) ?? [];
  let at = (entry.lastIndex = opening.length);
  for (let found = entry.exec(text); found !== null; found = entry.exec(text)) {
    fields.set(found[1], found[2]);
    at = entry.lastIndex;
  }
  const dtype = fields.get('descr')?.slice(1, -1);
  const order = fields.get('fortran_order');
  const shape = shapeOf(fields.get('shape'));
  const isWhole = opening !== '' && fields.size === 3 && /^\s*\}\s*$/.test(text.slice(at));
  if (!isWhole || dtype === undefined || !/^(?:True|False)$/.test(order ?? '') || shape === null) {
    throw new FormatError(
      label,
      `the header does not describe a plain array: ${excerpt(text.trim())}.`,
    );
  }
  return { dtype, shape, fortranOrder: order === 'True', start };
}

/** The stored type of a dtype of NumPy. */
function storedType(dtype: string, label: string): StoredType {
  const kind = /^[<>|]/.test(dtype) ? dtype.slice(1) : '';
  if (Object.hasOwn(STORED, kind) && (dtype[0] === '|') === kind.endsWith('1')) return STORED[kind];
  throw new FormatError(
    label,
    `dtype '${excerpt(dtype)}' is not supported: ${Object.keys(STORED).join(', ')} are. Convert it with astype.`,
  );
}

/** The sizes of a Python tuple: `()`, `(3,)`, `(2, 3)`. */
function shapeOf(tuple: string | undefined): readonly number[] | null {
  const [, inside] = /^\(\s*((?:\d+\s*,\s*)*(?:\d+\s*)?)\)$/.exec(tuple ?? '') ?? [];
  if (inside === undefined) return null;
  const sizes = inside.split(',').filter((size) => size.trim() !== '');
  const shape = sizes.map(Number);
  const total = shape.reduce((product, n) => product * (n || 1), 8);
  return Number.isSafeInteger(total) && shape.length <= MAX_RANK ? shape : null;
}
