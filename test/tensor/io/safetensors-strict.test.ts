import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeSafetensors,
  encodeSafetensors,
  FormatError,
  fromNpy,
  openSafetensors,
  sizeOf,
  tensor,
  TesseraError,
  toNpy,
  ValueError,
  type SafetensorsEntry,
} from '@tessera/tensor';

/** A file with this header and body. */
function file(header: string, body: ArrayLike<number> = []): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + body.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(Array.from(body), 8 + json.length);
  return bytes;
}

/** A file of one tensor. */
const single = (dtype: string, values: ArrayBufferView & { length: number }): Uint8Array =>
  file(
    JSON.stringify({ w: { dtype, shape: [values.length], data_offsets: [0, values.byteLength] } }),
    new Uint8Array(values.buffer),
  );

const empty = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}';

describe('safetensors', () => {
  it.each([
    ['F16', Uint16Array.of(0x3c00, 0x8000, 0x0001), Float32Array.of(1, -0, 2 ** -24)],
    ['BF16', Uint16Array.of(0x3f80, 0xff80), Float32Array.of(1, -Infinity)],
    ['F64', Float64Array.of(0.1, Infinity), Float32Array.of(0.1, Infinity)],
    ['I64', BigInt64Array.of(-5n, 2n ** 31n - 1n), Int32Array.of(-5, 2 ** 31 - 1)],
    ['U64', BigUint64Array.of(7n), Int32Array.of(7)],
    ['U32', Uint32Array.of(7), Int32Array.of(7)],
    ['I16', Int16Array.of(-7), Int32Array.of(-7)],
    ['U16', Uint16Array.of(65_535), Int32Array.of(65_535)],
    ['I8', Int8Array.of(-7), Int32Array.of(-7)],
    ['U8', Uint8Array.of(0, 255), Int32Array.of(0, 255)],
  ])('reads %s, and says that it was converted', async (dtype, stored, data) => {
    const bytes = single(dtype, stored);
    const { tensors, converted } = decodeSafetensors(bytes);
    expect(tensors.get('w')?.data).toEqual(data);
    expect([...converted]).toEqual([['w', dtype]]);
    const part = async (at: number, length: number): Promise<Uint8Array<ArrayBuffer>> =>
      Promise.resolve(new Uint8Array(bytes.subarray(at, at + length)));
    const opened = await openSafetensors(part, bytes.length);
    expect(await opened.read('w')).toEqual(tensors.get('w'));
    expect(opened.converted).toEqual(converted);
    await expect(opened.read('\u001b')).rejects.toThrow(/no tensor "\\u\{1b\}"/);
  });

  it.each([
    ['I64', BigInt64Array.of(0n, 2n ** 31n), /"w" holds 2147483648 at 1, which int32 cannot hold/],
    ['U32', Uint32Array.of(2 ** 31), /holds 2147483648 at 0/],
    ['U64', BigUint64Array.of(2n ** 63n), /holds 9223372036854775808 at 0/],
    ['F64', Float64Array.of(1e300), /holds 1e\+300 at 0, which float32 cannot hold/],
    ['F8_E4M3', Uint8Array.of(1), /"w" has dtype F8_E4M3; F64, F32, F16, .* are read/],
  ])('refuses what does not fit: %s', (dtype, stored, message) => {
    expect(() => decodeSafetensors(single(dtype, stored))).toThrow(message);
  });

  it('writes F16 and BF16, to the nearest, and refuses what is too large', () => {
    const entry = (...values: number[]): Map<string, SafetensorsEntry> =>
      new Map([
        ['w', { dtype: 'float32', shape: [values.length], data: Float32Array.from(values) }],
      ]);
    for (const floats of ['F16', 'BF16'] as const) {
      const bytes = encodeSafetensors(entry(1, -0, Infinity, NaN, 0.1), {}, { floats });
      const read = decodeSafetensors(bytes);
      const near = floats === 'F16' ? 0.0999755859375 : 0.10009765625;
      expect(read.tensors).toEqual(entry(1, -0, Infinity, NaN, near));
      expect(read.converted.get('w')).toBe(floats);
      expect(encodeSafetensors(read.tensors, {}, { floats })).toEqual(bytes);
    }
    expect(() => encodeSafetensors(entry(1, 65_520), {}, { floats: 'F16' })).toThrow(
      /"w" holds 65520 at 1, which F16 cannot hold/,
    );
    encodeSafetensors(entry(65_519), {}, { floats: 'F16' });
    expect(() => encodeSafetensors(entry(1), {}, { floats: 'F8' as 'F16' })).toThrow(ValueError);
  });

  it('refuses lies in headers, in short lines that a terminal can show', () => {
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    const shape = (sizes: string): string =>
      `{"w":{"dtype":"F32","shape":${sizes},"data_offsets":[0,0]}}`;
    const headers = {
      twice: `{"w":${empty},"\\u0077":${empty}}`,
      fieldTwice: '{"w":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
      space: ` {"w":${empty}}`,
      mark: `\ufeff{"w":${empty}}`,
      product: shape('[9007199254740991,9007199254740991,0]'),
      productBehindZero: shape('[0,9007199254740991,9007199254740991]'),
      axes: shape(`[${'1,'.repeat(64)}0]`),
      dtype: `{"w":{"dtype":${deep}}}`,
      dtypeObject: '{"w":{"dtype":{"toString":1,"valueOf":1}}}',
      long: `{"w":{"dtype":"${'F'.repeat(5_000_000)}"}}`,
      name: '{"\\u001b[2J\\u001b]0;x\\u0007":{}}',
      metadata: '{"__metadata__":{"a":5}}',
      list: '[]',
    };
    for (const [name, header] of Object.entries(headers)) {
      let message = `${name} was read`;
      try {
        decodeSafetensors(file(header));
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
        message = (error as Error).message;
      }
      expect(message).toMatch(/^safetensors: [ -~…]{5,260}$/);
    }
  });

  it('reads metadata that is null, and every key of it', () => {
    expect(decodeSafetensors(file('{"__metadata__":null}')).metadata).toEqual({});
    const { metadata } = decodeSafetensors(file('{"__metadata__":{"__proto__":"x","a":"b"}}'));
    expect(Object.entries(metadata)).toEqual([['__proto__', 'x'], ['a', 'b']]); // prettier-ignore
  });

  it('refuses to write what it would not read', () => {
    const data = Float32Array.of(3);
    const wrong: readonly unknown[][] = [
      [new Map([['x', { dtype: 'float32', shape: [1], data }]]), { step: 5 }],
      [new Map(), null],
      [new Map([['x', { dtype: 'float32', shape: [2], data }]])],
      [new Map([['x', { dtype: 'float32', shape: 1, data }]])],
      [new Map([['x', { dtype: 'float16', shape: [1], data }]])],
      [new Map([['x', { dtype: 'float32', shape: [1], data: [3] }]])],
      [new Map([['x', null]])],
      [new Map([[5, { dtype: 'float32', shape: [1], data }]])],
      [new Map([['x', { dtype: 'bool', shape: [1], data: Uint8Array.of(2) }]])],
      [{ x: data }],
    ];
    for (const args of wrong) {
      expect(() => encodeSafetensors(...(args as never as Parameters<typeof encodeSafetensors>)))
        .toThrow(FormatError); // prettier-ignore
    }
    expect(() => decodeSafetensors(data.buffer as never)).toThrow(/new Uint8Array\(buffer\)/);
  });

  it('is read tensor by tensor behind 2 GiB', async () => {
    const far = 2 ** 32;
    const head = file(
      `{"big":{"dtype":"U8","shape":[${far}],"data_offsets":[0,${far}]},"w":{"dtype":"F32","shape":[1],"data_offsets":[${far},${far + 4}]}}`,
    );
    const tail = new Uint8Array(Float32Array.of(0.5).buffer);
    const opened = await openSafetensors(
      async (at, length) =>
        Promise.resolve(at < head.length ? head.slice(at, at + length) : tail.slice(0, length)),
      head.length + far + 4,
    );
    expect((await opened.read('w')).data).toEqual(Float32Array.of(0.5));
  });
});

