/** Numbers that a caller writes down are the numbers that a tensor holds, or they are refused. */
import {
  arange,
  clamp,
  compile,
  full,
  pad,
  randomInt,
  key,
  scalar,
  tensor,
  TesseraError,
  where,
  zeros,
  type DType,
  type Tensor,
} from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const LOWEST = -(2 ** 31);
const HIGHEST = 2 ** 31 - 1;

/** Whole numbers of int32, those that float32 cannot hold and the ends among them. */
const int32 = fc.oneof(
  fc.integer({ min: LOWEST, max: HIGHEST }),
  fc.constantFrom(0, 2 ** 24 + 1, -(2 ** 24) - 1, HIGHEST, LOWEST, HIGHEST - 1),
);

const ints = (...values: number[]): Tensor => tensor(Int32Array.from(values));

/** Every way to write a number down as an int32. */
const ways: readonly (readonly [string, (v: number) => Tensor])[] = [
  ['an array', (v) => tensor([v], { dtype: 'int32' })],
  ['a nested array', (v) => tensor([[v], [0]], { dtype: 'int32' }).select(0, 0)],
  ['a number', (v) => tensor(v, { dtype: 'int32' })],
  ['scalar', (v) => scalar(v, 'int32')],
  ['full', (v) => full([3], v, 'int32')],
  ['an Int32Array', (v) => ints(v)],
  [
    'the margin of a pad',
    (v) =>
      ints(7)
        .pad([[1, 0]], v)
        .select(0, 0),
  ],
  ['the margin of pad', (v) => pad(ints(7), [[1, 0]], { value: v }).select(0, 0)],
  ['a summand', (v) => zeros([2], 'int32').add(v)],
  ['a factor', (v) => full([2], 1, 'int32').mul(v)],
  ['the larger of two', (v) => ints(LOWEST).maximum(v)],
  ['the smaller of two', (v) => ints(HIGHEST).minimum(v)],
  ['a choice', (v) => where(tensor([false]), ints(0), v)],
  ['a lower bound', (v) => clamp(ints(LOWEST), v)],
  ['an upper bound', (v) => clamp(ints(HIGHEST), null, v)],
  ['bounds', (v) => clamp(ints(0), v, v)],
  ['the start of a range', (v) => randomInt(key(0), [1], v, v + 1)],
  ['a captured operand', (v) => compile((x: Tensor) => x.add(v))(zeros([1], 'int32'))],
];

