// Opens what torch.save wrote: a zip of a pickle and of the storages of its tensors, which are read in place.

import { open, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import {
  decodeSafetensors,
  excerpt,
  FormatError,
  TesseraError,
  type SafetensorsEntry,
} from '@tessera/tensor';
import { fromFdPromise, type Entry, type ZipFile } from 'yauzl';
import { nameFile } from '../file-error.ts';
import { readPart } from '../file-part.ts';
import { readPickle } from './pickle.ts';
import { isThing, keyText, type Pickled, type StoredTensor, type StoredType } from './pickled.ts';

/** Named tensors of a file, each of which is read when it is asked for. */
export interface TorchFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The types of those that are read as another type. */
  readonly converted: ReadonlyMap<string, StoredType>;
  read(name: string): Promise<SafetensorsEntry>;
}

/** The weights in a checkpoint of several dictionaries, the best first: averages, then weights. */
const DICTIONARIES = ['ema', 'model', 'state_dict'];

/** Most bytes of a pickle, which holds no elements: that of DiT-XL/2 with its optimizer has about 0.3 MB. */
const LARGEST_PICKLE = 2 ** 24;

/** The types that tensors have here. */
const KEPT: ReadonlySet<StoredType> = new Set(['F32', 'I32', 'BOOL']);

/** Bytes of an element. */
const SIZES: Readonly<Record<StoredType, number>> = {
  F32: 4,
  F16: 2,
  BF16: 2,
  F64: 8,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/**
 * Opens a file of `torch.save`, calls `use` and closes the file. It holds a dictionary of tensors, or one of those under
 * the name ema, model or state_dict. What else it holds, such as the state of an optimizer, is not read.
 *
 * @throws FormatError that names the file and the place, if it is no such file; ValueError if it cannot be read
 */
export async function withTorchFile<T>(
  path: string,
  use: (file: TorchFile) => Promise<T>,
): Promise<T> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    return await use(await openTorch(file, path));
  } catch (error) {
    throw nameFile('loadModule', path, 'read', error);
  } finally {
    await file?.close();
  }
}

async function openTorch(file: FileHandle, path: string): Promise<TorchFile> {
  const { zip, entries } = await openZip(file, path);
  const root = [...entries.keys()].find((name) => name.endsWith('/data.pkl'))?.slice(0, -8);
  if (root === undefined) {
    throw problem(path, 'there is no data.pkl in the archive. Expected a file of torch.save');
  }
  const part = async (
    name: string,
    from = 0,
    length?: number,
  ): Promise<Uint8Array<ArrayBuffer>> => {
    const entry = entries.get(`${root}${name}`);
    if (entry === undefined) throw problem(path, `the archive lacks ${excerpt(name)}`);
    return readStored(file, zip, entry, path, { name, from, length });
  };
  if (entries.has(`${root}byteorder`)) {
    const order = new TextDecoder().decode(await part('byteorder'));
    if (order !== 'little') {
      throw problem(
        path,
        `the byte order is ${excerpt(order)}. Save it on a little-endian machine`,
      );
    }
  }
  const pickle = await part('data.pkl');
  const tensors = tensorsOf(readPickle(pickle, `${path}: data.pkl`), path);
  const others = [...tensors].filter(([, { storage }]) => !KEPT.has(storage.type));
  return {
    tensors,
    converted: new Map(others.map(([name, { storage }]) => [name, storage.type])),
    async read(name) {
      const stored = tensors.get(name);
      if (stored === undefined) throw problem(path, `there is no tensor "${excerpt(name)}"`);
      return readTensor(stored, name, path, part);
    },
  };
}

/** The archive and its entries by name. */
async function openZip(
  file: FileHandle,
  path: string,
): Promise<{ zip: ZipFile; entries: ReadonlyMap<string, Entry> }> {
  const entries = new Map<string, Entry>();
  const { size } = await file.stat();
  try {
    const zip = await fromFdPromise(file.fd, { autoClose: false });
    for await (const entry of zip.eachEntry()) {
      if (entries.has(entry.fileName)) {
        throw problem(path, `there are two files ${excerpt(entry.fileName)} in the archive`);
      }
      entries.set(entry.fileName, entry);
    }
    return { zip, entries };
  } catch (error) {
    throw archiveError(error, path, size);
  }
}

