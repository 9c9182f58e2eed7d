// Keeps the arrays of a work in files, which every contender's process reads.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sizeOf, type Arrays } from './arrays.ts';

/** What `NAME.json` beside `NAME.bin` says of each array; offsets count numbers. */
interface Entry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
}

/** Writes `NAME.bin`, all numbers one after another, and `NAME.json`, which says what they are. */
export function writeArrays(folder: string, name: string, arrays: Arrays): void {
  const entries: Entry[] = [];
  let offset = 0;
  for (const [key, { shape, data }] of Object.entries(arrays)) {
    entries.push({ name: key, shape, offset });
    offset += data.length;
  }
  const all = new Float32Array(offset);
  entries.forEach((entry) => all.set(arrays[entry.name].data, entry.offset));
  writeFileSync(join(folder, `${name}.bin`), all);
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(entries));
}

/** Reads what {@link writeArrays} wrote. */
export function readArrays(folder: string, name: string): Arrays {
  const entries = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Entry[];
  const { buffer, byteOffset } = readFileSync(join(folder, `${name}.bin`));
  return Object.fromEntries(
    entries.map(({ name: key, shape, offset }) => [
      key,
      { shape, data: new Float32Array(buffer, byteOffset + 4 * offset, sizeOf(shape)) },
    ]),
  );
}
