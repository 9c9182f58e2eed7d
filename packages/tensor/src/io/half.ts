// Converts float16 and bfloat16 to float32 and back, bit by bit.

/**
 * Conversions between float32 and the two 16-bit formats of weights. Sources: IEEE 754-2019, section 3.4
 * (binary16: 1 sign, 5 exponent, 10 fraction bits); bfloat16 is the upper half of a float32.
 */

/** Converts float16 to float32: exact for every number, and NaNs keep their payload. */
export function float32OfHalf(halves: Uint16Array): Float32Array {
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i];
    const sign = (half & 0x8000) << 16;
    const rest = (half & 0x7fff) << 13;
    if (rest >= 0x0f800000) {
      words[i] = sign | rest | 0x7f800000;
    } else if (rest >= 0x00800000) {
      words[i] = sign | (rest + (112 << 23));
    } else {
      words[i] = sign | subnormal(half & 0x3ff);
    }
  }
  return new Float32Array(words.buffer);
}

/** The bits of `fraction` · 2⁻²⁴, which is a normal number (or 0) in float32. */
function subnormal(fraction: number): number {
  if (fraction === 0) return 0;
  const shift = Math.clz32(fraction) - 21;
  return ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

/** Converts bfloat16 to float32: the same bits, followed by zeros. */
export function float32OfBrain(halves: Uint16Array): Float32Array {
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i] << 16;
  return new Float32Array(words.buffer);
}

/**
 * Rounds float32 to the nearest float16, ties to even. Numbers that round past the largest become infinite.
 * NaNs keep the upper bits of their payload.
 */
export function halfOfFloat32(floats: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const sign = (words[i] >>> 16) & 0x8000;
    const rest = words[i] & 0x7fffffff;
    if (rest > 0x7f800000) {
      halves[i] = sign | 0x7c00 | payload((rest >> 13) & 0x3ff, 0x200);
    } else if (rest >= 0x47800000) {
      halves[i] = sign | 0x7c00; // from 2¹⁶ on
    } else if (rest >= 0x38800000) {
      halves[i] = sign | (withoutLast(rest, 13) - (112 << 10));
    } else {
      const shift = 126 - (rest >> 23); // the fraction counts 2⁻²⁴ once it is shifted
      halves[i] = shift > 24 ? sign : sign | withoutLast((rest & 0x7fffff) | 0x800000, shift);
    }
  }
  return halves;
}

/** Rounds float32 to the nearest bfloat16, like {@link halfOfFloat32}. */
export function brainOfFloat32(floats: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const sign = (words[i] >>> 16) & 0x8000;
    const rest = words[i] & 0x7fffffff;
    halves[i] =
      sign |
      (rest > 0x7f800000 ? 0x7f80 | payload((rest >> 16) & 0x7f, 0x40) : withoutLast(rest, 16));
  }
  return halves;
}

/** The payload of a NaN, never 0: with payload 0 it would be an infinity. */
function payload(bits: number, quiet: number): number {
  return bits === 0 ? quiet : bits;
}

/** `bits` without the last `count` bits, rounded to the nearest, ties to even. */
function withoutLast(bits: number, count: number): number {
  const half = 1 << (count - 1);
  return (bits + half - 1 + ((bits >>> count) & 1)) >>> count;
}
