// Reads the text files of a run, if they have a sensible size.

import { open } from 'node:fs/promises';
import { FormatError } from '@tessera/tensor';
import { nameFile } from './file-error.ts';

/**
 * Reads a text file that has a sensible size: larger ones are refused before they are read.
 *
 * @param op the operation that errors name
 * @param largest the most bytes that it may have
 * @throws ValueError if it cannot be read, FormatError if it is too large
 */
export async function readText(op: string, path: string, largest: number): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size <= largest) return await file.readFile('utf8');
      throw new FormatError(
        op,
        `${path}: found ${size} bytes, expected at most ${largest}. Is it another file?`,
      );
    } finally {
      await file.close();
    }
  } catch (error) {
    throw nameFile(op, path, 'read', error);
  }
}
