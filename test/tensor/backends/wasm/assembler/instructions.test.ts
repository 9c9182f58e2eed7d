import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as code from '../../../../../packages/tensor/src/backends/wasm/assembler/instructions.ts';
import * as simd from '../../../../../packages/tensor/src/backends/wasm/assembler/simd.ts';
import { hasRelaxedSimd } from '../../../../../packages/tensor/src/backends/wasm/host/target.ts';
import * as meaning from './instruction-rows.ts';
import { compileInstruction, lanesOf, type Kind, type Scalar } from './instruction-runs.ts';

/** Numbers around which instructions go wrong. */
const EDGES = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  3e38,
  -3e38,
  1e-45,
  NaN,
  Infinity,
  -Infinity,
];
const words = fc.oneof(
  fc.constantFrom(0, 1, -1, 31, 32, 2 ** 31 - 1, -(2 ** 31), 65535, 65536),
  fc.integer(),
);
const floats = fc.oneof(
  fc.constantFrom(...EDGES, 2 ** 31, -(2 ** 31) - 256, 8388609.5),
  fc.double({ min: -100, max: 100 }),
  fc.double(),
);

const scalars: Readonly<Record<string, fc.Arbitrary<Scalar>>> = {
  i32: words,
  i64: fc.oneof(
    fc.constantFrom(0n, -1n, 63n, 64n, 2n ** 63n - 1n),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  ),
  f32: floats.map(Math.fround),
  f64: floats,
  u8: fc.nat(255),
  u16: fc.nat(65535),
};

/** Lanes of an operand. */
function operand(kind: Kind): fc.Arbitrary<Scalar[]> {
  const lanes = lanesOf(kind);
  return fc.array(scalars[kind.split('x')[0]], { minLength: lanes, maxLength: lanes });
}

/** Instructions with an immediate, of memory or of relaxed rounding, which the tests below this table run. */
const elsewhere =
  /^(?:const|constant|extract_lane|replace_lane|shuffle|relaxed_madd|reinterpret_\w+|load\w*|store\w*)$/;

const families = [
  { family: 'i32', instructions: code.i32, rows: meaning.i32Rows },
  { family: 'i64', instructions: code.i64, rows: meaning.i64Rows },
  { family: 'f32', instructions: code.f32, rows: meaning.f32Rows },
  { family: 'f64', instructions: code.f64, rows: meaning.f64Rows },
  { family: 'v128', instructions: simd.v128, rows: meaning.v128Rows },
  { family: 'i8x16', instructions: simd.i8x16, rows: meaning.i8x16Rows },
  { family: 'i16x8', instructions: simd.i16x8, rows: meaning.i16x8Rows },
  { family: 'i32x4', instructions: simd.i32x4, rows: meaning.i32x4Rows },
  { family: 'i64x2', instructions: simd.i64x2, rows: meaning.i64x2Rows },
  { family: 'f32x4', instructions: simd.f32x4, rows: meaning.f32x4Rows },
  { family: 'f64x2', instructions: simd.f64x2, rows: meaning.f64x2Rows },
];

describe.each(families)('$family', ({ instructions, rows }) => {
  it('has a row for every instruction', () => {
    const names = Object.keys(instructions).filter((name) => !elsewhere.test(name));
    expect(Object.keys(rows).sort()).toEqual(names.sort());
  });

  it.each(Object.entries(rows))('%s', (name, { operands, result, lane, all }) => {
    const instruction = (instructions as Readonly<Record<string, unknown>>)[name];
    const run = compileInstruction(instruction, operands, result);
    fc.assert(
      fc.property(fc.tuple(...operands.map(operand)), (values) => {
        // The specification leaves division by zero to a trap.
        fc.pre(!/^(?:div|rem)_u$/.test(name) || values[1][0] !== 0);
        const expected =
          lane === undefined
            ? all?.(...(values as never[]))
            : values[0].map((_, i) => lane(...(values.map((each) => each[i]) as never[])));
        const asNumbers = expected?.map((x) => (typeof x === 'boolean' ? Number(x) : x));
        expect(run(...values)).toEqual(asNumbers);
      }),
      { numRuns: 60 },
    );
  });
});

const bitsOf32 = (x: number): number => new Int32Array(new Float32Array([x]).buffer)[0];
const bitsOf64 = (x: number): bigint => new BigInt64Array(new Float64Array([x]).buffer)[0];

describe('bits of numbers', () => {
  it('are read as numbers of the other kind', () => {
    for (const x of EDGES) {
      expect(compileInstruction(code.i32.reinterpret_f32, ['f32'], 'i32')([x])).toEqual([
        bitsOf32(x),
      ]);
      expect(compileInstruction(code.i64.reinterpret_f64, ['f64'], 'i64')([x])).toEqual([
        bitsOf64(x),
      ]);
      expect(compileInstruction(code.f32.reinterpret_i32, ['i32'], 'f32')([bitsOf32(x)])).toEqual([
        Math.fround(x),
      ]);
      expect(compileInstruction(code.f64.reinterpret_i64, ['i64'], 'f64')([bitsOf64(x)])).toEqual([
        x,
      ]);
    }
  });
});

