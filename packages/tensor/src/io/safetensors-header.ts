// Reads and checks the header of a safetensors file, which gives the place of each tensor.

import type { DType } from '../array/dtype.ts';
import { excerpt, FormatError, formatShape } from '../errors.ts';
import { sizeOf, type Shape } from '../array/shape.ts';
import {
  dtypeOf,
  isStoredType,
  STORED_TYPES,
  widthOf,
  type StoredType,
} from './foreign-elements.ts';
import { parseJson } from './json.ts';

/** The name of the header's entry for texts. */
export const METADATA = '__metadata__';

/** Bytes before the header: its length as u64. */
export const PREFIX = 8;

/** Longest header that the format allows, in bytes. */
const MAX_HEADER = 100_000_000;

/** Most axes that are read, as in NumPy and PyTorch. */
const MAX_RANK = 64;

/** One tensor in a file. */
export interface SafetensorsRecord {
  /** The type of the elements in the file. */
  readonly stored: StoredType;
  /** The dtype that they are read as. */
  readonly dtype: DType;
  readonly shape: Shape;
  /** The first byte, and the byte after the last, counted from the end of the header. */
  readonly start: number;
  readonly end: number;
}

/** The contents of a header. */
export interface SafetensorsHeader {
  readonly records: ReadonlyMap<string, SafetensorsRecord>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The byte at which the header of a file ends.
 *
 * @param start The first bytes of the file, at least {@link PREFIX} if there are so many.
 * @param size Number of bytes of the file.
 */
export function headerEnd(start: Uint8Array, size: number, label: string): number {
  if (size < PREFIX) {
    throw new FormatError(label, `${size} bytes are too few for a safetensors file.`);
  }
  const length = new DataView(start.buffer, start.byteOffset, PREFIX).getBigUint64(0, true);
  if (length <= BigInt(Math.min(MAX_HEADER, size - PREFIX))) return PREFIX + Number(length);
  throw new FormatError(
    label,
    `the header claims ${length} bytes, but the file has ${size}. It is truncated, or not a safetensors file.`,
  );
}

/**
 * Reads a header.
 *
 * @param json The header's bytes.
 * @param bodyLength Number of bytes after the header.
 * @throws FormatError if it is not well formed, or the tensors do not fill the body without gaps.
 */
export function readHeader(json: Uint8Array, bodyLength: number, label: string): SafetensorsHeader {
  if (json[0] !== 0x7b) throw new FormatError(label, 'the header does not begin with a brace.');
  const header = parseJson(json, label, 'the header is');
  if (!isRecord(header)) throw new FormatError(label, 'the header is not a JSON object.');
  const records = new Map<string, SafetensorsRecord>();
  let metadata: Readonly<Record<string, string>> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA) metadata = expectMetadata(value ?? {}, label);
    else records.set(name, readRecord(`"${excerpt(name)}"`, value, bodyLength, label));
  }
  checkRanges(records, bodyLength, label);
  return { records, metadata };
}

/** Returns the same value if it maps names to texts; else throws a FormatError. */
export function expectMetadata(value: unknown, label: string): Readonly<Record<string, string>> {
  if (!isRecord(value) || value instanceof Map) {
    throw new FormatError(label, `${METADATA} must map names to texts.`);
  }
  const odd = Object.keys(value).find((key) => typeof value[key] !== 'string');
  if (odd === undefined) return value as Readonly<Record<string, string>>;
  const problem = `"${excerpt(odd)}" is a ${typeof value[odd]}`;
  throw new FormatError(label, `${METADATA} must map names to texts, but ${problem}.`);
}

/** Whether a value is an object with named fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value is a list of sizes whose product (without zeros) times `width` is below 2⁵³. */
export function isShape(value: unknown, width: number): value is Shape {
  return (
    isCounts(value) &&
    value.length <= MAX_RANK &&
    Number.isSafeInteger(value.reduce((product, n) => product * (n || 1), width))
  );
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function readRecord(
  name: string,
  value: unknown,
  bodyLength: number,
  label: string,
): SafetensorsRecord {
  const { dtype: stored, shape, data_offsets: offsets } = isRecord(value) ? value : {};
  if (!isStoredType(stored)) {
    const found = typeof stored === 'string' ? `dtype ${excerpt(stored)}` : 'no dtype';
    throw new FormatError(
      label,
      `${name} has ${found}; ${STORED_TYPES} are read. Convert it first.`,
    );
  }
  const width = widthOf(stored);
  if (!isShape(shape, width)) {
    const limits = `at most ${MAX_RANK} sizes, with less than 2^53 bytes in all`;
    throw new FormatError(label, `${name} has no valid shape: ${limits}.`);
  }
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw new FormatError(label, `${name} has no valid data_offsets.`);
  }
  const [start, end] = offsets;
  const expected = sizeOf(shape) * width;
  if (end > bodyLength || end - start !== expected) {
    throw new FormatError(
      label,
      `${name} lies at bytes ${start} to ${end} of ${bodyLength}, but ${stored} ${excerpt(formatShape(shape))} takes ${expected} bytes. The file is truncated or damaged.`,
    );
  }
  return { stored, dtype: dtypeOf(stored), shape, start, end };
}

function checkRanges(
  records: ReadonlyMap<string, SafetensorsRecord>,
  bodyLength: number,
  label: string,
): void {
  let at = 0;
  const order = [...records].sort(([, a], [, b]) => a.start - b.start || a.end - b.end);
  for (const [name, { start, end }] of order) {
    if (start !== at) {
      throw new FormatError(
        label,
        `"${excerpt(name)}" starts at byte ${start}, but the tensor before it ends at ${at}.`,
      );
    }
    at = end;
  }
  if (at !== bodyLength)
    throw new FormatError(
      label,
      `${bodyLength - at} bytes after the last tensor belong to no tensor.`,
    );
}
