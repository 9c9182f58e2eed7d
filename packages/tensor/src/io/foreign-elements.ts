// Converts element types that files have and tensors lack, such as float64, float16 and int64.

import type { DType, TypedArray } from '../array/dtype.ts';
import { FormatError } from '../errors.ts';
import { float32OfBrain, float32OfHalf } from './half.ts';

/** How a file stores elements. F32, I32 and BOOL are dtypes of tensors; the others are converted. */
export type StoredType =
  | 'F64'
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'I64'
  | 'I32'
  | 'I16'
  | 'I8'
  | 'U64'
  | 'U32'
  | 'U16'
  | 'U8'
  | 'BOOL';

/** The arrays that hold elements as files store them, under the names that safetensors gives them. */
const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const satisfies Readonly<Record<StoredType, unknown>>;

/** All stored types, for errors. */
export const STORED_TYPES: string = Object.keys(ARRAYS).join(', ');

/** Whether elements of this name can be read. */
export function isStoredType(name: unknown): name is StoredType {
  return typeof name === 'string' && Object.hasOwn(ARRAYS, name);
}

/** Bytes of one element. */
export function widthOf(type: StoredType): number {
  return ARRAYS[type].BYTES_PER_ELEMENT;
}

/** The dtype that the elements get: float32 for floats, int32 for integers. */
export function dtypeOf(type: StoredType): DType {
  return type === 'BOOL' ? 'bool' : type.includes('F') ? 'float32' : 'int32';
}

/** Whether the elements must be converted for a tensor. */
export function isConverted(type: StoredType): boolean {
  return type !== 'F32' && type !== 'I32' && type !== 'BOOL';
}

/**
 * Reads the little-endian elements in `bytes` as a tensor's. If they need no conversion, the array is a view
 * of `bytes`.
 *
 * @param label The name of the file in errors.
 * @param name The name of the tensor in errors.
 * @throws FormatError for a number that the dtype cannot hold, and for a bool other than 0 and 1.
 */
export function readElements(
  type: StoredType,
  bytes: Uint8Array<ArrayBuffer>,
  label: string,
  name: string,
): TypedArray {
  const width = widthOf(type);
  const { buffer, byteOffset } = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  const stored = new ARRAYS[type](buffer, byteOffset, bytes.length / width);
  if (stored instanceof Float32Array || stored instanceof Int32Array) return stored;
  if (type === 'F16') return float32OfHalf(stored as Uint16Array);
  if (type === 'BF16') return float32OfBrain(stored as Uint16Array);
  if (type === 'BOOL') return expectBools(stored as Uint8Array, label, name);
  const isFloat = dtypeOf(type) === 'float32';
  const narrowed = isFloat ? new Float32Array(stored.length) : new Int32Array(stored.length);
  for (let i = 0; i < stored.length; i++) {
    const value = Number(stored[i]);
    narrowed[i] = value;
    if (isFloat ? isTooLarge(value) : narrowed[i] !== value) {
      const problem = `holds ${stored[i]} at ${i}, which ${isFloat ? 'float32' : 'int32'} cannot hold`;
      throw new FormatError(label, `${name} ${problem}.`);
    }
  }
  return narrowed;
}

/** Whether a finite number would become an infinity in float32. */
function isTooLarge(value: number): boolean {
  return Number.isFinite(value) && !Number.isFinite(Math.fround(value));
}

function expectBools(bytes: Uint8Array, label: string, name: string): Uint8Array {
  const odd = bytes.findIndex((byte) => byte > 1);
  if (odd < 0) return bytes;
  throw new FormatError(label, `${name} holds byte ${bytes[odd]} at ${odd}; bools are 0 or 1.`);
}
