// Reads a part of a file, also one of more than 2 GiB.

import type { FileHandle } from 'node:fs/promises';

/** Node reads at most 2 GiB at once. */
const LONGEST_READ = 2 ** 30;

/** Reads a part of a file. It is shorter than `length` if the file ends before. */
export async function readPart(
  file: FileHandle,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const wanted = Math.min(LONGEST_READ, length - at);
    const { bytesRead } = await file.read(bytes, at, wanted, offset + at);
    if (bytesRead === 0) return bytes.subarray(0, at);
    at += bytesRead;
  }
  return bytes;
}
