// Writes named tensors as the bytes of a safetensors file.

import { checkOptions, kindOf } from '../arguments.ts';
import { excerpt, expectMemory, FormatError, formatShape, ValueError } from '../errors.ts';
import { sizeOf, type Shape } from '../array/shape.ts';
import { widthOf } from './foreign-elements.ts';
import { brainOfFloat32, halfOfFloat32 } from './half.ts';
import { expectMetadata, isRecord, isShape, METADATA, PREFIX } from './safetensors-header.ts';
import type { SafetensorsEntry } from './safetensors.ts';

/** float64 elements, which a file can hold and a tensor cannot. */
export interface Float64Entry {
  readonly dtype: 'float64';
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** Options of {@link encodeSafetensors}. */
export interface EncodeSafetensorsOptions {
  /** How float32 is stored: F16 and BF16 round to the nearest, ties to even. Default F32. */
  readonly floats?: 'F32' | 'F16' | 'BF16';
}

const ARRAYS = {
  float32: Float32Array,
  int32: Int32Array,
  bool: Uint8Array,
  float64: Float64Array,
} as const;

const NAMES = { float32: 'F32', int32: 'I32', bool: 'BOOL', float64: 'F64' } as const;

/** Rounding to 16 bits, and the bits of an infinity in each format. */
const HALVES = {
  F16: { round: halfOfFloat32, infinity: 0x7c00 },
  BF16: { round: brainOfFloat32, infinity: 0x7f80 },
} as const;

/**
 * Writes named tensors in the safetensors format: the header's length as u64, a JSON header padded to a
 * multiple of 8, then the little-endian elements. The widest dtype comes first, so that all elements are
 * aligned.
 *
 * @param metadata Texts to store with the tensors.
 * @throws FormatError for input that {@link decodeSafetensors} would refuse, and for a finite number that
 *   rounds past the largest of F16 (65504) or BF16; ValueError for other `floats`.
 * @example
 * const w = { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) } as const;
 * const bytes = encodeSafetensors(new Map([['w', w]]), { format: 'pt' });
 * decodeSafetensors(bytes).metadata; // { format: 'pt' }
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, SafetensorsEntry | Float64Entry>,
  metadata: Readonly<Record<string, string>> = {},
  options: EncodeSafetensorsOptions = {},
): Uint8Array<ArrayBuffer> {
  checkOptions('safetensors', options, ['floats']);
  const { floats = 'F32' } = options;
  if (floats !== 'F32' && !Object.hasOwn(HALVES, floats)) {
    throw new ValueError(
      'safetensors',
      `floats must be F32, F16 or BF16, but is ${kindOf(floats)}.`,
    );
  }
  if (!((tensors as unknown) instanceof Map)) {
    throw new FormatError('safetensors', 'the tensors must be a Map from names to entries.');
  }
  const header = Object.create(null) as Record<string, unknown>;
  if (Object.keys(expectMetadata(metadata, 'safetensors')).length > 0) header[METADATA] = metadata;
  const parts = [...tensors].map(([name, entry]) => {
    const data = storedData(name, entry, floats);
    const stored = entry.dtype === 'float32' ? floats : NAMES[entry.dtype];
    return { name, stored, shape: entry.shape, data };
  });
  parts.sort((a, b) => widthOf(b.stored) - widthOf(a.stored) || (a.name < b.name ? -1 : 1));
  let end = 0;
  for (const { name, stored, shape, data } of parts) {
    header[name] = { dtype: stored, shape, data_offsets: [end, (end += data.byteLength)] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bodyStart = PREFIX + Math.ceil(json.length / 8) * 8;
  const bytes = expectMemory('safetensors', bodyStart + end, () =>
    new Uint8Array(bodyStart + end).fill(0x20, PREFIX, bodyStart),
  );
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bodyStart - PREFIX), true);
  bytes.set(json, PREFIX);
  let at = bodyStart;
  for (const { data } of parts) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/** The elements in the file's format, after all checks of the entry. */
function storedData(
  name: string,
  entry: SafetensorsEntry | Float64Entry,
  floats: 'F32' | 'F16' | 'BF16',
): ArrayBufferView & { readonly length: number } {
  const refuse = (problem: string): FormatError =>
    new FormatError(
      'safetensors',
      `${typeof name === 'string' ? `"${excerpt(name)}"` : kindOf(name)} ${problem}.`,
    );
  if (name === METADATA || typeof name !== 'string') throw refuse('is no name for a tensor');
  const { dtype, shape, data } = isRecord(entry) ? entry : ({} as Partial<SafetensorsEntry>);
  if (dtype === undefined || !Object.hasOwn(ARRAYS, dtype)) {
    throw refuse(`has no dtype of ${Object.keys(ARRAYS).join(', ')}`);
  }
  if (!(data instanceof ARRAYS[dtype])) {
    throw refuse(`is ${dtype}, but its data is no ${ARRAYS[dtype].name}`);
  }
  if (!isShape(shape, data.BYTES_PER_ELEMENT)) throw refuse('has no valid shape');
  if (data.length !== sizeOf(shape)) {
    throw refuse(`has ${data.length} elements, but shape ${excerpt(formatShape(shape))}`);
  }
  const odd = dtype === 'bool' ? data.findIndex((value) => value > 1) : -1;
  if (odd >= 0) throw refuse(`holds ${data[odd]} at ${odd}; bools are 0 or 1`);
  if (floats === 'F32' || !(data instanceof Float32Array)) return data;
  const { round, infinity } = HALVES[floats];
  const halves = round(data);
  const lost = halves.findIndex(
    (half, i) => (half & 0x7fff) === infinity && Number.isFinite(data[i]),
  );
  if (lost >= 0) throw refuse(`holds ${data[lost]} at ${lost}, which ${floats} cannot hold`);
  return halves;
}
