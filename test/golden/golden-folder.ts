import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  decodeSafetensors,
  tensor,
  TesseraError,
  type SafetensorsEntry,
  type Tensor,
} from '@tessera/tensor';
import * as v from 'valibot';
import type { Values } from './compare.ts';

/** Input that cannot be used at all: the runner ends with this one line and exit code 2. */
export class GoldenError extends Error {}

/** One safetensors file. */
export class TensorFile {
  private readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  private readonly name: string;

  constructor(name: string, entries: ReadonlyMap<string, SafetensorsEntry>) {
    this.name = name;
    this.entries = entries;
  }

  /** The names of its tensors. */
  names(): string[] {
    return [...this.entries.keys()];
  }

  /** The elements of a tensor. Throws if there is none of that name. */
  values(name: string): Values {
    return this.entry(name);
  }

  /** A tensor on the default backend: F32, I64 as int32, or BOOL. */
  tensor(name: string): Tensor {
    const { shape, data, dtype } = this.entry(name);
    if (dtype === 'float64' || data instanceof Float64Array) {
      throw new Error(`${this.name}: "${name}" is F64, which no tensor can hold`);
    }
    return tensor(data, { shape, dtype });
  }

  private entry(name: string): SafetensorsEntry {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new Error(`${this.name} has no tensor "${name}"`);
    return entry;
  }
}

/** A folder of golden data. Everything that is wrong with its files is a {@link GoldenError}. */
export class GoldenFolder {
  readonly path: string;
  private readonly files = new Map<string, TensorFile>();

  constructor(path: string) {
    this.path = path;
  }

  /** A manifest, checked against `schema`. */
  manifest<T>(file: string, schema: v.GenericSchema<unknown, T>): T {
    const path = join(this.path, file);
    let json: unknown;
    try {
      json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(this.bytes(path)));
    } catch (error) {
      if (error instanceof GoldenError) throw error;
      throw new GoldenError(`${path}: not JSON (${error instanceof Error ? error.message : ''})`);
    }
    const result = v.safeParse(schema, json, { abortEarly: true });
    if (result.success) return result.output;
    const [issue] = result.issues;
    throw new GoldenError(`${path}: ${v.getDotPath(issue) ?? 'manifest'}: ${issue.message}`);
  }

  /** A file of tensors; read once. */
  tensors(file: string): TensorFile {
    const known = this.files.get(file);
    if (known !== undefined) return known;
    const path = join(this.path, file);
    try {
      const read = new TensorFile(file, decodeSafetensors(this.bytes(path), path).tensors);
      this.files.set(file, read);
      return read;
    } catch (error) {
      if (error instanceof TesseraError) throw new GoldenError(error.message);
      throw error;
    }
  }

  private bytes(path: string): Uint8Array {
    try {
      return readFileSync(path);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
      throw new GoldenError(`${path}: cannot be read (${code})`);
    }
  }
}

/**
 * The golden data that the tests use: the folder that `TESSERA_GOLDEN` names, which must be there, or
 * `shared/golden` beside the repository, or `null` where that is missing.
 */
export function sharedGoldenFolder(): string | null {
  const { TESSERA_GOLDEN: named } = process.env;
  if (named !== undefined) return named;
  const beside = fileURLToPath(new URL('../../../shared/golden', import.meta.url));
  return existsSync(beside) ? beside : null;
}
