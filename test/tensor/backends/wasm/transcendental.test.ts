import { setFlagsFromString } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { erf } from '../../../../packages/tensor/src/primitives/erf.ts';
import { power } from '../../../../packages/tensor/src/primitives/pointwise.ts';
import {
  compileFunctions,
  hasRelaxed,
  unaryNames,
  type UnaryName,
} from './transcendental-module.ts';

// Engines that have relaxed SIMD from the start do not mind. It must come before the first module.
setFlagsFromString('--experimental-wasm-relaxed-simd');

const variants = [false, ...(hasRelaxed() ? [true] : [])].map((relaxed) => ({
  variant: relaxed ? 'with relaxed SIMD' : 'without relaxed SIMD',
  compiled: compileFunctions(relaxed),
}));

/** What each function means, in float64, and the largest error in ulp that its docstring allows. */
const meanings: Readonly<
  Record<UnaryName, { readonly of: (x: number) => number; readonly ulps: number }>
> = {
  exp: { of: Math.exp, ulps: 1.1 },
  log: { of: Math.log, ulps: 1.2 },
  tanh: { of: Math.tanh, ulps: 2 },
  sigmoid: { of: (x) => 1 / (1 + Math.exp(-x)), ulps: 2 },
  erf: { of: erf, ulps: 1.6 },
  sin: { of: Math.sin, ulps: 1.6 },
  cos: { of: Math.cos, ulps: 1.6 },
};
const POW_ULPS = 0.54;

/**
 * How far `got` is from `want` in units of the spacing of float32 numbers at `want`; Infinity counts
 * as 2^128. What rounds to the same number is 0 apart; NaN and something else, or 0 and −0, are
 * Infinity apart.
 */
function ulpsBetween(got: number, want: number): number {
  if (Object.is(got, Math.fround(want))) return 0;
  if (Number.isNaN(got) || Number.isNaN(want) || (got === 0 && want === 0)) return Infinity;
  const finite = (x: number): number => Math.max(-(2 ** 128), Math.min(2 ** 128, x));
  const exponent = Math.floor(Math.log2(Math.abs(finite(want))));
  return Math.abs(finite(got) - finite(want)) / 2 ** (Math.max(exponent, -126) - 23);
}

/** The largest of the errors, and where it is. */
function largestError(
  got: Float32Array,
  want: Float64Array,
): { readonly ulps: number; readonly at: number } {
  let [ulps, at] = [0, 0];
  for (let i = 0; i < got.length; i++) {
    const error = ulpsBetween(got[i], want[i]);
    if (error > ulps) [ulps, at] = [error, i];
  }
  return { ulps, at };
}

const bitsOf = (x: number): number => new Uint32Array(Float32Array.of(x).buffer)[0];
const fromBits = (bits: readonly number[]): Float32Array =>
  new Float32Array(Uint32Array.from(bits).buffer);

/** Where a formula changes or a result leaves the range, and the float32 that sine is hardest for. */
const critical: readonly number[] = [
  [
    2 ** -126,
    2 ** -24,
    0.00034356,
    8.66255,
    0.0619,
    0.1733,
    0.20906,
    0.25,
    0.3466,
    2 / 3,
    0.9,
    0.92067,
    1,
    1.1079,
  ],
  [4 / 3, 1.3404, 2, 4, 9.01, 10, 16.6, 87.336, 88.723, 103.28, 103.972, 104, 2 ** 20, 2 ** 127],
  [1, 2, 3, 4, 1000, 500_000, 667_543].map((n) => (n * Math.PI) / 2),
  [16367173 * 2 ** 72, 10741887 * 2 ** 11, 10057457 * 2 ** 62, 14173733 * 2 ** 88],
].flat();

/** Every 4,001st float32, NaNs included, and 1,024 numbers in a row around each critical one. */
const sweep = ((): Float32Array => {
  const bits: number[] = [];
  for (let i = 0; i < 2 ** 32; i += 4001) bits.push(i);
  for (let i = 0; i < 1024; i++) bits.push(i, i + 2 ** 31);
  for (const center of critical.flatMap((x) => [x, -x])) {
    for (let i = -512; i < 512; i++) bits.push(bitsOf(center) + i);
  }
  return fromBits(bits);
})();

