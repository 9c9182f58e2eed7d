// The element types float32, int32 and bool: their storage, rounding and promotion.

import { kindOf } from '../arguments.ts';
import { DTypeError, expectMemory } from '../errors.ts';

/** Element type of a tensor. Booleans are stored one byte each, 0 or 1. */
export type DType = 'float32' | 'int32' | 'bool';

/** The JavaScript storage of each dtype. */
export interface TypedArrayOf {
  float32: Float32Array;
  int32: Int32Array;
  bool: Uint8Array;
}

/** Storage of any dtype. */
export type TypedArray = TypedArrayOf[DType];

/** The elements of an array from `begin` up to, but not including, `end`. */
export interface Range {
  readonly begin: number;
  readonly end: number;
}

/** Bytes of one element. */
export const BYTES_PER_ELEMENT: Readonly<Record<DType, number>> = { float32: 4, int32: 4, bool: 1 };

const allocators: { readonly [K in DType]: (size: number) => TypedArrayOf[K] } = {
  float32: (size) => new Float32Array(size),
  int32: (size) => new Int32Array(size),
  bool: (size) => new Uint8Array(size),
};

/**
 * Makes a zero-filled array of `size` elements of `dtype`.
 *
 * @throws StateError in the name of `op` if the engine has no memory for it.
 */
export function allocateArray<D extends DType>(
  dtype: D,
  size: number,
  op = 'allocate',
): TypedArrayOf[D] {
  return expectMemory(op, size * BYTES_PER_ELEMENT[dtype], () => allocators[dtype](size));
}

/** Rounds `value` to an element of `dtype`. */
export function roundTo(dtype: DType, value: number): number {
  const cell = allocateArray(dtype, 1);
  cell[0] = value;
  return cell[0];
}

/** The dtype that is stored in such an array. */
export function dtypeOfArray(array: TypedArray): DType {
  if (array instanceof Float32Array) return 'float32';
  if (array instanceof Int32Array) return 'int32';
  if (array instanceof Uint8Array) return 'bool';
  throw new DTypeError(
    'tensor',
    `no dtype is stored as ${Object.prototype.toString.call(array)}. Use Float32Array, Int32Array or Uint8Array (bool).`,
    [],
  );
}

const RANK: Readonly<Record<DType, number>> = { bool: 0, int32: 1, float32: 2 };

/** The smallest dtype that holds both: bool < int32 < float32. */
export function promoteDTypes(a: DType, b: DType): DType {
  return RANK[a] >= RANK[b] ? a : b;
}

/** Throws a {@link DTypeError} unless `dtype` is a dtype. */
export function checkDType(op: string, dtype: DType): void {
  if (Object.hasOwn(BYTES_PER_ELEMENT, dtype)) return;
  throw new DTypeError(
    op,
    `there is no dtype ${typeof dtype === 'string' ? dtype : kindOf(dtype)}. Use ${Object.keys(BYTES_PER_ELEMENT).join(', ')}.`,
    [dtype],
  );
}

/** Throws a {@link DTypeError} unless `dtype` is one of `allowed`. */
export function expectDType(op: string, dtype: DType, allowed: readonly DType[]): void {
  if (allowed.includes(dtype)) return;
  throw new DTypeError(
    op,
    `takes ${allowed.join(' or ')}, but got ${dtype}. Convert it first with .cast('${allowed[0]}').`,
    [dtype],
  );
}
