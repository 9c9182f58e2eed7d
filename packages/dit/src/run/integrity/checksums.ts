// The SHA-256 of the files of a run, in a file beside them: what is damaged is not read.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { excerpt, FormatError } from '@tessera/tensor';
import { sha256Of } from './hash.ts';
import { readText } from '../read-text.ts';
import { RUN_FILES } from '../run-folder.ts';

/** Hashes in hexadecimal digits, by the names of files. */
type Checksums = ReadonlyMap<string, string>;

/** Most bytes of a list. A usual one has about 250. */
const LARGEST = 2 ** 16;

/**
 * Reads the checksums of a run; none if its folder has no list of them.
 *
 * @throws FormatError if a line is none of `sha256sum`: 64 hexadecimal digits, two spaces and the name of a file
 */
export async function readChecksums(folder: string): Promise<Checksums> {
  const path = join(folder, RUN_FILES.checksums);
  if (!existsSync(path)) return new Map();
  const lines = (await readText('readRun', path, LARGEST))
    .split('\n')
    .filter((line) => line !== '');
  return new Map(
    lines.map((line, i) => {
      const [, hash, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
      if (hash !== undefined) return [name, hash] as const;
      throw new FormatError(
        'readRun',
        `${path}: line ${i + 1} is "${excerpt(line, 80)}", expected the SHA-256 of a file and its name.`,
      );
    }),
  );
}

/** Throws a FormatError unless the bytes of a file are those that were listed, if it was. */
export function checkSum(sums: Checksums, folder: string, name: string, bytes: Uint8Array): void {
  const expected = sums.get(name);
  if (expected === undefined) return;
  const found = sha256Of(bytes);
  if (found === expected) return;
  throw new FormatError(
    'readRun',
    `${join(folder, name)}: the SHA-256 is ${found}, but ${RUN_FILES.checksums} beside it says ${expected}. The file is damaged, or another one: get it again.`,
  );
}
