import { allocateArray, type DType, type TypedArray } from '../dtype.ts';
import { FormatError } from '../errors.ts';
import { sizeOf, type Shape } from '../shape.ts';
import { expectBools, narrowInt64 } from './foreign-elements.ts';

/** Element types that the reader takes. I64 is read into int32, F64 stays float64. */
export type SafetensorsDType = 'F32' | 'F64' | 'I32' | 'I64' | 'BOOL' | 'U8';

/** One tensor of a file. */
export interface SafetensorsEntry {
  readonly dtype: DType | 'float64';
  readonly shape: Shape;
  readonly data: TypedArray | Float64Array;
}

/** What a file holds. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

const WIDTH: Readonly<Record<SafetensorsDType, number>> = {
  F32: 4,
  F64: 8,
  I32: 4,
  I64: 8,
  BOOL: 1,
  U8: 1,
};
const NAMES = { float32: 'F32', int32: 'I32', bool: 'BOOL', float64: 'F64' } as const;

const ARRAYS = {
  float32: Float32Array,
  int32: Int32Array,
  bool: Uint8Array,
  float64: Float64Array,
} as const;

/** The name under which a header keeps its texts. */
const METADATA = '__metadata__';

/** Longest header that the format allows, in bytes. */
const MAX_HEADER = 100_000_000;

interface HeaderEntry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/**
 * Writes named tensors in the safetensors format: the header's length as u64, a JSON header padded
 * to a multiple of 8, then the little-endian elements, widest dtype first so that all are aligned.
 *
 * @param metadata Texts to keep with them.
 * @example
 * const w = { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) } as const;
 * const bytes = encodeSafetensors(new Map([['w', w]]), { format: 'pt' });
 * decodeSafetensors(bytes).metadata; // { format: 'pt' }
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, SafetensorsEntry>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = [...tensors].sort(
    ([a, x], [b, y]) => y.data.BYTES_PER_ELEMENT - x.data.BYTES_PER_ELEMENT || (a < b ? -1 : 1),
  );
  const header = Object.create(null) as Record<string, unknown>;
  if (Object.keys(metadata).length > 0) header[METADATA] = metadata;
  let end = 0;
  for (const [name, { dtype, shape, data }] of entries) {
    if (data.length !== sizeOf(shape)) {
      throw new FormatError(
        'safetensors',
        `"${name}" has ${data.length} elements, but shape [${shape.join(', ')}].`,
      );
    }
    if (name === METADATA || !(data instanceof ARRAYS[dtype])) {
      const problem =
        name === METADATA
          ? 'is a reserved name'
          : `is ${dtype}, but its data is ${data.constructor.name}`;
      throw new FormatError('safetensors', `"${name}" ${problem}.`);
    }
    const start = end;
    end += data.byteLength;
    header[name] = { dtype: NAMES[dtype], shape, data_offsets: [start, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const bytes = allocateArray('bool', 8 + headerBytes + end, 'safetensors');
  bytes.fill(0x20, 8, 8 + headerBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(json, 8);
  let at = 8 + headerBytes;
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * Reads a safetensors file. Elements are copied out, so `bytes` may be reused.
 *
 * @param label What to call the file in errors, e.g. its path.
 * @throws FormatError if the bytes are not a well-formed file: truncated, overlapping or missing
 *   ranges, unknown dtypes, sizes that contradict the shapes, integers that int32 cannot hold.
 * @example
 * const w = { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) } as const;
 * const { tensors } = decodeSafetensors(encodeSafetensors(new Map([['w', w]])));
 * tensors.get('w')?.data; // [1, 2]
 */
export function decodeSafetensors(bytes: Uint8Array, label = 'safetensors'): SafetensorsFile {
  const { header, body } = splitFile(bytes, label);
  const tensors = new Map<string, SafetensorsEntry>();
  const metadata: Record<string, string> = {};
  const entries: HeaderEntry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA) Object.assign(metadata, readMetadata(value, label));
    else entries.push(readEntry(name, value, body.length, label));
  }
  checkRanges(entries, body.length, label);
  for (const entry of entries) {
    tensors.set(entry.name, readElements(entry, body.slice(entry.start, entry.end), label));
  }
  return { tensors, metadata };
}

