// A checksum inside of a safetensors file: what is damaged is noticed, wherever the file goes.

import { createHash } from 'node:crypto';
import { encodeSafetensors, type SafetensorsEntry } from '@tessera/tensor';
import { addBytes } from './hash.ts';

/** How every file begins behind the length of its header. The checksum follows. */
const OPENING = new TextEncoder().encode('{"__metadata__":{"sha256":"');

/** Where the checksum stands: behind the length of the header, of 8 bytes, and the opening. */
const SEAL_AT = 8 + OPENING.length;

/** Whether a file begins as one of {@link encodeSealed} does, whole or not. */
export function beginsSealed(bytes: Uint8Array): boolean {
  const opening = bytes.subarray(8, SEAL_AT);
  return opening.length === OPENING.length && opening.every((byte, i) => byte === OPENING[i]);
}

/** What the checksum is computed with in its place. */
const NO_SEAL = '0'.repeat(64);

/** Writes tensors as `encodeSafetensors` does, with a SHA-256 of the file in front of the metadata. */
export function encodeSealed(
  tensors: ReadonlyMap<string, SafetensorsEntry>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const bytes = encodeSafetensors(tensors, { sha256: NO_SEAL, ...metadata });
  bytes.set(new TextEncoder().encode(sealOf(bytes)), SEAL_AT);
  return bytes;
}

/** Whether a file of {@link encodeSealed} is as it was written. */
export function isWhole(bytes: Uint8Array): boolean {
  const seal = new TextDecoder().decode(bytes.subarray(SEAL_AT, SEAL_AT + NO_SEAL.length));
  return beginsSealed(bytes) && seal === sealOf(bytes);
}

/** The SHA-256 of a file with zeros in the place of its checksum, in hexadecimal digits. */
function sealOf(bytes: Uint8Array): string {
  const hash = createHash('sha256').update(bytes.subarray(0, SEAL_AT)).update(NO_SEAL);
  return addBytes(hash, bytes.subarray(SEAL_AT + NO_SEAL.length)).digest('hex');
}
