import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  arange,
  conv2d,
  convTranspose2d,
  cpuBackend,
  defaultBackend,
  embedding,
  gather,
  gelu,
  geluErf,
  indexSelect,
  key,
  linspace,
  normal,
  oneHot,
  ones,
  scatterAdd,
  setDefaultBackend,
  silu,
  StateError,
  tensor,
  zeros,
  type Tensor,
} from '@tessera/tensor';

/** Ordinary numbers beside those of `fc.float`, most of which are next to 0. */
const number = fc.oneof(
  fc.integer({ min: -2000, max: 2000 }).map((n) => n / 100),
  fc.float({ min: -20, max: 20, noNaN: true }),
);
const numbers = fc.array(number, { minLength: 1, maxLength: 70, size: 'max' });

/** The worst deviation in units of what a few roundings of float32 give: 2e-6, relative above 1. */
function deviation(actual: Tensor, expected: readonly number[]): number {
  const errors = Array.from(actual.dataSync(), (value, i) => {
    return Math.abs(value - expected[i]) / (2e-6 * Math.max(1, Math.abs(expected[i])));
  });
  return Math.max(0, ...errors);
}

describe('functions of one number', () => {
  const definitions: readonly (readonly [string, (x: Tensor) => Tensor, (x: number) => number])[] =
    [
      ['silu', silu, (x) => x / (1 + Math.exp(-x))],
      [
        'gelu',
        gelu,
        (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
      ],
      ['rsqrt', (x) => x.square().add(1).rsqrt(), (x) => 1 / Math.sqrt(x * x + 1)],
      ['reciprocal', (x) => x.square().add(1).reciprocal(), (x) => 1 / (x * x + 1)],
    ];

  it.each(definitions)('%s is its formula', (_name, f, formula) => {
    fc.assert(
      fc.property(numbers, (values) => {
        const x = Array.from(Float32Array.from(values));
        expect(deviation(f(tensor(x)), x.map(formula))).toBeLessThan(1);
      }),
    );
  });

  it('geluErf is half x at 0, x far right and 0 far left, and ½ x (1 + erf) at known points', () => {
    expect(deviation(geluErf(tensor([0, 10, -10])), [0, 10, 0])).toBeLessThan(1);
    // erf(1) = 0.8427007929, erf(1/2) = 0.5204998778 (Abramowitz & Stegun, table 7.1)
    const known = [0.5 * Math.SQRT2 * 1.8427007929, 0.5 * Math.SQRT1_2 * 1.5204998778];
    expect(deviation(geluErf(tensor([Math.SQRT2, Math.SQRT1_2])), known)).toBeLessThan(1);
  });

  it('linspace includes both ends', () => {
    expect(deviation(linspace(-1, 1, 5), [-1, -0.5, 0, 0.5, 1])).toBeLessThan(1);
    expect(linspace(3, 9, 1).toArraySync()).toEqual([3]);
    expect(linspace(3, 9, 0).shape).toEqual([0]);
  });
});

describe('lookups', () => {
  const table = normal(key(0), [5, 3]);
  const rows = table.toArraySync() as number[][];

  it('embedding and indexSelect take rows', () => {
    const ids = tensor(Int32Array.of(4, 0, 4, 2), { shape: [2, 2] });
    expect(embedding(table, ids).toArraySync()).toEqual([
      [rows[4], rows[0]],
      [rows[4], rows[2]],
    ]);
    const columns = indexSelect(table, tensor(Int32Array.of(2, 2)), 1);
    expect(columns.toArraySync()).toEqual(rows.map((row) => [row[2], row[2]]));
  });

  it('oneHot · table is embedding', () => {
    const ids = tensor(Int32Array.of(3, 1));
    expect(oneHot(ids, 5).matmul(table).toArraySync()).toEqual(embedding(table, ids).toArraySync());
  });

  it('gather and scatterAdd are adjoint: ⟨gather(x), y⟩ = ⟨x, scatterAdd(y)⟩', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(4), { minLength: 1, maxLength: 6 }), fc.nat(100), (at, seed) => {
        const index = tensor(Int32Array.from(at)).unsqueeze(1).expand([at.length, 3]);
        const y = normal(key(seed), [at.length, 3]);
        const left = gather(table, index, 0).mul(y).sum().itemSync();
        const right = table
          .mul(scatterAdd(index, y, 0, [5, 3]))
          .sum()
          .itemSync();
        expect(Math.abs(left - right)).toBeLessThan(1e-4);
      }),
    );
  });

  it('scatterAdd sums many small numbers without drift', () => {
    const index = zeros([100_000], 'int32');
    const sum = scatterAdd(index, ones([100_000]).mul(0.1), 0, [1]);
    // 0.1 as float32 is 0.1 + 1.5e-9.
    expect(sum.itemSync()).toBeCloseTo(10_000.00015, 2);
  });

  it('refuse indices outside the axis, with the index and the size', () => {
    const outside = tensor(Int32Array.of(5));
    expect(() => embedding(table, outside)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: gather: index 5 is outside axis 0 of [5, 3]: indices along it are 0 to 4. Ids of embedding and crossEntropy are such indices.]`,
    );
    expect(() => embedding(table, tensor(Int32Array.of(-1)))).toThrow(/-1/);
  });
});

describe('convTranspose2d', () => {
  it('is the adjoint of conv2d: ⟨conv2d(x, w), y⟩ = ⟨x, convTranspose2d(y, w)⟩', () => {
    fc.assert(
      fc.property(
        fc.record({
          stride: fc.integer({ min: 1, max: 3 }),
          padding: fc.nat(1),
          dilation: fc.integer({ min: 1, max: 2 }),
        }),
        fc.integer({ min: 5, max: 8 }),
        (options, size) => {
          const [x, w] = [normal(key(size), [2, 3, size, size]), normal(key(1), [4, 3, 2, 2])];
          const forward = conv2d(x, w, options);
          const y = normal(key(2), forward.shape);
          const smallest = convTranspose2d(y, w, options);
          const outputPadding = size - smallest.shape[2];
          const back =
            outputPadding === 0 ? smallest : convTranspose2d(y, w, { ...options, outputPadding });
          expect(back.shape).toEqual(x.shape);
          const left = forward.mul(y).sum().itemSync();
          expect(Math.abs(left - x.mul(back).sum().itemSync())).toBeLessThan(1e-3);
        },
      ),
    );
  });
});

describe('matmul', () => {
  it('takes vectors as rows on the left and columns on the right', () => {
    const [a, v] = [
      tensor([
        [1, 2],
        [3, 4],
      ]),
      tensor([10, 1]),
    ];
    expect(a.matmul(v).toArraySync()).toEqual([12, 34]);
    expect(v.matmul(a).toArraySync()).toEqual([13, 24]);
    expect(v.matmul(v).itemSync()).toBe(101);
  });

  it('names the mistake', () => {
    const messages = [
      () => ones([8, 16, 64]).matmul(ones([8, 32, 64])),
      () => ones([64, 8]).matmul(ones([64, 3])),
      () => ones([2, 3]).matmul(ones([4, 5])),
      () => ones([2, 3, 4]).matmul(ones([5, 4, 2])),
      () => tensor(2).matmul(ones([2])),
    ].map((wrong) => {
      try {
        return wrong();
      } catch (error) {
        return String(error);
      }
    });
    expect(messages).toMatchInlineSnapshot(`
      [
        "ShapeError: matmul: inner dimensions differ: a is [8, 16, 64] (K = 64), b is [8, 32, 64] (K = 32). Did you mean b.transpose(-1, -2)?",
        "ShapeError: matmul: inner dimensions differ: a is [64, 8] (K = 8), b is [64, 3] (K = 64). Did you mean a.transpose(-1, -2)?",
        "ShapeError: matmul: inner dimensions differ: a is [2, 3] (K = 3), b is [4, 5] (K = 4). The last size of a must equal the second-to-last of b, or the only one of a vector.",
        "ShapeError: matmul (batch dimensions of [2, 3, 4] and [5, 4, 2]): shapes [2] and [5] do not broadcast: sizes 2 and 5 clash at axis -1. Sizes must be equal or 1, aligned at the last axis.",
        "ShapeError: matmul: a is [], b is [2]: scalars have no inner dimension. Use mul.",
      ]
    `);
  });
});

describe('backends', () => {
  it('do not mix, and say so', () => {
    const before = defaultBackend();
    setDefaultBackend(cpuBackend());
    const here = tensor([1, 2]);
    try {
      setDefaultBackend({ ...cpuBackend(), name: 'other' });
      expect(() => here.add(tensor([3, 4]))).toThrow(StateError);
      expect(() => here.add(tensor([3, 4]))).toThrowErrorMatchingInlineSnapshot(
        `[StateError: add: operands lie on two backends, cpu and cpu. Call setDefaultBackend once, before making tensors.]`,
      );
      expect(here.add(1).toArraySync()).toEqual([2, 3]);
    } finally {
      setDefaultBackend(before);
    }
  });

  it('may receive uniform operands in kernels of their own', () => {
    expect(
      ones([2, 3])
        .matmul(ones([3, 2]))
        .toArraySync(),
    ).toEqual([
      [3, 3],
      [3, 3],
    ]);
    expect(
      arange(3)
        .cast('float32')
        .add(1)
        .unsqueeze(0)
        .matmul(ones([3, 1]))
        .toArraySync(),
    ).toEqual([[6]]);
  });
});