describe('constants', () => {
  it('are the numbers they are made of', () => {
    const none: readonly Kind[] = [];
    fc.assert(
      fc.property(
        words,
        operand('i64'),
        operand('f32x4'),
        operand('i32x4'),
        (i, [long], fs, is) => {
          expect(compileInstruction(() => code.i32.const(i), none, 'i32')()).toEqual([i]);
          expect(compileInstruction(() => code.i64.const(long as bigint), none, 'i64')()).toEqual([
            long,
          ]);
          const [a, b, c, d] = fs as number[];
          expect(compileInstruction(() => code.f32.const(a), none, 'f32')()).toEqual([a]);
          expect(compileInstruction(() => code.f64.const(a / 3), none, 'f64')()).toEqual([a / 3]);
          expect(compileInstruction(() => simd.f32x4.const(a, b, c, d), none, 'f32x4')()).toEqual(
            fs,
          );
          expect(compileInstruction(() => simd.f32x4.constant(a), none, 'f32x4')()).toEqual([
            a,
            a,
            a,
            a,
          ]);
          expect(compileInstruction(() => simd.f64x2.constant(b), none, 'f64x2')()).toEqual([b, b]);
          const lanes = is as [number, number, number, number];
          expect(compileInstruction(() => simd.i32x4.const(...lanes), none, 'i32x4')()).toEqual(is);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('lanes', () => {
  it.each([0, 1, 2, 3])('of four: lane %i is read and replaced', (lane) => {
    const read =
      <T>(from: (a: never, lane: number) => T) =>
      (a: never) =>
        from(a, lane);
    const put =
      <T>(into: (a: never, lane: number, value: never) => T) =>
      (a: never, x: never) =>
        into(a, lane, x);
    const four = [5, -6, 7, -8];
    const changed = four.map((x, i) => (i === lane ? 9 : x));
    expect(compileInstruction(read(simd.i32x4.extract_lane), ['i32x4'], 'i32')(four)).toEqual([
      four[lane],
    ]);
    expect(compileInstruction(read(simd.f32x4.extract_lane), ['f32x4'], 'f32')(four)).toEqual([
      four[lane],
    ]);
    expect(
      compileInstruction(put(simd.i32x4.replace_lane), ['i32x4', 'i32'], 'i32x4')(four, [9]),
    ).toEqual(changed);
    expect(
      compileInstruction(put(simd.f32x4.replace_lane), ['f32x4', 'f32'], 'f32x4')(four, [9]),
    ).toEqual(changed);
    if (lane > 1) return;
    const two = four.slice(0, 2);
    expect(compileInstruction(read(simd.f64x2.extract_lane), ['f64x2'], 'f64')(two)).toEqual([
      two[lane],
    ]);
  });

  it('are shuffled byte by byte', () => {
    const order = [31, 0, 1, 16, 15, 2, 30, 3, 4, 5, 6, 7, 8, 9, 10, 17];
    const shuffle = (a: never, b: never): unknown => simd.i8x16.shuffle(a, b, order);
    const [low, high] = [0, 16].map((from) => Array.from({ length: 16 }, (_, i) => from + i));
    expect(compileInstruction(shuffle, ['u8x16', 'u8x16'], 'u8x16')(low, high)).toEqual(order);
  });
});

describe('relaxed SIMD', () => {
  it('holds no conversion: i32x4.relaxed_trunc gives words on Node 20 that its specification does not allow', () => {
    const names = Object.values(simd).flatMap((type) => Object.keys(type));
    expect(names.filter((name) => name.startsWith('relaxed_'))).toEqual(['relaxed_madd']);
  });
});

describe('relaxed_madd', () => {
  it('is a · b + c, rounded once or twice', ({ skip }) => {
    if (!hasRelaxedSimd()) return skip('this engine has no relaxed SIMD');
    const run = compileInstruction(simd.f32x4.relaxed_madd, ['f32x4', 'f32x4', 'f32x4'], 'f32x4');
    // Products of these and their sums are exact in float64, which has 53 bits.
    const short = fc.integer({ min: -(2 ** 20), max: 2 ** 20 }).map((x) => x / 4096);
    const four = fc.array(short, { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(four, four, four, (a, b, c) => {
        run(a, b, c).forEach((y, i) => {
          const once = Math.fround(a[i] * b[i] + c[i]);
          const twice = Math.fround(Math.fround(a[i] * b[i]) + c[i]);
          expect([once, twice]).toContain(y);
        });
      }),
    );
  });
});
