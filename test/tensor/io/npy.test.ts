import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatSpec,
  FormatError,
  fromNpy,
  ones,
  sizeOf,
  tensor,
  toNpy,
  type Tensor,
} from '@tessera/tensor';

/** A file with this header, as NumPy lays it out. */
function file(header: string, body: ArrayLike<number>, version: 1 | 2 = 1): Uint8Array {
  const prefix = version === 1 ? 10 : 12;
  const text = new TextEncoder().encode(
    `${header.padEnd(Math.ceil((prefix + header.length + 1) / 64) * 64 - prefix - 1)}\n`,
  );
  const length =
    version === 1
      ? [text.length & 255, text.length >> 8]
      : [text.length & 255, text.length >> 8, 0, 0];
  return Uint8Array.of(
    0x93,
    ...Buffer.from('NUMPY'),
    version,
    0,
    ...length,
    ...text,
    ...Array.from(body),
  );
}

const dict = (descr: string, shape: string, order = 'False'): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;
const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const base64 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'));
const plain = (x: Tensor): unknown => [x.dtype, x.shape, x.toArraySync()];

const anyTensor: fc.Arbitrary<Tensor> = fc
  .record({
    dtype: fc.constantFrom('float32' as const, 'int32' as const, 'bool' as const),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    seed: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1000 }),
  })
  .map(({ dtype, shape, seed }) => {
    const values = Array.from({ length: sizeOf(shape) }, (_, i) => seed + i);
    if (dtype === 'float32')
      return tensor(
        Float32Array.from(values, (x) => x / 7),
        { shape },
      );
    if (dtype === 'int32') return tensor(Int32Array.from(values), { shape });
    return tensor(
      Uint8Array.from(values, (x) => x & 1),
      { shape },
    );
  });

describe('toNpy and fromNpy', () => {
  it('give back what was written, views too', async () => {
    await fc.assert(
      fc.asyncProperty(anyTensor, fc.boolean(), async (x, reversed) => {
        const axes = [...x.shape.keys()].reverse();
        const given = reversed ? x.permute(axes) : x;
        const read = fromNpy(await toNpy(given));
        expect(plain(read)).toEqual(plain(given));
      }),
    );
  });

  it('write what NumPy writes', async () => {
    const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
    const bytes = await toNpy(tensor([[1, 2.5, -3], [4, 5, 6]])); // prettier-ignore
    expect(bytes.length).toBe(152);
    expect(text(bytes.subarray(0, 10))).toBe('\x93NUMPY\x01\x00\x76\x00');
    expect(text(bytes.subarray(10, 128)).trimEnd()).toBe(dict('<f4', '(2, 3)'));
    expect(bytes[127]).toBe(0x0a);
    expect(bytes.subarray(128)).toEqual(base64('AACAPwAAIEAAAEDAAACAQAAAoEAAAMBA'));
    expect(text(await toNpy(tensor([1])))).toContain(dict('<f4', '(1,)'));
    expect(text(await toNpy(tensor(true)))).toContain(dict('|b1', '()'));
  });

  it('refuse more axes than NumPy knows', async () => {
    await expect(toNpy(ones(Array.from({ length: 65 }, () => 1)))).rejects.toThrow(
      /^toNpy: 65 axes, but NumPy knows at most 64\.$/,
    );
  });
});

