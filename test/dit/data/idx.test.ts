import { FormatError, ValueError } from '@tessera/tensor';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeIdxImages,
  decodeIdxLabels,
  encodeIdxImages,
  encodeIdxLabels,
  type IdxImages,
} from '../../../packages/dit/src/data/idx.ts';

const size = fc.integer({ min: 1, max: 5 });

const imageSets: fc.Arbitrary<IdxImages> = fc
  .tuple(size, size, size)
  .chain(([count, rows, columns]) => {
    const pixels = count * rows * columns;
    return fc
      .uint8Array({ minLength: pixels, maxLength: pixels })
      .map((images) => ({ images, count, rows, columns }));
  });

const labelSets = fc.uint8Array({ minLength: 1, maxLength: 40, max: 9 });

/** The bytes with one of them changed to another value. */
function withByte(bytes: Uint8Array, index: number, xor: number): Uint8Array {
  const changed = bytes.slice();
  changed[index] ^= xor;
  return changed;
}

describe('images', () => {
  test('the layout is magic, count, rows, columns, pixels, all big-endian', () => {
    const images = Uint8Array.of(1, 2, 3, 4, 5, 6);
    expect([...encodeIdxImages({ images, count: 1, rows: 2, columns: 3 })]).toEqual([
      0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6,
    ]);
  });

  test('decoding gives back what was encoded', () => {
    fc.assert(
      fc.property(imageSets, (set) => {
        expect(decodeIdxImages(encodeIdxImages(set))).toEqual(set);
      }),
    );
  });

  test('a view into a larger buffer decodes as well', () => {
    fc.assert(
      fc.property(imageSets, (set) => {
        const encoded = encodeIdxImages(set);
        const larger = new Uint8Array(encoded.length + 7);
        larger.set(encoded, 3);
        expect(decodeIdxImages(larger.subarray(3, 3 + encoded.length))).toEqual(set);
      }),
    );
  });

  test('every truncation is refused', () => {
    fc.assert(
      fc.property(imageSets, (set) => {
        const bytes = encodeIdxImages(set);
        for (let length = 0; length < bytes.length; length++) {
          expect(() => decodeIdxImages(bytes.subarray(0, length))).toThrow(FormatError);
        }
      }),
    );
  });

  test('trailing bytes are refused', () => {
    fc.assert(
      fc.property(imageSets, fc.uint8Array({ minLength: 1, maxLength: 9 }), (set, tail) => {
        const bytes = Uint8Array.of(...encodeIdxImages(set), ...tail);
        expect(() => decodeIdxImages(bytes)).toThrow(FormatError);
      }),
    );
  });

  test('every changed byte of the header is refused', () => {
    fc.assert(
      fc.property(imageSets, fc.integer({ min: 1, max: 255 }), (set, xor) => {
        const bytes = encodeIdxImages(set);
        for (let index = 0; index < 16; index++) {
          expect(() => decodeIdxImages(withByte(bytes, index, xor))).toThrow(FormatError);
        }
      }),
    );
  });

  test('arbitrary bytes are refused or encode to themselves', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (tail) => {
        const bytes = Uint8Array.of(0, 0, 8, 3, ...tail);
        let outcome: unknown;
        try {
          outcome = encodeIdxImages(decodeIdxImages(bytes));
        } catch (error) {
          outcome = error instanceof FormatError ? 'refused' : error;
        }
        expect(['refused', bytes]).toContainEqual(outcome);
      }),
    );
  });

  test('sizes that fit no number are refused', () => {
    const bytes = Uint8Array.of(0, 0, 8, 3, ...new Array<number>(12).fill(0xff), 1);
    expect(() => decodeIdxImages(bytes, 'huge')).toThrow(/^decodeIdxImages: huge: found 17 bytes/);
  });

  test('errors name the file, what was found and what was expected', () => {
    const bytes = encodeIdxImages({ images: new Uint8Array(8), count: 2, rows: 2, columns: 2 });
    const labels = encodeIdxLabels(new Uint8Array(20));
    const problem = (from: Uint8Array): string => {
      try {
        decodeIdxImages(from, 'digits');
      } catch (error) {
        return String(error);
      }
      return 'accepted';
    };
    expect(problem(bytes.subarray(0, 20))).toMatchInlineSnapshot(
      `"FormatError: decodeIdxImages: digits: found 20 bytes, expected 24 (a header of 16 and 2 × 2 × 2 pixels). The file is truncated."`,
    );
    expect(problem(Uint8Array.of(...bytes, 0))).toMatchInlineSnapshot(
      `"FormatError: decodeIdxImages: digits: found 25 bytes, expected 24 (a header of 16 and 2 × 2 × 2 pixels). The file has trailing bytes."`,
    );
    expect(problem(bytes.subarray(0, 5))).toMatchInlineSnapshot(
      `"FormatError: decodeIdxImages: digits: found 5 bytes, expected at least the 16 of an idx header. Is the file truncated?"`,
    );
    expect(problem(labels)).toMatchInlineSnapshot(
      `"FormatError: decodeIdxImages: digits: found magic number 0x00000801 (labels), expected 0x00000803 (images). Is it another file?"`,
    );
    expect(problem(Uint8Array.of(0x1f, 0x8b, ...bytes))).toMatchInlineSnapshot(
      `"FormatError: decodeIdxImages: digits: found magic number 0x1f8b0000 (still gzipped), expected 0x00000803 (images). Is it another file?"`,
    );
    expect(problem(withByte(bytes, 7, 2))).toMatchInlineSnapshot(
      `"FormatError: decodeIdxImages: digits: the header declares 0 × 2 × 2 pixels, expected at least one."`,
    );
  });

  test('encoding refuses pixels that are not the images declared', () => {
    const images = new Uint8Array(5);
    expect(() => encodeIdxImages({ images, count: 1, rows: 2, columns: 3 })).toThrow(ValueError);
    expect(() =>
      encodeIdxImages({ images: new Uint8Array(0), count: 0, rows: 2, columns: 3 }),
    ).toThrow(ValueError);
  });
});

describe('labels', () => {
  test('decoding gives back what was encoded', () => {
    fc.assert(
      fc.property(labelSets, (labels) => {
        expect(decodeIdxLabels(encodeIdxLabels(labels), { classes: 10 })).toEqual(labels);
      }),
    );
  });

  test('every truncation, tail and changed header byte is refused', () => {
    fc.assert(
      fc.property(labelSets, fc.integer({ min: 1, max: 255 }), (labels, xor) => {
        const bytes = encodeIdxLabels(labels);
        for (let length = 0; length < bytes.length; length++) {
          expect(() => decodeIdxLabels(bytes.subarray(0, length))).toThrow(FormatError);
        }
        expect(() => decodeIdxLabels(Uint8Array.of(...bytes, xor))).toThrow(FormatError);
        for (let index = 0; index < 8; index++) {
          expect(() => decodeIdxLabels(withByte(bytes, index, xor))).toThrow(FormatError);
        }
      }),
    );
  });

  test('a label outside the classes is refused, and named', () => {
    const bytes = encodeIdxLabels(Uint8Array.of(3, 9, 10));
    expect(decodeIdxLabels(bytes)).toEqual(Uint8Array.of(3, 9, 10));
    expect(() => decodeIdxLabels(bytes, { name: 'labels.idx', classes: 10 })).toThrow(
      'decodeIdxLabels: labels.idx: label number 2 is 10, expected 0 to 9.',
    );
  });

  test('encoding refuses no labels', () => {
    expect(() => encodeIdxLabels(new Uint8Array(0))).toThrow(ValueError);
  });
});
