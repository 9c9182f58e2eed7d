// Reads the text files of a run, if they have a sensible size.

import { open, type FileHandle } from 'node:fs/promises';
import { FormatError } from '@tessera/tensor';
import { nameFile } from './file-error.ts';

/**
 * Reads a text file. No more than `largest` bytes are read, also where the system knows no size, as of a pipe.
 *
 * @param op the operation that errors name
 * @param largest the most bytes that the file may have
 * @throws ValueError if it cannot be read, FormatError if it is too large or not UTF-8
 */
export async function readText(op: string, path: string, largest: number): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const bytes = size > largest ? undefined : await readAtMost(file, largest);
      if (bytes !== undefined) return textOf(op, path, bytes);
      const found = size > largest ? String(size) : `more than ${largest}`;
      throw new FormatError(
        op,
        `${path}: found ${found} bytes, expected at most ${largest}. Is it another file?`,
      );
    } finally {
      await file.close();
    }
  } catch (error) {
    throw nameFile(op, path, 'read', error);
  }
}

/** The bytes of a file; `undefined` if there are more than these. */
async function readAtMost(file: FileHandle, largest: number): Promise<Buffer | undefined> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of file.createReadStream({ autoClose: false, end: largest })) {
    pieces.push(piece as Uint8Array);
    length += (piece as Uint8Array).length;
  }
  return length > largest ? undefined : Buffer.concat(pieces);
}

/** A text without the byte order mark that some editors write. Throws a FormatError at the first odd byte. */
function textOf(op: string, path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const at = firstOdd(bytes);
    throw new FormatError(
      op,
      `${path}: the bytes from ${at} on are not UTF-8. Save the file as UTF-8, or is it another one?`,
    );
  }
}

/** Where the first character begins that is not UTF-8. */
function firstOdd(bytes: Uint8Array): number {
  let [good, bad] = [0, bytes.length];
  while (good < bad) {
    const middle = Math.ceil((good + bad) / 2);
    if (isText(bytes.subarray(0, middle), { stream: true })) good = middle;
    else bad = middle - 1;
  }
  // A character of which only the first bytes are good begins up to three bytes before.
  while (!isText(bytes.subarray(0, good), { stream: false })) good--;
  return good;
}

/** Whether bytes are UTF-8. In a stream the last character may be cut off. */
function isText(bytes: Uint8Array, options: { readonly stream: boolean }): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, options);
    return true;
  } catch {
    return false;
  }
}
