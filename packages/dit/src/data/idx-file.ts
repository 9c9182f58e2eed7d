// Reads idx files from disk, gzipped or not, and no more than their headers promise.

import { createReadStream, type ReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip, type Gunzip } from 'node:zlib';
import { FormatError, TesseraError } from '@tessera/tensor';
import { fileErrorCode, nameFile } from '../run/file-error.ts';
import { readIdxHeader, wrongLength, type IdxKind } from './idx.ts';
import { PromisedBytes, type Promised } from './promised-bytes.ts';

/** Most bytes that a header may declare: two copies of more would not fit into memory. */
const LARGEST_FILE = 2 ** 30;

/** What the header of a file promises. */
function promiseOf(kind: IdxKind, start: Uint8Array, name: string): Promised | undefined {
  if (start.length < kind.header) return undefined;
  const header = readIdxHeader(kind, start, name);
  const { sizes, length } = header;
  if (length > LARGEST_FILE) {
    throw new FormatError(
      'loadMnist',
      `${name}: the header declares ${sizes.join(' × ')} ${kind.unit}, expected at most ${LARGEST_FILE}.`,
    );
  }
  const found = `more than ${length}`;
  return { length, tooLong: () => wrongLength(kind, header, found, 'has trailing bytes', name) };
}

/** Whether a file begins with gzip's magic number, whatever its name is. */
async function isGzipped(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return buffer.readUInt16BE() === 0x1f8b;
  } finally {
    await file.close();
  }
}

/** Inflates a gzipped stream. An error of one of the two streams ends both. */
function inflate(file: ReadStream): Gunzip {
  const gunzip = createGunzip();
  file.on('error', (error) => gunzip.destroy(error));
  gunzip.on('close', () => file.destroy());
  return file.pipe(gunzip);
}

/**
 * Reads a whole idx file, and inflates it if it is gzipped. It takes at most twice as much memory as there are bytes,
 * and reads no more of them than the header declares, at most 1 GiB, however large a gzipped file would become.
 *
 * @throws ValueError if it cannot be read; FormatError if it is another file, holds more than its header
 *   declares, or its gzip stream is damaged. The decoder refuses a file that holds less.
 */
export async function readIdxFile(path: string, kind: IdxKind): Promise<Uint8Array> {
  const collected = new PromisedBytes((start) => promiseOf(kind, start, path));
  try {
    const packed = await isGzipped(path);
    const file = createReadStream(path);
    for await (const piece of packed ? inflate(file) : file) collected.add(piece as Uint8Array);
  } catch (error) {
    if (error instanceof TesseraError) throw error;
    if (fileErrorCode(error)?.startsWith('Z_') !== true) {
      throw nameFile('loadMnist', path, 'read', error);
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new FormatError(
      'loadMnist',
      `${path}: the gzip stream is damaged (${reason}). Download the file again.`,
    );
  }
  return collected.bytes();
}