/** Reads a part of an entry; all of it is compared with its checksum. */
async function readStored(
  file: FileHandle,
  zip: ZipFile,
  entry: Entry,
  path: string,
  {
    name,
    from,
    length = entry.uncompressedSize,
  }: { name: string; from: number; length?: number | undefined },
): Promise<Uint8Array<ArrayBuffer>> {
  const what = `${excerpt(name)} at offset ${entry.relativeOffsetOfLocalHeader}`;
  if (entry.compressionMethod !== 0 || entry.compressedSize !== entry.uncompressedSize) {
    throw problem(path, `${what} is compressed, as torch.save leaves nothing. Save it again`);
  }
  if (name === 'data.pkl' && length > LARGEST_PICKLE) {
    throw problem(path, `${what} has ${length} bytes, expected at most ${LARGEST_PICKLE}`);
  }
  if (from + length > entry.uncompressedSize) {
    const bytes = `the bytes ${from} to ${from + length} of ${what}`;
    throw problem(path, `${bytes} are asked for, but it has ${entry.uncompressedSize}`);
  }
  let start: number;
  try {
    ({ fileDataStart: start } = await zip.readLocalFileHeaderPromise(entry, { minimal: true }));
  } catch (error) {
    throw archiveError(error, path, zip.fileSize);
  }
  // Before memory is taken for what the archive promises.
  if (start + from + length > zip.fileSize)
    throw problem(path, `${what} is cut short: the file ends at ${zip.fileSize}`);
  const bytes = await readPart(file, start + from, length);
  if (length === entry.uncompressedSize && crc32(bytes) !== entry.crc32) {
    throw problem(path, `the checksum of ${what} differs: the file is damaged`);
  }
  return bytes;
}

/** The tensors of the dictionary that holds the weights. */
function tensorsOf(value: Pickled, path: string): ReadonlyMap<string, StoredTensor> {
  if (!(value instanceof Map)) throw problem(path, 'it holds no dictionary of tensors');
  const inner = DICTIONARIES.map((name) => value.get(name)).find((each) => each instanceof Map);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, tensor] of inner instanceof Map ? inner : value) {
    if (typeof name !== 'string' || !isThing(tensor, 'tensor')) {
      const hint = `expected tensors by name, or such a dictionary under ${DICTIONARIES.join(', ')}`;
      throw problem(path, `"${keyText(name)}" is no tensor: ${hint}`);
    }
    tensors.set(name, tensor);
  }
  return tensors;
}

/** Reads the elements of a tensor, in the order of its axes. */
async function readTensor(
  { storage, offset, shape, strides }: StoredTensor,
  name: string,
  path: string,
  part: (name: string, from: number, length: number) => Promise<Uint8Array<ArrayBuffer>>,
): Promise<SafetensorsEntry> {
  const count = shape.reduce((product, side) => product * side, 1);
  const last = shape.reduce((sum, side, axis) => sum + (side - 1) * strides[axis], offset);
  const label = `${path}: "${excerpt(name)}"`;
  if (count > storage.count || (count > 0 && last >= storage.count)) {
    throw problem(
      label,
      `the shape [${shape.join(', ')}] with strides [${strides.join(', ')}] reaches beyond its ${storage.count} elements, or repeats them. Save a copy of it`,
    );
  }
  const size = SIZES[storage.type];
  const span = count === 0 ? 0 : last - offset + 1;
  const bytes = await part(`data/${storage.key}`, offset * size, span * size);
  const elements = isDense(shape, strides) ? bytes : gathered(bytes, size, shape, strides);
  return converted(elements, storage.type, shape, label);
}

/** Whether the elements lie one behind the other in the order of the axes. */
function isDense(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

/** The elements in the order of the axes. */
function gathered(
  bytes: Uint8Array,
  size: number,
  shape: readonly number[],
  strides: readonly number[],
): Uint8Array<ArrayBuffer> {
  const count = shape.reduce((product, side) => product * side, 1);
  const dense = new Uint8Array(count * size);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < count; to++) {
    dense.set(bytes.subarray(from * size, (from + 1) * size), to * size);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= shape[axis] * strides[axis];
      index[axis] = 0;
    }
  }
  return dense;
}

/** Elements of a type as float32, int32 or bool: by the rules that safetensors has for the same types. */
function converted(
  elements: Uint8Array,
  dtype: StoredType,
  shape: readonly number[],
  label: string,
): SafetensorsEntry {
  const header = { w: { dtype, shape, data_offsets: [0, elements.length] } };
  const text = JSON.stringify(header);
  const head = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const file = new Uint8Array(8 + head.length + elements.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(head.length), true);
  file.set(head, 8);
  file.set(elements, 8 + head.length);
  return decodeSafetensors(file, label).tensors.get('w') as SafetensorsEntry;
}

function problem(label: string, text: string): FormatError {
  return new FormatError('loadModule', `${label}: ${text}.`);
}

/** An error of the archive as one that names the file. */
function archiveError(error: unknown, path: string, size: number): unknown {
  if (error instanceof TesseraError) return error;
  const text = error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
  return problem(
    path,
    `the archive of ${size} bytes is damaged (${excerpt(text, 200)}). Save it again by torch.save`,
  );
}
