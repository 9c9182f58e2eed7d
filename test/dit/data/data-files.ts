/** Files of data sets for tests: archives, arrays and pictures, written by hand or by other code than ours. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { encode } from 'fast-png';

/** An .npy file of these elements. */
export function npy(
  dtype: string,
  shape: readonly number[],
  elements: Uint8Array | Float32Array | Int32Array,
): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const header = `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${sizes}), }`.padEnd(117);
  const start = Buffer.concat([
    Buffer.from([0x93]),
    Buffer.from('NUMPY\u0001\u0000v\u0000', 'latin1'),
  ]);
  const body = Buffer.from(elements.buffer, elements.byteOffset, elements.byteLength);
  return Buffer.concat([start, Buffer.from(`${header}\n`), body]);
}

/** A zip archive without compression. Source: PKWARE, APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16. */
export function zip(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of Object.entries(files)) {
    const sums = Buffer.alloc(12);
    sums.writeUInt32LE(crc32(bytes), 0);
    sums.writeUInt32LE(bytes.length, 4);
    sums.writeUInt32LE(bytes.length, 8);
    const lengths = Buffer.from([name.length, 0, 0, 0]);
    const version = Buffer.from([20, 0, 0, 0, 0, 0, 0, 0, 33, 0]);
    const local = [Buffer.from('PK\u0003\u0004'), version, sums, lengths, Buffer.from(name), bytes];
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    const made = Buffer.from([20, 0]);
    entries.push(
      Buffer.from('PK\u0001\u0002'),
      made,
      version,
      sums,
      lengths,
      place,
      Buffer.from(name),
    );
    locals.push(Buffer.concat(local));
    offset += locals[locals.length - 1].length;
  }
  const directory = Buffer.concat(entries);
  const count = Object.keys(files).length;
  const end = Buffer.alloc(18);
  end.writeUInt16LE(count, 4);
  end.writeUInt16LE(count, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from('PK\u0005\u0006'), end]);
}

/** A PNG of one value in each channel. */
export function png(value: readonly number[], width = 8, height = width): Uint8Array {
  const data = Uint8Array.from(
    { length: width * height * value.length },
    (_, i) => value[i % value.length],
  );
  return encode({ width, height, channels: value.length, data });
}

/** Writes files by their paths in a folder, and gives the folder. */
export async function writeFiles(
  folder: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<string> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  return folder;
}

/**
 * What NumPy 2.4.6 wrote by `savez_compressed(images=…, labels=…, captions=…, class_names=…, depth=…)`: two RGB images
 * of 2×3 whose bytes count up from 0, `[N, H, W, C]`; labels [1, 0] in int64; the captions 'a ré' and 'two'; the names
 * 'cat' and 'dog'; depth `[N, H, W]` in float32 from 0 to 1 in twelve steps.
 */
export const NUMPY_ARCHIVE: Uint8Array = Buffer.from(
  [
    'UEsDBC0AAAAIAAAAIQCB5b/L//////////8KABQAaW1hZ2VzLm5weQEAEACkAAAAAAAAAG0AAAAAAAAAm+wX6hsQyc',
    'hQxlCtnpJanFykbqWgXlNqqK6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaRjoKQGQMRJo6CrUKZAAuBkYm',
    'ZhZWNnYOTi5uHl4+fgFBIWERUTFxCUkpaRlZOXkFRSVlAFBLAwQtAAAACAAAACEAcfs5q///////////CgAUAGxhYm',
    'Vscy5ucHkBABAAkAAAAAAAAABIAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TaaGuo6Cell9UUpSYF59flJIK',
    'EndLzClOBYoXZyQWpAL5GkY6mjoKtQoUAC5GBlQAAFBLAwQtAAAACAAAACEAiux03v//////////DAAUAGNhcHRpb2',
    '5zLm5weQEAEACgAAAAAAAAAFgAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbhNqoq6joJ6WX1RSlJgXn1+UkgoS',
    'd0vMKU4FihdnJBakAvkaRjqaOgq1ChQArkQGBgYFIC4C4pdAXALE5UCczwABAFBLAwQtAAAACAAAACEA1ZFd4P////',
    '//////DwAUAGNsYXNzX25hbWVzLm5weQEAEACYAAAAAAAAAFUAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbhNq',
    'rK6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaRjqaOgq1ChQArmQGBoZEIC4B4hQgzgfidCAGAFBLAwQtAA',
    'AACAAAACEAtZpQd///////////CQAUAGRlcHRoLm5weQEAEACwAAAAAAAAAHQAAAAAAAAAm+wX6hsQychQxlCtnpJa',
    'nFykbqWgbpNmoq6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaRjoKQGSsqaNQq0Ae4GIAgh69XbY9elZ2Lx',
    'd12wHZdvq7XgDZ3Pa7XijZA8XtY0sC7fV3ZdgzMDTYAwBQSwECLQMtAAAACAAAACEAgeW/y20AAACkAAAACgAAAAAA',
    'AAAAAAAAgAEAAAAAaW1hZ2VzLm5weVBLAQItAy0AAAAIAAAAIQBx+zmrSAAAAJAAAAAKAAAAAAAAAAAAAACAAakAAA',
    'BsYWJlbHMubnB5UEsBAi0DLQAAAAgAAAAhAIrsdN5YAAAAoAAAAAwAAAAAAAAAAAAAAIABLQEAAGNhcHRpb25zLm5w',
    'eVBLAQItAy0AAAAIAAAAIQDVkV3gVQAAAJgAAAAPAAAAAAAAAAAAAACAAcMBAABjbGFzc19uYW1lcy5ucHlQSwECLQ',
    'MtAAAACAAAACEAtZpQd3QAAACwAAAACQAAAAAAAAAAAAAAgAFZAgAAZGVwdGgubnB5UEsFBgAAAAAFAAUAHgEAAAgD',
    'AAAAAA==',
  ].join(''),
  'base64',
);
