import { describe, expect, it } from 'vitest';
import {
  brainOfFloat32,
  float32OfBrain,
  float32OfHalf,
  halfOfFloat32,
} from '../../../packages/tensor/src/io/half.ts';

const everyHalf = Uint16Array.from({ length: 65_536 }, (_, i) => i);
const bitsOf = (floats: Float32Array): Uint32Array => new Uint32Array(floats.buffer);

/** The value of bits as IEEE 754 defines it: ±fraction · 2^exponent. */
function meaning(bits: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits >> 15 === 0 ? 1 : -1;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN;
  const [whole, power] = exponent === 0 ? [0, 1 - bias] : [1, exponent - bias];
  return sign * (whole + fraction) * 2 ** power;
}

describe.each([
  { name: 'float16', exponentBits: 5, read: float32OfHalf, write: halfOfFloat32 },
  { name: 'bfloat16', exponentBits: 8, read: float32OfBrain, write: brainOfFloat32 },
])('$name', ({ exponentBits, read, write }) => {
  const floats = read(everyHalf);
  const infinity = (2 ** exponentBits - 1) << (15 - exponentBits);

  it('means what IEEE 754 says, for all 65,536', () => {
    const wrong = [...everyHalf].filter(
      (half) => !Object.is(floats[half], meaning(half, exponentBits)),
    );
    expect(wrong).toEqual([]);
  });

  it('comes back bit for bit, payloads of NaNs too', () => {
    expect(write(floats)).toEqual(everyHalf);
  });

  it('keeps the payload of a NaN in the upper bits of the fraction', () => {
    const words = bitsOf(floats);
    const shift = exponentBits + 8;
    const odd = [...everyHalf].filter(
      (half) =>
        Number.isNaN(floats[half]) &&
        (words[half] & 0x7fffff) !== (half & (infinity ^ 0x7fff)) << shift,
    );
    expect(odd).toEqual([]);
  });

  it('is the nearest of a float32, ties to even, around and between all of them', () => {
    const wrong: unknown[] = [];
    for (let low = 0; low < infinity; low++) {
      // Past the largest the next step would be 2^(bias + 1), which stands for infinity.
      const next = low + 1 === infinity ? 2 * floats[low] - floats[low - 1] : floats[low + 1];
      const middle = (floats[low] + next) / 2;
      const even = low % 2 === 0 ? low : low + 1;
      const given = bitsOf(Float32Array.of(middle));
      if (new Float32Array(given.buffer)[0] !== middle) wrong.push(['no float32', low]);
      const around = new Float32Array(Uint32Array.of(given[0] - 1, given[0], given[0] + 1).buffer);
      const found = [...write(around), ...write(around.map((x) => -x))];
      const expected = [low, even, low + 1];
      if (found.join() !== [...expected, ...expected.map((half) => half | 0x8000)].join()) {
        wrong.push([low, found, expected]);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('keeps NaNs whose payload lies below', () => {
    const nan = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001).buffer);
    expect([...read(write(nan))]).toEqual([NaN, NaN]);
    expect(write(Float32Array.of(Infinity, -Infinity, 3.402e38))).toEqual(
      Uint16Array.of(infinity, infinity | 0x8000, infinity),
    );
  });
});
