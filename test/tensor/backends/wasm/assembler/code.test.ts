import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  flatten,
  float32Bytes,
  float64Bytes,
  int32Bytes,
  signed,
  sized,
  text,
  unsigned,
  vector,
} from '../../../../../packages/tensor/src/backends/wasm/assembler/code.ts';

/** Reads LEB128 as the specification's grammar says, section 5.2.2. */
function decode(bytes: readonly number[], isSigned: boolean): bigint {
  let value = 0n;
  bytes.forEach((byte, i) => {
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    expect(byte >= 0x80).toBe(i < bytes.length - 1);
  });
  return isSigned ? BigInt.asIntN(7 * bytes.length, value) : value;
}

describe('LEB128', () => {
  it('gives unsigned integers back, in as few bytes as they need', () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(300), fc.maxSafeNat()), (value) => {
        const bytes = unsigned(value);
        expect(decode(bytes, false)).toBe(BigInt(value));
        expect(bytes.length).toBe(Math.max(1, Math.ceil(BigInt(value).toString(2).length / 7)));
      }),
    );
  });

  it('gives signed integers back, in as few bytes as they need', () => {
    const values = fc.oneof(
      fc.bigInt({ min: -300n, max: 300n }),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    );
    fc.assert(
      fc.property(values, (value) => {
        const bytes = signed(value);
        expect(decode(bytes, true)).toBe(value);
        if (bytes.length > 1) {
          const bits = BigInt(7 * (bytes.length - 1));
          expect(BigInt.asIntN(Number(bits), value)).not.toBe(value);
        }
      }),
    );
  });

  it('is that of the specification for its examples', () => {
    expect(unsigned(624485)).toEqual([0xe5, 0x8e, 0x26]);
    expect(signed(-123456n)).toEqual([0xc0, 0xbb, 0x78]);
    expect(signed(64n)).toEqual([0xc0, 0x00]);
  });
});

describe('numbers', () => {
  it('are written with the lowest byte first', () => {
    expect(int32Bytes(1, -2)).toEqual([1, 0, 0, 0, 254, 255, 255, 255]);
    expect(float32Bytes(1)).toEqual([0, 0, 0x80, 0x3f]);
    expect(float64Bytes(-2)).toEqual([0, 0, 0, 0, 0, 0, 0, 0xc0]);
  });
});

describe('nested code', () => {
  it('becomes its bytes in order; vectors count items, sections bytes, texts UTF-8', () => {
    expect([...flatten([1, [2, [], [[3]]], 4])]).toEqual([1, 2, 3, 4]);
    expect([...flatten(vector([[7, 8], [9]]))]).toEqual([2, 7, 8, 9]);
    expect([...flatten(sized([[7, 8], [9]]))]).toEqual([3, 7, 8, 9]);
    expect([...flatten(text('né'))]).toEqual([3, 0x6e, 0xc3, 0xa9]);
  });

  it('refuses a constant vector outside of a function, which would have no variable', () => {
    expect(() => flatten([{ bytes: [] }])).toThrowErrorMatchingInlineSnapshot(
      `[Error: assembler: a constant vector lies in no function.]`,
    );
  });
});
