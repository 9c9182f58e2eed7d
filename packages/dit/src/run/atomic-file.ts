// Writes files so that they appear whole or not at all.

import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { checkText } from '../config/argument-check.ts';
import { nameFile } from './file-error.ts';

/** A name in the folder of the file; so renaming moves no bytes. */
function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.tmp`);
}

/**
 * Writes a file under a temporary name in the same folder, flushes it to the disk and renames it. So no
 * reader ever sees half of it, not even after a crash or on a full disk. An older file of that name stays
 * until the new one is whole. If anything fails, the temporary file is removed.
 *
 * @param path the file; its folder must exist
 * @param data its whole content; text is written as UTF-8
 * @throws ValueError with the name of the file and a hint, if the folder is missing or not writable, the
 *   disk is full, …
 * @example
 * await writeFileAtomic('notes.txt', 'whole, or not at all');
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  checkText('writeFileAtomic', 'path', path);
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
    // This fails too if the name is too long. The first error says why.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw nameFile('writeFileAtomic', path, 'written', error);
  }
}

/**
 * Tries whether {@link writeFileAtomic} can write a file, and leaves nothing behind.
 *
 * @throws ValueError with the name of the file and a hint
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
