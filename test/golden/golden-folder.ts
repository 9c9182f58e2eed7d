import {
  openSafetensors,
  tensor,
  TesseraError,
  type Float64Entry,
  type SafetensorsEntry,
  type Tensor,
} from '@tessera/tensor';
import * as v from 'valibot';
import type { Values } from './compare.ts';

/** Input that cannot be used at all: the runner ends with this one line and exit code 2. */
export class GoldenError extends Error {}

/** A tensor of a file; doubles are kept as they are, to compare with. */
type Entry = SafetensorsEntry | Float64Entry;

/** One safetensors file. */
export class TensorFile {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #name: string;

  constructor(name: string, entries: ReadonlyMap<string, Entry>) {
    this.#name = name;
    this.#entries = entries;
  }

  /** The names of its tensors. */
  names(): string[] {
    return [...this.#entries.keys()];
  }

  /** The elements of a tensor. Throws if there is none of that name. */
  values(name: string): Values {
    return this.#entry(name);
  }

  /** A tensor on the default backend: F32, I64 as int32, or BOOL. */
  tensor(name: string): Tensor {
    const { shape, data, dtype } = this.#entry(name);
    if (dtype === 'float64') {
      throw new Error(`${this.#name}: "${name}" is F64, which no tensor can hold`);
    }
    return tensor(data, { shape, dtype });
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new Error(`${this.#name} has no tensor "${name}"`);
    return entry;
  }
}

/** Where the bytes of a folder come from. */
export interface FileSource {
  /** What errors call a file of the folder. */
  locate(file: string): string;
  /** The bytes of a file. Throws if it cannot be read. */
  read(file: string): Promise<Uint8Array>;
}

/** A folder of golden data. Everything that is wrong with its files is a {@link GoldenError}. */
export class GoldenFolder {
  readonly #source: FileSource;
  readonly #bytes = new Map<string, Uint8Array>();
  readonly #decoded = new Map<string, TensorFile>();

  constructor(source: FileSource) {
    this.#source = source;
  }

  /** The files that have been read so far, by name. */
  get files(): ReadonlyMap<string, Uint8Array> {
    return this.#bytes;
  }

  /** A manifest, checked against `schema`. */
  async manifest<T>(file: string, schema: v.GenericSchema<unknown, T>): Promise<T> {
    const path = this.#source.locate(file);
    const bytes = await this.#read(file);
    let json: unknown;
    try {
      json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    } catch (error) {
      throw new GoldenError(`${path}: not JSON (${error instanceof Error ? error.message : ''})`);
    }
    const result = v.safeParse(schema, json, { abortEarly: true });
    if (result.success) return result.output;
    const [issue] = result.issues;
    throw new GoldenError(`${path}: ${v.getDotPath(issue) ?? 'manifest'}: ${issue.message}`);
  }

  /** A file of tensors; read once. */
  async tensors(file: string): Promise<TensorFile> {
    const known = this.#decoded.get(file);
    if (known !== undefined) return known;
    const bytes = await this.#read(file);
    try {
      const read = new TensorFile(file, await readEntries(bytes, this.#source.locate(file)));
      this.#decoded.set(file, read);
      return read;
    } catch (error) {
      if (error instanceof TesseraError) throw new GoldenError(error.message);
      throw error;
    }
  }

  async #read(file: string): Promise<Uint8Array> {
    try {
      const bytes = await this.#source.read(file);
      this.#bytes.set(file, bytes);
      return bytes;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
      throw new GoldenError(`${this.#source.locate(file)}: cannot be read (${code})`);
    }
  }
}

async function readEntries(bytes: Uint8Array, path: string): Promise<Map<string, Entry>> {
  const part = (offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> =>
    Promise.resolve(new Uint8Array(bytes.subarray(offset, offset + length)));
  const file = await openSafetensors(part, bytes.length, path);
  const entries = new Map<string, Entry>();
  for (const [name, { stored, shape }] of file.records) {
    if (stored === 'F64') {
      const data = new Float64Array((await file.bytes(name)).buffer);
      entries.set(name, { dtype: 'float64', shape, data });
    } else entries.set(name, await file.read(name));
  }
  return entries;
}