describe('fromNpy', () => {
  // The elements as numpy.save wrote them.
  it.each([
    ['<f4', '(2, 3)', 'AACAPwAAIEAAAEDAAACAQAAAoEAAAMBA', 'float32', [[1, 2.5, -3], [4, 5, 6]]],
    ['<f8', '(2,)', 'mpmZmZmZuT8AAAAAAADwfw==', 'float32', [Math.fround(0.1), Infinity]],
    ['<i8', '(2, 1)', '//////////////9/AAAAAA==', 'int32', [[-1], [2 ** 31 - 1]]],
    ['<f2', '(3,)', 'ADwBAAD8', 'float32', [1, 2 ** -24, -Infinity]],
    ['>f4', '(1,)', 'P4AAAA==', 'float32', [1]],
    ['>i2', '(2,)', '//4BAA==', 'int32', [-2, 256]],
    ['<u4', '(1,)', '/wAAAA==', 'int32', [255]],
    ['|i1', '(2,)', '/4A=', 'int32', [-1, -128]],
    ['|u1', '(2,)', 'AP8=', 'int32', [0, 255]],
    ['|b1', '()', 'AQ==', 'bool', 1],
    ['<f4', '(0, 3)', '', 'float32', []],
  ])('reads %s %s', (descr, shape, body, dtype, values) => {
    for (const version of [1, 2] as const) {
      const x = fromNpy(file(dict(descr, shape), base64(body), version));
      expect(x.dtype).toBe(dtype);
      expect(x.toArraySync()).toEqual(values);
    }
  }); // prettier-ignore

  it('reads Fortran order as a transposed view', () => {
    const body = base64('AAAAAAMAAAABAAAABAAAAAIAAAAFAAAA');
    const x = fromNpy(file(dict('<i4', '(2, 3)', 'True'), body));
    expect(x.toArraySync()).toEqual([[0, 1, 2], [3, 4, 5]]); // prettier-ignore
    const cube = fromNpy(
      file(
        dict('|u1', '(2, 3, 4)', 'True'),
        Uint8Array.from({ length: 24 }, (_, i) => i),
      ),
    );
    expect(cube.shape).toEqual([2, 3, 4]);
    expect(cube.select(0, 1).select(0, 2).toArraySync()).toEqual([5, 11, 17, 23]); // 1 + 2·2 + 6·k
  });

  it('copies the elements out of a Node Buffer too, whose slices share its memory', () => {
    const bytes = Buffer.from(file(dict('<f4', '(1,)'), bytesOf(Float32Array.of(0.5))));
    const x = fromNpy(bytes);
    bytes.fill(0);
    expect(x.itemSync()).toBe(0.5);
  });

  it('takes headers of other writers, keys in any order', () => {
    const x = fromNpy(
      file("{'shape':(2,),'descr':'|b1','fortran_order':False}", Uint8Array.of(0, 1)),
    );
    expect(plain(x)).toEqual(['bool', [2], [0, 1]]);
  });

  it('refuses every truncation and any appended byte', () => {
    for (const version of [1, 2] as const) {
      const bytes = file(dict('<i4', '(1, 2)'), bytesOf(Int32Array.of(1, 2)), version);
      for (let length = 0; length < bytes.length; length++) {
        expect(() => fromNpy(bytes.subarray(0, length))).toThrow(FormatError);
      }
      expect(() => fromNpy(Uint8Array.of(...bytes, 0))).toThrow(FormatError);
    }
  });

  it('refuses or reads, but never fails otherwise, whatever bytes are changed', () => {
    const damage = fc.array(fc.tuple(fc.nat(140), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const original = fc.constantFrom(
      file(dict('<i8', '(1, 2)'), bytesOf(BigInt64Array.of(1n, -2n))),
      file(dict('|b1', '(3,)', 'True'), Uint8Array.of(0, 1, 1), 2),
    );
    fc.assert(
      fc.property(original, damage, (bytes, changes) => {
        const damaged = bytes.slice();
        for (const [at, byte] of changes) damaged[at % bytes.length] = byte;
        try {
          const x = fromNpy(damaged);
          expect(x.dataSync().length).toBe(sizeOf(x.shape));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('never fails otherwise on made-up headers', () => {
    const known =
      "'descr' 'shape' 'fortran_order' : , { } '<f4' False True ( ) 9007199254740993 2 (1,) () (1e3,) (-1,) é";
    const word = fc.constantFrom(' ', '\n', ...known.split(' '));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 20 }), (words) => {
        try {
          expect(fromNpy(file(words.join(''), [0, 0, 0, 0])).size).toBe(1);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('says what is wrong', () => {
    const message = (bytes: Uint8Array): string => {
      try {
        return `read ${formatSpec(fromNpy(bytes, 'x.npy'))}`;
      } catch (error) {
        return String(error);
      }
    };
    expect({
      empty: message(new Uint8Array()),
      version: message(file(dict('<f4', '()'), [0, 0, 0, 0]).with(6, 3)),
      cut: message(file(dict('<f4', '()'), []).subarray(0, 100)),
      short: message(file(dict('<f4', '(2, 2)'), [0, 0, 0, 0])),
      foreign: message(file(dict('=c8', '()'), [0, 0, 0, 0])),
      inherited: message(file(dict('toString', '()'), [])),
      structured: message(
        file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", []),
      ),
      negative: message(file(dict('<f4', '(-1,)'), [])),
      large: message(file(dict('<f8', '(1,)'), base64('nHUAiDzkN34='))),
      axes: message(file(dict('<f4', `(${'1,'.repeat(65)})`), [0, 0, 0, 0])),
      long: message(file(dict('<f4', `(${'1,'.repeat(30_000)})`), [0, 0, 0, 0])),
      terminal: message(file(dict('\u001b[2J', '()'), [0, 0, 0, 0])),
      vast: message(file(dict('<f4', '(9007199254740993,)'), [])),
      noShape: message(file("{'descr': '<f4', 'fortran_order': False}", [])),
      order: message(file(dict('<f4', '()', "'no'"), [0, 0, 0, 0])),
      bool: message(file(dict('|b1', '(2,)'), [1, 7])),
      int: message(file(dict('<i8', '()'), bytesOf(BigInt64Array.of(2n ** 40n)))),
    }).toMatchInlineSnapshot(`
      {
        "axes": "FormatError: x.npy: the header does not describe a plain array: {'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1….",
        "bool": "FormatError: x.npy: the array holds byte 7 at 1; bools are 0 or 1.",
        "cut": "FormatError: x.npy: the header ends at byte 128, but there are 100. The file is truncated or damaged.",
        "empty": "FormatError: x.npy: the bytes do not start like an .npy file.",
        "foreign": "FormatError: x.npy: dtype '=c8' is not supported: f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8, b1 are. Convert it with astype.",
        "inherited": "FormatError: x.npy: dtype 'toString' is not supported: f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8, b1 are. Convert it with astype.",
        "int": "FormatError: x.npy: the array holds 1099511627776 at 0, which int32 cannot hold.",
        "large": "FormatError: x.npy: the array holds 1e+300 at 0, which float32 cannot hold.",
        "long": "FormatError: x.npy: the header ends at byte 60096, past the limit of 10000.",
        "negative": "FormatError: x.npy: the header does not describe a plain array: {'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }.",
        "noShape": "FormatError: x.npy: the header does not describe a plain array: {'descr': '<f4', 'fortran_order': False}.",
        "order": "FormatError: x.npy: the header does not describe a plain array: {'descr': '<f4', 'fortran_order': 'no', 'shape': (), }.",
        "short": "FormatError: x.npy: 4 bytes of elements, but shape [2, 2] takes 16. The file is truncated or damaged.",
        "structured": "FormatError: x.npy: the header does not describe a plain array: {'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}.",
        "terminal": "FormatError: x.npy: dtype '\\u{1b}[2J' is not supported: f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8, b1 are. Convert it with astype.",
        "vast": "FormatError: x.npy: the header does not describe a plain array: {'descr': '<f4', 'fortran_order': False, 'shape': (9007199254740993,), }.",
        "version": "FormatError: x.npy: format version 3.0 is not known: 1.0 or 2.0 expected.",
      }
    `);
  });
});
