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

/** A zip archive of stored files, whose checksums are right again, as far as its headers lead. */
export function withZipSums(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.from(bytes);
  const sums: number[] = [];
  let at = 0;
  while (at + 30 <= copy.length && copy.readUInt32LE(at) === LOCAL_FILE) {
    const start = at + 30 + copy.readUInt16LE(at + 26) + copy.readUInt16LE(at + 28);
    const end = start + copy.readUInt32LE(at + 18);
    if (end > copy.length) return copy;
    sums.push(crc32(copy.subarray(start, end)));
    copy.writeUInt32LE(sums[sums.length - 1], at + 14);
    at = end;
  }
  for (const sum of sums) {
    if (at + 46 > copy.length || copy.readUInt32LE(at) !== CENTRAL_FILE) return copy;
    copy.writeUInt32LE(sum, at + 16);
    at += 46 + copy.readUInt16LE(at + 28) + copy.readUInt16LE(at + 30) + copy.readUInt16LE(at + 32);
  }
  return copy;
}

/** How the headers of files begin: before their bytes, and in the list at the end of an archive. */
const [LOCAL_FILE, CENTRAL_FILE] = [0x04034b50, 0x02014b50];
