// Writes files so that they appear whole or not at all.

import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { checkArray, checkText } from '../config/argument-check.ts';
import { fileErrorCode, nameFile } from './file-error.ts';

/** Most bytes of one write. Node takes at most 2 GiB. */
const LONGEST_WRITE = 2 ** 30;

/** A name in the folder of the file; so renaming moves no bytes. */
function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.tmp`);
}

/** Whether a name in a folder is one that {@link writeFileAtomic} uses on its way. */
export function isTemporaryName(name: string): boolean {
  return /^\..+\.[0-9a-f]{8}\.tmp$/.test(name);
}

/**
 * Writes a file under a temporary name in the same folder, flushes it to the disk and renames it. So no
 * reader ever sees half of it, not even after a crash or on a full disk. An older file of that name stays
 * until the new one is whole. The folder is flushed too, so the new name outlives a power cut. If anything
 * fails, the temporary file is removed.
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
  if (typeof data !== 'string') checkArray('writeFileAtomic', 'data', data, 'Uint8Array');
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  const temporary = temporaryName(path);
  try {
    const file = await open(temporary, 'wx');
    try {
      // Few long writes: the thread that trains has to begin each of them.
      for (let at = 0; at < bytes.length;) {
        const length = Math.min(LONGEST_WRITE, bytes.length - at);
        at += (await file.write(bytes, at, length)).bytesWritten;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await flushFolder(dirname(path));
  } catch (error) {
    // This fails too if the name is too long. The first error says why.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw nameFile('writeFileAtomic', path, 'written', error);
  }
}

/** What systems say that flush no folders. */
const NO_FLUSH: ReadonlySet<unknown> = new Set(['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'EBADF']);

/** Flushes the names in a folder to the disk, where the system can. */
async function flushFolder(path: string): Promise<void> {
  try {
    const folder = await open(path);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    if (!NO_FLUSH.has(fileErrorCode(error))) throw error;
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
