// Hashes of arrays of any length, of the tensors of a tree, and of plain values.

import { createHash, type Hash } from 'node:crypto';
import { namedTensors } from '@tessera/autograd/nn';

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

/** Adds names, shapes and elements of the tensors of a tree to a hash. */
export async function addTensors(hash: Hash, root: unknown): Promise<void> {
  for (const [name, leaf] of namedTensors(root)) {
    hash.update(JSON.stringify([name, leaf.shape]));
    addBytes(hash, await leaf.data());
  }
}

/** Adds a plain value to a hash: numbers, texts, arrays of elements, lists and records of them. */
export function addPlain(hash: Hash, value: unknown): void {
  if (ArrayBuffer.isView(value)) {
    addBytes(hash.update(`${value.byteLength}:`), value);
  } else if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    hash.update(`{${fields.length}`);
    for (const [name, field] of fields.sort(([a], [b]) => (a < b ? -1 : 1))) {
      addPlain(hash.update(JSON.stringify(name)), field);
    }
  } else {
    hash.update(`${JSON.stringify(value)},`);
  }
}
