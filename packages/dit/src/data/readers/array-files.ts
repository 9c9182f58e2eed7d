// The named arrays of an .npz archive, of a folder of .npy files, or of one .npy file.

import { open, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { excerpt, FormatError, TesseraError } from '@tessera/tensor';
import { openPromise, type Entry, type ZipFile } from 'yauzl';
import { fileErrorCode, nameFile } from '../../run/file-error.ts';
import { PromisedBytes } from '../promised-bytes.ts';
import { promiseOf, readNpy, type NpyArray } from './npy-array.ts';

/** Arrays by name, which are read when they are asked for. */
export interface ArrayFiles {
  readonly path: string;
  readonly names: readonly string[];
  read(name: string): Promise<NpyArray>;
  close(): void;
}

/** Most bytes of one array. Its images are held in memory. */
const LARGEST_ARRAY = 2 ** 32;

/** The ending of arrays in archives and folders. */
const NPY = /\.npy$/;

/** Reads an entry, no further than it and its array promise, and compares its checksum. */
async function readEntry(zip: ZipFile, entry: Entry, name: string): Promise<Uint8Array> {
  if (entry.uncompressedSize > LARGEST_ARRAY) {
    throw new FormatError(
      'readData',
      `${name}: the array has ${entry.uncompressedSize} bytes, expected at most ${LARGEST_ARRAY}.`,
    );
  }
  const collected = new PromisedBytes((start) => promiseOf(start, name));
  let checksum = 0;
  // The stream is an error at the first byte too many for the entry.
  for await (const piece of await zip.openReadStreamPromise(entry)) {
    collected.add(piece as Uint8Array);
    checksum = crc32(piece as Uint8Array, checksum);
  }
  if (checksum === entry.crc32) return collected.bytes();
  throw new FormatError('readData', `${name}: the checksum differs: the archive is damaged.`);
}

/** An error of the archive as one that names the file. */
function zipError(error: unknown, name: string): unknown {
  if (error instanceof TesseraError) return error;
  const code = fileErrorCode(error);
  if (code !== undefined && !code.startsWith('Z_'))
    return nameFile('readData', name, 'read', error);
  const problem = error instanceof Error ? error.message : String(error);
  return new FormatError(
    'readData',
    `${name}: the zip archive is damaged (${excerpt(problem.replace(/\.$/, ''), 200)}). Save it again by np.savez.`,
  );
}

/** Opens an .npz archive. */
async function openArchive(path: string): Promise<ArrayFiles> {
  const entries = new Map<string, Entry>();
  let zip: ZipFile | undefined;
  try {
    zip = await openPromise(path, { autoClose: false });
    for await (const entry of zip.eachEntry()) {
      if (!NPY.test(entry.fileName)) continue;
      const key = entry.fileName.replace(NPY, '');
      if (entries.has(key)) {
        throw new FormatError('readData', `${path}: there are two arrays ${excerpt(key)}.`);
      }
      entries.set(key, entry);
    }
  } catch (error) {
    zip?.close();
    throw zipError(error, path);
  }
  const opened = zip;
  return {
    path,
    names: [...entries.keys()],
    async read(key) {
      const entry = entries.get(key);
      const name = `${path}: ${excerpt(key)}`;
      if (entry === undefined)
        throw new FormatError('readData', `${name}: there is no such array.`);
      try {
        return readNpy(await readEntry(opened, entry, name), name);
      } catch (error) {
        throw zipError(error, name);
      }
    },
    close: () => {
      opened.close();
    },
  };
}

/** Some .npy files by their names. */
function separateFiles(path: string, files: ReadonlyMap<string, string>): ArrayFiles {
  return {
    path,
    names: [...files.keys()],
    async read(key) {
      const file = files.get(key) ?? key;
      try {
        return readNpy(await readFile(file), file);
      } catch (error) {
        throw nameFile('readData', file, 'read', error);
      }
    },
    close: () => undefined,
  };
}

/** The first bytes of a file. */
async function firstBytes(path: string, count: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Whether the path is a file of NumPy, by its ending or its first bytes. */
export async function isArrayFile(path: string): Promise<boolean> {
  if (/\.np[yz]$/.test(path)) return true;
  const [first, second] = await firstBytes(path, 2);
  return (first === 0x93 && second === 0x4e) || (first === 0x50 && second === 0x4b);
}

/** The .npy files of a folder. */
async function filesOf(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => NPY.test(name)).sort();
}

/** Whether a folder has .npy files. */
export async function hasArrays(folder: string): Promise<boolean> {
  return (await filesOf(folder)).length > 0;
}

/**
 * Opens an archive, a folder, or one file. One file is the array of its name, such as `latents.npy`; under any other
 * name it holds images.
 *
 * @param known the names that have a meaning
 */
export async function openArrays(
  path: string,
  isFolder: boolean,
  known: (name: string) => boolean,
): Promise<ArrayFiles> {
  if (isFolder) {
    const names = await filesOf(path);
    return separateFiles(
      path,
      new Map(names.map((name) => [name.replace(NPY, ''), join(path, name)])),
    );
  }
  const [first] = await firstBytes(path, 1);
  if (first === 0x93) {
    const name = basename(path).replace(NPY, '');
    return separateFiles(path, new Map([[known(name) ? name : 'images', path]]));
  }
  return openArchive(path);
}