describe('int32', () => {
  it.each(ways)('%s gives back what is written', (_name, write) => {
    fc.assert(
      fc.property(int32, (v) => {
        const x = write(v);
        expect(x.dtype).toBe('int32');
        expect(x.dataSync().every((each) => each === v)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('refuses every other number, and says which', () => {
    const others = fc.oneof(
      fc.constantFrom(2.5, 16777216.5, 1e-50, 2 ** 31, LOWEST - 1, NaN, Infinity, -Infinity),
      fc.double().filter((x) => (x | 0) !== x),
    );
    const strict = new Set(['an array', 'a nested array', 'a number', 'scalar', 'full', 'the margin of a pad', 'the margin of pad', 'the start of a range']); // prettier-ignore
    fc.assert(
      fc.property(others, (x) => {
        for (const [, write] of ways.filter(([name]) => strict.has(name))) {
          expect(() => write(x)).toThrow(TesseraError);
        }
        expect(() => tensor([x], { dtype: 'int32' })).toThrow(String(x));
      }),
    );
  });

  it('counts exactly beyond 2^24', () => {
    const count = 2 ** 24 + 3;
    expect(
      arange(count)
        .slice([[-2, null]])
        .toArraySync(),
    ).toEqual([2 ** 24 + 1, 2 ** 24 + 2]);
  });

  it('refuses ranges of random numbers beyond it', () => {
    expect(() => randomInt(key(0), [1], 3e9, 3e9 + 2)).toThrow(/2\^31/);
    const high = randomInt(key(0), [20], HIGHEST - 1, HIGHEST + 1);
    expect(high.dtype).toBe('int32');
    expect(high.min().itemSync()).toBe(HIGHEST - 1);
    expect(high.max().itemSync()).toBe(HIGHEST);
  });
});

describe('bool', () => {
  it('is 0 or 1, and nothing that rounds to them', () => {
    expect(tensor([0, 1], { dtype: 'bool' }).toArraySync()).toEqual([0, 1]);
    for (const x of [1e-50, 0.5, 1 + 1e-12, NaN, 2]) {
      expect(() => tensor([x], { dtype: 'bool' })).toThrow(/no bool/);
      expect(() => tensor([true]).pad([[1, 0]], x)).toThrow(/no bool/);
    }
    const padded = tensor([false]).pad([[1, 1]], 1);
    expect([padded.dtype, padded.toArraySync()]).toEqual(['bool', [1, 0, 1]]);
  });
});

describe('float32', () => {
  it('is rounded at once, wherever it stays', () => {
    expect(scalar(16777217).sub(16777216).itemSync()).toBe(0);
    expect(
      scalar(16777217)
        .equal(tensor([16777216]))
        .toArraySync(),
    ).toEqual([1]);
    const f = (x: Tensor): Tensor => scalar(16777217).sub(16777216).add(x);
    expect(compile(f)(tensor([0])).toArraySync()).toEqual([0]);
    expect(scalar(0.1).mul(3).itemSync()).toBe(Math.fround(Math.fround(0.1) * 3));
  });
});

/** What JavaScript says of the same numbers. */
const comparisons: readonly (readonly [
  string,
  (a: Tensor, b: number) => Tensor,
  (a: number, b: number) => boolean,
])[] = [
  // prettier-ignore
  ['less', (a, b) => a.less(b), (a, b) => a < b],
  ['lessEqual', (a, b) => a.lessEqual(b), (a, b) => a <= b],
  ['greater', (a, b) => a.greater(b), (a, b) => a > b],
  ['greaterEqual', (a, b) => a.greaterEqual(b), (a, b) => a >= b],
  ['equal', (a, b) => a.equal(b), (a, b) => a === b],
  ['notEqual', (a, b) => a.notEqual(b), (a, b) => a !== b],
];

describe('comparisons of int32 with numbers', () => {
  it.each(comparisons)('%s is exact', (_name, compare, definition) => {
    const near = int32.chain((v) => fc.constantFrom(v, v + 0.5, v - 0.5, v + 1, v - 1));
    const numbers = fc.oneof(near, fc.double(), fc.constantFrom(2 ** 31, -(2 ** 31) - 1, NaN, Infinity, -Infinity)); // prettier-ignore
    fc.assert(
      fc.property(int32, numbers, (v, x) => {
        const candidates = [v, Math.max(LOWEST, Math.min(HIGHEST, Math.trunc(x) || 0))];
        const expected = candidates.map((each) => Number(definition(each, x)));
        expect(compare(ints(...candidates), x).toArraySync()).toEqual(expected);
        const compiled = compile((a: Tensor) => compare(a, x));
        expect(compiled(ints(...candidates)).toArraySync()).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });
});

describe('arrays that no dtype is stored in', () => {
  it.each([Float64Array, Int16Array, Uint32Array, Uint8ClampedArray, BigInt64Array])(
    '%o is refused',
    (kind) => {
      const array = new (kind as unknown as new (n: number) => Float32Array)(2);
      for (const dtype of ['int32', 'float32', 'bool'] as DType[]) {
        expect(() => tensor(array, { dtype })).toThrow(/no dtype is stored as/);
      }
    },
  );

  it('refuses bigints', () => {
    expect(() => tensor([1n] as never, { dtype: 'int32' })).toThrow(/bigint/);
  });
});