describe('mangled files', () => {
  const originals = Promise.all([
    toNpy(tensor([[1, 2], [3, 4]])),
    toNpy(tensor([true, false])),
  ]); // prettier-ignore
  const mangle = fc.record({
    flips: fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }),
    cut: fc.option(fc.nat(400)),
    twice: fc.boolean(),
  });

  it('are read or refused with a FormatError, never otherwise', async () => {
    const weights = encodeSafetensors(
      new Map<string, SafetensorsEntry>([
        ['a', { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
        ['b', { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) }],
      ]),
      { note: 'x' },
      { floats: 'F16' },
    );
    const files = [weights, ...(await originals)];
    fc.assert(
      fc.property(fc.nat(2), mangle, (which, { flips, cut, twice }) => {
        let bytes = Uint8Array.from(files[which]);
        for (const [at, byte] of flips) bytes[at % bytes.length] = byte;
        if (cut !== null) bytes = bytes.slice(0, cut);
        if (twice) bytes = Uint8Array.of(...bytes, ...bytes);
        try {
          if (which > 0) expect(fromNpy(bytes).dataSync().length).toBeLessThan(200);
          else
            for (const { data, shape } of decodeSafetensors(bytes).tensors.values())
              expect(data.length).toBe(sizeOf(shape));
        } catch (error) {
          if (!(error instanceof TesseraError)) throw error;
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('are so with any JSON in the fields of a header', () => {
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom('F32', 'U8', [0], [0, 0], [0, 4]));
    const header = fc.record(
      { dtype: field, shape: field, data_offsets: field },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.oneof(header, field)), (value) => {
        try {
          decodeSafetensors(file(JSON.stringify(value), [0, 0, 0, 0]));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
