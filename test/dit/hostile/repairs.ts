/** Makes checksums and archives right again around what was mangled, so that a reader looks behind them. */
import { createHash } from 'node:crypto';
import { crc32, deflateRawSync } from 'node:zlib';
import { zip } from '../data/data-files.ts';

/** A state whose checksum is right again after it was mangled. */
export function sealed(bytes: Uint8Array): Uint8Array {
  const at = 8 + '{"__metadata__":{"sha256":"'.length;
  if (bytes.length < at + 64) return bytes;
  const copy = Buffer.from(bytes);
  copy.write('0'.repeat(64), at, 'latin1');
  copy.write(createHash('sha256').update(copy).digest('hex'), at, 'latin1');
  return copy;
}

/** A PNG whose chunks have the right checksums again, as far as their lengths lead. */
export function withSums(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.from(bytes);
  for (let at = 8; at + 12 <= copy.length;) {
    const end = at + 8 + copy.readUInt32BE(at);
    if (end + 4 > copy.length) break;
    copy.writeUInt32BE(crc32(copy.subarray(at + 4, end)), end);
    at = end + 4;
  }
  return copy;
}

/** A zip archive of one deflated array, made whole around whatever the array has become. */
export function packed(array: Uint8Array): Uint8Array {
  const stored = Buffer.from(zip({ 'images.npy': deflateRawSync(array) }));
  for (const [signature, method] of [
    ['PK\u0003\u0004', 8],
    ['PK\u0001\u0002', 10],
  ] as const) {
    const at = stored.indexOf(signature, 0, 'latin1');
    stored.writeUInt16LE(8, at + method);
    stored.writeUInt32LE(crc32(array), at + method + 6);
    stored.writeUInt32LE(array.length, at + method + 14);
  }
  return stored;
}
