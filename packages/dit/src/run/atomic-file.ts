/** Files that appear whole or not at all. */

import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Writes a file under a temporary name in the same folder, flushes it to the disk and renames it, so
 * that a reader, a crash or a full disk never meets half of it. An older file of that name stays until
 * the new one is whole. When anything fails the temporary file is removed.
 *
 * @param path the file; its folder must exist
 * @param data its whole content; text is written as UTF-8
 * @throws the error of the file system: the folder is missing, not writable, the disk is full, …
 * @example
 * await writeFileAtomic('notes.txt', 'whole, or not at all');
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const suffix = randomBytes(4).toString('hex');
  const temporary = join(dirname(path), `.${basename(path)}.${suffix}.tmp`);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
