// Reads idx files from disk, gzipped or not, and no more than their headers promise.

import { createReadStream, type ReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip, type Gunzip } from 'node:zlib';
import { FormatError, TesseraError } from '@tessera/tensor';
import { fileErrorCode, nameFile } from '../run/file-error.ts';
import { readIdxHeader, wrongLength, type IdxHeader, type IdxKind } from './idx.ts';

/** A file that promises more bytes than this is not read: its images would not fit into memory twice. */
const LARGEST_FILE = 2 ** 30;

/** Collects a file piece by piece, and refuses it at the first byte that its header does not promise. */
class IdxCollector {
  readonly #kind: IdxKind;
  readonly #name: string;
  /** What has come: of a file whose header is not there yet, all of it. */
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  #header: IdxHeader | undefined;

  constructor(kind: IdxKind, name: string) {
    this.#kind = kind;
    this.#name = name;
  }

  add(piece: Uint8Array): void {
    if (this.#header === undefined) {
      const start = Buffer.concat([this.#bytes, piece]);
      this.#bytes = start;
      this.#length = start.length;
      if (start.length < this.#kind.header) return;
      this.#header = readIdxHeader(this.#kind, start, this.#name);
      const { sizes, length } = this.#header;
      if (length > LARGEST_FILE) {
        throw new FormatError(
          'loadMnist',
          `${this.#name}: the header declares ${sizes.join(' × ')} ${this.#kind.unit}, expected at most ${LARGEST_FILE}.`,
        );
      }
      this.#bytes = new Uint8Array(length);
      this.#length = 0;
      this.#append(start, this.#header);
    } else {
      this.#append(piece, this.#header);
    }
  }

  #append(piece: Uint8Array, header: IdxHeader): void {
    if (this.#length + piece.length > header.length) {
      const found = `more than ${header.length}`;
      throw wrongLength(this.#kind, header, found, 'has trailing bytes', this.#name);
    }
    this.#bytes.set(piece, this.#length);
    this.#length += piece.length;
  }

  /** What has come, which may be less than the header promises. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
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

/** What a gzipped stream holds; it ends with the error of either, and both end with it. */
function inflate(file: ReadStream): Gunzip {
  const gunzip = createGunzip();
  file.on('error', (error) => gunzip.destroy(error));
  gunzip.on('close', () => file.destroy());
  return file.pipe(gunzip);
}

/**
 * Reads a whole idx file, inflated if it is gzipped. It takes the memory that its header promises, at
 * most 1 GiB, however much a packed file would inflate to.
 *
 * @throws ValueError if it cannot be read; FormatError if it is another file, holds more than its header
 *   promises, or its packing is damaged. A file that holds less is left to the decoder.
 */
export async function readIdxFile(path: string, kind: IdxKind): Promise<Uint8Array> {
  const collector = new IdxCollector(kind, path);
  try {
    const packed = await isGzipped(path);
    const file = createReadStream(path);
    for await (const piece of packed ? inflate(file) : file) collector.add(piece as Uint8Array);
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
  return collector.bytes();
}
