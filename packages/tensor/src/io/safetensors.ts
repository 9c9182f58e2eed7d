// Reads the tensors of a safetensors file, all at once or one by one.

import { checkFunction, kindOf } from '../arguments.ts';
import type { DType, TypedArray } from '../array/dtype.ts';
import { excerpt, FormatError } from '../errors.ts';
import type { Shape } from '../array/shape.ts';
import { isConverted, readElements, type StoredType } from './foreign-elements.ts';
import { headerEnd, PREFIX, readHeader, type SafetensorsRecord } from './safetensors-header.ts';

/** One tensor of a file, in the form that `tensor(data, { shape, dtype })` takes. */
export interface SafetensorsEntry {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: TypedArray;
}

/** The contents of a file. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  /** The tensors whose elements were converted, with the type that the file has: `F16`, `I64`, … */
  readonly converted: ReadonlyMap<string, StoredType>;
}

/** A file that is read tensor by tensor. */
export interface OpenSafetensors {
  /** The names of the tensors, and how they are stored. */
  readonly records: ReadonlyMap<string, SafetensorsRecord>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Like {@link SafetensorsFile.converted}. */
  readonly converted: ReadonlyMap<string, StoredType>;
  /** Reads one tensor. Throws a FormatError if there is no tensor of that name. */
  read(name: string): Promise<SafetensorsEntry>;
  /** Reads the bytes of one tensor in the file's format. */
  bytes(name: string): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * Reads a safetensors file. Elements are copied, so `bytes` may be reused. It takes less memory than five
 * times the elements plus thirty times the header.
 *
 * F32, I32 and BOOL keep their type. F16 and BF16 become float32, exactly; F64 is rounded to float32; I8 to
 * I64 and U8 to U64 become int32. `converted` names the tensors that were converted.
 *
 * @param label The name of the file in errors, e.g. its path.
 * @throws FormatError if the bytes are not a well-formed file: truncated, overlapping or missing
 *   ranges, names twice, other dtypes (F8_E4M3, …), sizes that contradict the shapes, more than 64
 *   axes, numbers that int32 or float32 cannot hold.
 * @example
 * const w = { dtype: 'float32', shape: [2], data: Float32Array.of(1, 0.1) } as const;
 * const bytes = encodeSafetensors(new Map([['w', w]]), {}, { floats: 'F16' });
 * const { tensors, converted } = decodeSafetensors(bytes);
 * tensors.get('w')?.data; // [1, 0.0999755859375]
 * converted.get('w'); // 'F16'
 */
export function decodeSafetensors(bytes: Uint8Array, label = 'safetensors'): SafetensorsFile {
  if (!((bytes as unknown) instanceof Uint8Array)) {
    throw new FormatError(label, 'the bytes must be a Uint8Array. Write new Uint8Array(buffer).');
  }
  const end = headerEnd(bytes, bytes.length, label);
  const { records, metadata } = readHeader(bytes.subarray(PREFIX, end), bytes.length - end, label);
  const tensors = new Map<string, SafetensorsEntry>();
  for (const [name, record] of records) {
    const own = new Uint8Array(bytes.subarray(end + record.start, end + record.end));
    tensors.set(name, entryOf(name, record, own, label));
  }
  return { tensors, metadata, converted: convertedOf(records) };
}

/**
 * Opens a safetensors file of any size and reads only its header at first. Use it for weights of more than 2
 * GiB. Converts like {@link decodeSafetensors}.
 *
 * @param read Returns `length` bytes of the file from `offset`. The bytes must not change afterwards.
 * @param size Number of bytes of the file.
 * @param label The name of the file in errors, e.g. its path.
 * @throws FormatError like {@link decodeSafetensors}, and if `read` returns another number of bytes.
 * @example
 * const w = { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) } as const;
 * const blob = new Blob([encodeSafetensors(new Map([['w', w]]))]); // a file, or what fetch gives
 * const file = await openSafetensors(
 *   async (offset, length) =>
 *     new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
 *   blob.size,
 * );
 * (await file.read('w')).data; // [1, 2]
 */
export async function openSafetensors(
  read: (offset: number, length: number) => Promise<Uint8Array<ArrayBuffer>>,
  size: number,
  label = 'safetensors',
): Promise<OpenSafetensors> {
  checkFunction(label, read);
  if (!Number.isSafeInteger(size)) {
    throw new FormatError(
      label,
      `the size must be a whole number of bytes, but is ${kindOf(size)}.`,
    );
  }
  const part = async (offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> => {
    const bytes = await read(offset, length);
    if (bytes.length === length) return bytes;
    const problem = `${bytes.length} bytes were read from byte ${offset} on, not ${length}`;
    throw new FormatError(label, `${problem}. The file is truncated.`);
  };
  const end = headerEnd(await part(0, Math.min(PREFIX, size)), size, label);
  const { records, metadata } = readHeader(await part(PREFIX, end - PREFIX), size - end, label);
  const recordOf = (name: string): SafetensorsRecord => {
    const record = records.get(name);
    if (record !== undefined) return record;
    throw new FormatError(label, `there is no tensor "${excerpt(name)}".`);
  };
  const bytesOf = async (name: string): Promise<Uint8Array<ArrayBuffer>> => {
    const { start, end: stop } = recordOf(name);
    return part(end + start, stop - start);
  };
  return {
    records,
    metadata,
    converted: convertedOf(records),
    bytes: bytesOf,
    read: async (name) => entryOf(name, recordOf(name), await bytesOf(name), label),
  };
}

function entryOf(
  name: string,
  { stored, dtype, shape }: SafetensorsRecord,
  bytes: Uint8Array<ArrayBuffer>,
  label: string,
): SafetensorsEntry {
  return { dtype, shape, data: readElements(stored, bytes, label, `"${excerpt(name)}"`) };
}

function convertedOf(
  records: ReadonlyMap<string, SafetensorsRecord>,
): ReadonlyMap<string, StoredType> {
  const types = [...records].map(([name, { stored }]) => [name, stored] as const);
  return new Map(types.filter(([, stored]) => isConverted(stored)));
}
