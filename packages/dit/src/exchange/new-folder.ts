// A folder that appears whole or not at all.

import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ValueError } from '@tessera/tensor';
import { fileErrorCode, nameFile } from '../run/file-error.ts';
import { filesIn } from '../run/run-folder.ts';

/**
 * Throws unless a folder is new or empty, so that nothing in it is lost.
 *
 * @throws ValueError if it holds files, or is a file
 */
export async function checkNewFolder(op: string, folder: string): Promise<void> {
  const files = await filesIn(op, folder);
  if (files.length === 0) return;
  throw new ValueError(
    op,
    `the folder ${folder} is not empty (it holds ${files.sort()[0]}). Name a new one by --out, or remove it first.`,
  );
}

/**
 * Writes a folder under another name beside its place, and renames it. If anything fails, nothing is left.
 *
 * @param folder must be new or empty
 * @param write writes the files of the folder that it is given
 */
export async function writeNewFolder(
  op: string,
  folder: string,
  write: (folder: string) => Promise<void>,
): Promise<void> {
  await checkNewFolder(op, folder);
  const place = resolve(folder);
  const temporary = join(dirname(place), `.${basename(place)}-${randomBytes(4).toString('hex')}`);
  try {
    await mkdir(temporary, { recursive: true });
    await write(temporary);
    if (await isFolder(place)) await rmdir(place);
    await rename(temporary, place);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw nameFile(op, folder, 'written', error);
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