function splitFile(
  bytes: Uint8Array,
  label: string,
): { header: Record<string, unknown>; body: Uint8Array } {
  if (bytes.length < 8)
    throw new FormatError(label, `${bytes.length} bytes are too few for a safetensors file.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(Math.min(MAX_HEADER, bytes.length - 8))) {
    throw new FormatError(
      label,
      `the header claims ${length} bytes, but the file has ${bytes.length}. It is truncated or no safetensors file.`,
    );
  }
  const end = 8 + Number(length);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, end)));
  } catch (cause) {
    throw new FormatError(
      label,
      `the header is not JSON (${cause instanceof Error ? cause.message : 'unreadable'}).`,
    );
  }
  if (!isRecord(header)) throw new FormatError(label, 'the header is not a JSON object.');
  // Not bytes.subarray: bytes may be a Node Buffer, whose slices share its memory.
  return {
    header,
    body: new Uint8Array(bytes.buffer, bytes.byteOffset + end, bytes.byteLength - end),
  };
}

function readMetadata(value: unknown, label: string): Record<string, string> {
  if (isRecord(value) && Object.values(value).every((text) => typeof text === 'string')) {
    return value as Record<string, string>;
  }
  throw new FormatError(label, '__metadata__ must map names to texts.');
}

function readEntry(name: string, value: unknown, bodyLength: number, label: string): HeaderEntry {
  const { dtype, shape, data_offsets: offsets } = isRecord(value) ? value : {};
  const isCount = (n: unknown): n is number =>
    typeof n === 'number' && Number.isSafeInteger(n) && n >= 0;
  if (typeof dtype !== 'string' || !Object.hasOwn(WIDTH, dtype)) {
    throw new FormatError(
      label,
      `"${name}" has dtype ${String(dtype)}; ${Object.keys(WIDTH).join(', ')} are supported.`,
    );
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw new FormatError(label, `"${name}" has no valid shape.`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw new FormatError(label, `"${name}" has no valid data_offsets.`);
  }
  const [start, end] = offsets as [number, number];
  const expected = sizeOf(shape) * WIDTH[dtype as SafetensorsDType];
  if (end > bodyLength || end - start !== expected) {
    throw new FormatError(
      label,
      `"${name}" lies at bytes ${start} to ${end} of ${bodyLength}, but ${dtype} [${shape.join(', ')}] takes ${expected} bytes. The file is truncated or damaged.`,
    );
  }
  return { name, dtype: dtype as SafetensorsDType, shape, start, end };
}

function checkRanges(entries: readonly HeaderEntry[], bodyLength: number, label: string): void {
  let at = 0;
  for (const { name, start, end } of [...entries].sort(
    (a, b) => a.start - b.start || a.end - b.end,
  )) {
    if (start !== at) {
      throw new FormatError(
        label,
        `"${name}" starts at byte ${start}, but the tensor before it ends at ${at}.`,
      );
    }
    at = end;
  }
  if (at !== bodyLength)
    throw new FormatError(label, `${bodyLength - at} bytes after the last tensor belong to none.`);
}

function readElements(
  { name, dtype, shape }: HeaderEntry,
  bytes: Uint8Array,
  label: string,
): SafetensorsEntry {
  const { buffer } = bytes;
  switch (dtype) {
    case 'F32':
      return { dtype: 'float32', shape, data: new Float32Array(buffer) };
    case 'F64':
      return { dtype: 'float64', shape, data: new Float64Array(buffer) };
    case 'I32':
      return { dtype: 'int32', shape, data: new Int32Array(buffer) };
    case 'I64':
      return {
        dtype: 'int32',
        shape,
        data: narrowInt64(new BigInt64Array(buffer), label, `"${name}"`),
      };
    case 'U8':
      return { dtype: 'int32', shape, data: Int32Array.from(bytes) };
    case 'BOOL':
      return { dtype: 'bool', shape, data: expectBools(bytes, label, `"${name}"`) };
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
