// Writes files so that they appear whole or not at all.

import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { nameFile } from './file-error.ts';

/** A name beside the file, so that renaming it moves no bytes. */
function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.tmp`);
}

/**
 * Writes a file under a temporary name in the same folder, flushes it to the disk and renames it, so
 * that a reader, a crash or a full disk never meets half of it. An older file of that name stays until
 * the new one is whole. When anything fails the temporary file is removed.
 *
 * @param path the file; its folder must exist
 * @param data its whole content; text is written as UTF-8
 * @throws ValueError that names the file and what to do: the folder is missing, not writable, the disk
 *   is full, …
 * @example
 * await writeFileAtomic('notes.txt', 'whole, or not at all');
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = temporaryName(path);
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
    // Where this fails too, as with a name that is too long, the first error says why.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw nameFile('writeFileAtomic', path, 'written', error);
  }
}

/**
 * Finds out whether {@link writeFileAtomic} could write a file, and leaves nothing behind.
 *
 * @throws ValueError that names the file and what to do
 */
export async function checkWritable(path: string): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await (await open(temporary, 'wx')).close();
    await rm(temporary);
  } catch (error) {
    throw nameFile('writeFileAtomic', path, 'written', error);
  }
}