describe.each(variants)('vector functions $variant', ({ compiled }) => {
  it.each(unaryNames)('%s is as near as it says, over all of float32', (name) => {
    const { of, ulps } = meanings[name];
    const worst = largestError(compiled.unary(name, sweep), Float64Array.from(sweep, of));
    expect(worst.ulps, `of ${sweep[worst.at]}`).toBeLessThan(ulps);
  });

  it.each(unaryNames)('%s gives exact values at special numbers', (name) => {
    const xs = Float32Array.of(0, -0, Infinity, -Infinity, NaN, 2 ** -149, -(2 ** -149), 1000);
    const { of } = meanings[name];
    const exact = name === 'sin' || name === 'cos' || name === 'log' ? xs.subarray(0, 7) : xs;
    expect([...compiled.unary(name, exact)]).toEqual(Array.from(exact, (x) => Math.fround(of(x))));
  });

  it('exp and sigmoid underflow and overflow where they should', () => {
    // Neighbours on both sides of 150 ln ½, half of the least subnormal, and of 128 ln 2.
    const [small, none, large, overflow] = [-103.9720764, -103.972084, 88.7228394, 88.722847];
    const exps = compiled.unary('exp', Float32Array.of(small, none, large, overflow));
    expect([...exps]).toEqual([2 ** -149, 0, Math.fround(Math.exp(Math.fround(large))), Infinity]);
    const sigmoids = compiled.unary('sigmoid', Float32Array.of(small, none, -100, 100));
    expect([...sigmoids]).toEqual([2 ** -149, 0, Math.fround(Math.exp(-100)), 1]);
  });

  it('what should rise falls by at most one ulp from a number to its neighbour', () => {
    for (const name of ['exp', 'log', 'tanh', 'sigmoid', 'erf'] as const) {
      for (const center of [0.01, 0.3, 0.9, 1.4, 5, 60]) {
        const xs = fromBits(Array.from({ length: 4096 }, (_, i) => bitsOf(center) + i));
        const ys = compiled.unary(name, xs);
        const falls = ys.filter((y, i) => i > 0 && ulpsBetween(y, Math.max(y, ys[i - 1])) > 1);
        expect([...falls], name).toEqual([]);
      }
    }
  });

  it('pow is as near as it says', () => {
    // Steps through all bit patterns of both operands, and through numbers near 1 and small exponents.
    const count = 300_000;
    const bits = (factor: number): Float32Array =>
      fromBits(Array.from({ length: count }, (_, i) => Math.imul(i, factor) >>> 0));
    const [a, b] = [bits(0x9e3779b1), bits(0x85ebca77)];
    for (let i = 0; i < count; i += 2) {
      a[i] = Math.exp((i % 997) / 50 - 10) * (i % 7 === 0 ? -1 : 1);
      b[i] = i % 3 === 0 ? (i % 41) - 20 : (i % 1009) / 100 - 5;
    }
    for (let i = 1; i < count; i += 6) {
      a[i] = 1 + ((i % 1013) - 506) * 2 ** (-9 - (i % 15));
      b[i] = ((i % 911) - 455) * 2 ** (i % 20);
    }
    const want = Float64Array.from(a, (x, i) => x ** b[i]);
    const worst = largestError(compiled.pow(a, b), want);
    expect(worst.ulps, `of ${a[worst.at]} and ${b[worst.at]}`).toBeLessThan(POW_ULPS);
  });

  it('pow has the special values of IEEE 754', () => {
    const magnitudes = [0, 2 ** -149, 0.5, 1, 1.5, 2, 3, 2 ** 24 - 1, 2 ** 24, 3e38, Infinity];
    const numbers = [...magnitudes.flatMap((x) => [x, -x]), NaN];
    const pairs = numbers.flatMap((x) => numbers.map((y) => [x, y] as const));
    const [a, b] = [0, 1].map((side) => Float32Array.from(pairs, (pair) => pair[side]));
    const got = compiled.pow(a, b);
    const wrong = pairs.filter((_, i) => ulpsBetween(got[i], power(a[i], b[i])) >= POW_ULPS);
    expect(wrong).toEqual([]);
  });

  it('pow is exact where the result is a float32', () => {
    const whole = Float32Array.from({ length: 4096 }, (_, i) => i - 2048);
    const two = new Float32Array(4096).fill(2);
    expect(compiled.pow(whole, two)).toEqual(whole.map((x) => x * x));
    const some = sweep.filter((_, i) => i % 101 === 0);
    expect(compiled.pow(some, new Float32Array(some.length).fill(1))).toEqual(some);
  });

  const float32 = fc.float();

  it.each(['tanh', 'erf', 'sin'] as const)('%s(−x) = −%s(x), bit for bit', (name) => {
    fc.assert(
      fc.property(float32, (x) => {
        const [positive, negative] = compiled.unary(name, Float32Array.of(x, -x, x, x));
        expect(negative).toBe(-positive);
      }),
    );
  });

  it('cos(−x) = cos(x), bit for bit', () => {
    fc.assert(
      fc.property(float32, (x) => {
        const [positive, negative] = compiled.unary('cos', Float32Array.of(x, -x, x, x));
        expect(negative).toBe(positive);
      }),
    );
  });

  it('no lane depends on the others', () => {
    const lane = fc.oneof(float32, fc.double({ min: -4, max: 4, noNaN: true }).map(Math.fround));
    fc.assert(
      fc.property(fc.constantFrom(...unaryNames), fc.tuple(lane, lane, lane, lane), (name, xs) => {
        const together = [...compiled.unary(name, Float32Array.from(xs))];
        const alone = xs.map((x) => compiled.unary(name, new Float32Array(4).fill(x))[0]);
        expect(together).toEqual(alone);
      }),
    );
  });
});
