import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeSafetensors,
  encodeSafetensors,
  FormatError,
  sizeOf,
  type SafetensorsEntry,
} from '@tessera/tensor';

const entry: fc.Arbitrary<SafetensorsEntry> = fc
  .record({
    dtype: fc.constantFrom('float32' as const, 'int32' as const, 'bool' as const),
    shape: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
    seed: fc.nat(1000),
  })
  .map(({ dtype, shape, seed }) => {
    const values = Array.from({ length: sizeOf(shape) }, (_, i) => seed + i);
    const data =
      dtype === 'float32'
        ? Float32Array.from(values, (x) => x / 7)
        : dtype === 'int32'
          ? Int32Array.from(values, (x) => -x)
          : Uint8Array.from(values, (x) => x % 2);
    return { dtype, shape, data };
  });

const file = fc.dictionary(fc.string({ minLength: 1, maxLength: 12 }), entry, { maxKeys: 6 });

describe('safetensors', () => {
  it('gives back what was written', () => {
    fc.assert(
      fc.property(
        file,
        fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
        (tensors, metadata) => {
          const names = Object.keys(tensors).filter((name) => name !== '__metadata__');
          const kept = new Map(names.map((name) => [name, tensors[name]]));
          const bytes = encodeSafetensors(kept, metadata);
          const read = decodeSafetensors(bytes);
          expect(encodeSafetensors(read.tensors, read.metadata)).toEqual(bytes);
          expect([...read.tensors.keys()].sort()).toEqual([...kept.keys()].sort());
          for (const [name, { dtype, shape, data }] of kept) {
            expect(read.tensors.get(name)).toEqual({ dtype, shape, data });
          }
          expect(new Map(Object.entries(read.metadata))).toEqual(new Map(Object.entries(metadata)));
        },
      ),
    );
  });

  it('refuses every truncation and any appended byte', () => {
    const bytes = encodeSafetensors(
      new Map([
        ['a', { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
        ['b', { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) }],
      ]),
    );
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSafetensors(bytes.subarray(0, length))).toThrow(FormatError);
    }
    expect(() => decodeSafetensors(Uint8Array.of(...bytes, 0))).toThrow(FormatError);
  });

  it('refuses or reads, but never fails otherwise, whatever byte is flipped', () => {
    const bytes = encodeSafetensors(
      new Map([['w', { dtype: 'int32', shape: [2], data: Int32Array.of(1, 2) }]]),
    );
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = bytes.slice();
        damaged[at] ^= flip;
        try {
          for (const { shape, data } of decodeSafetensors(damaged).tensors.values()) {
            expect(data.length).toBe(sizeOf(shape));
          }
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('aligns every tensor to its element size', () => {
    const bytes = encodeSafetensors(
      new Map([
        ['flag', { dtype: 'bool', shape: [1], data: Uint8Array.of(1) }],
        ['x', { dtype: 'float64', shape: [1], data: Float64Array.of(0.1) }],
        ['y', { dtype: 'float32', shape: [1], data: Float32Array.of(0.5) }],
      ]),
    );
    const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(headerLength % 8).toBe(0);
    const header = JSON.parse(
      new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)),
    ) as Record<string, { data_offsets: [number, number] }>;
    expect(header['x'].data_offsets[0]).toBe(0);
    expect(header['y'].data_offsets[0]).toBe(8);
    expect(header['flag'].data_offsets[0]).toBe(12);
  });

  it('copies the elements out of a Node Buffer too, whose slices share its memory', () => {
    const bytes = Buffer.from(
      encodeSafetensors(
        new Map([
          ['flag', { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) }],
          ['x', { dtype: 'float32', shape: [2], data: Float32Array.of(0.5, -2) }],
        ]),
      ),
    );
    const { tensors } = decodeSafetensors(bytes);
    bytes.fill(0);
    expect(tensors.get('x')?.data).toEqual(Float32Array.of(0.5, -2));
    expect(tensors.get('flag')?.data).toEqual(Uint8Array.of(1, 0, 1));
  });

  it('reads I64 into int32 and refuses what does not fit', () => {
    const write = (value: bigint): Uint8Array => {
      const header = new TextEncoder().encode(
        '{"i":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}  ',
      );
      const bytes = new Uint8Array(8 + header.length + 8);
      const view = new DataView(bytes.buffer);
      view.setBigUint64(0, BigInt(header.length), true);
      bytes.set(header, 8);
      view.setBigInt64(8 + header.length, value, true);
      return bytes;
    };
    expect(decodeSafetensors(write(-5n)).tensors.get('i')?.data).toEqual(Int32Array.of(-5));
    expect(() =>
      decodeSafetensors(write(2n ** 40n), 'ids.safetensors'),
    ).toThrowErrorMatchingInlineSnapshot(
      `[FormatError: ids.safetensors: "i" holds 1099511627776 at 0, which int32 cannot hold.]`,
    );
  });
});
