// Hashes of arrays of any length.

import { createHash, type Hash } from 'node:crypto';

/** Most bytes that are hashed at once. Node takes less than 2 GiB. */
const LONGEST = 2 ** 30;

/** The SHA-256 of an array, in hexadecimal digits. */
export function sha256Of(bytes: ArrayBufferView): string {
  return addBytes(createHash('sha256'), bytes).digest('hex');
}

/** Adds the bytes of an array to a hash. */
export function addBytes(hash: Hash, { buffer, byteOffset, byteLength }: ArrayBufferView): Hash {
  for (let at = 0; at < byteLength; at += LONGEST) {
    hash.update(new Uint8Array(buffer, byteOffset + at, Math.min(LONGEST, byteLength - at)));
  }
  return hash;
}
