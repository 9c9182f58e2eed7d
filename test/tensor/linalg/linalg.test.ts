import { grad, gradcheck } from '@tessera/autograd';
import {
  compile,
  concat,
  cpuBackend,
  eye,
  key,
  normal,
  ones,
  setDefaultBackend,
  tensor,
  wasmBackend,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { cholesky, det, eigh, inverse, qr, solve } from '@tessera/tensor/linalg';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusals, wrong } from '../../refusals.ts';

/** Rounding of float32 results of matrices of up to 6 rows whose condition is below some hundred. */
const TOLERANCE = 2e-4;

const batches = fc.record({
  n: fc.integer({ min: 1, max: 6 }),
  batch: fc.constantFrom([], [3], [2, 1]),
  seed: fc.nat(1e6),
});

/** Random matrices whose eigenvalues are far from 0: solving with them loses few digits. */
function wellConditioned({
  n,
  batch,
  seed,
}: {
  n: number;
  batch: readonly number[];
  seed: number;
}): Tensor {
  return normal(key(seed), [...batch, n, n])
    .mul(0.3 / Math.sqrt(n))
    .add(eye(n).mul(2));
}

function positiveDefinite(options: Parameters<typeof wellConditioned>[0]): Tensor {
  const a = wellConditioned(options);
  return a.matmul(a.transpose()).add(eye(options.n).mul(0.1));
}

/** Symmetric, with eigenvalues about 1 apart, so that the vectors have a derivative. */
function separated(options: Parameters<typeof wellConditioned>[0]): Tensor {
  const { n } = options;
  const diagonal = eye(n).mul(tensor(Float32Array.from({ length: n }, (_, i) => i + 1)));
  const a = normal(key(options.seed), [...options.batch, n, n]).mul(0.1);
  return a.add(a.transpose()).add(diagonal);
}

function checkClose(actual: Tensor, expected: Tensor): void {
  expect(actual.shape).toEqual(expected.shape);
  if (actual.size === 0) return;
  expect(actual.sub(expected).abs().max().itemSync()).toBeLessThan(TOLERANCE);
}

const factors = (a: Tensor): Tensor[] => {
  const { q, r } = qr(a);
  return [q, r];
};

const identity = (a: Tensor): Tensor => eye(a.shape[a.rank - 1]).expand(a.shape);

const backends = [
  ['cpu', cpuBackend()],
  ['wasm', wasmBackend({ threads: 2 })],
] as const;

describe.each(backends)('on %s', (_name, backend) => {
  let before: ReturnType<typeof setDefaultBackend> = null;
  beforeAll(() => {
    before = setDefaultBackend(backend);
  });
  afterAll(() => {
    setDefaultBackend(before);
  });

  it('solves equations: A·X = B', () => {
    fc.assert(
      fc.property(batches, fc.integer({ min: 0, max: 3 }), (options, columns) => {
        const a = wellConditioned(options);
        const b = normal(key(options.seed + 1), [...options.batch, options.n, columns]);
        checkClose(a.matmul(solve(a, b)), b);
        checkClose(a.matmul(inverse(a)), identity(a));
      }),
      { numRuns: 30 },
    );
  });

  it('factors: A = L·Lᵀ, A = Q·R, A = V·diag(λ)·Vᵀ', () => {
    fc.assert(
      fc.property(batches, fc.integer({ min: -2, max: 2 }), (options, extra) => {
        const spd = positiveDefinite(options);
        const l = cholesky(spd);
        checkClose(l.matmul(l.transpose()), spd);

        const rows = Math.max(1, options.n + extra);
        const a = normal(key(options.seed), [...options.batch, rows, options.n]);
        const { q, r } = qr(a);
        checkClose(q.matmul(r), a);
        checkClose(
          q.transpose().matmul(q),
          eye(q.shape[q.rank - 1]).expand([
            ...options.batch,
            q.shape[q.rank - 1],
            q.shape[q.rank - 1],
          ]),
        );

        const { values, vectors } = eigh(spd);
        checkClose(vectors.mul(values.unsqueeze(-2)).matmul(vectors.transpose()), spd);
        checkClose(vectors.transpose().matmul(vectors), identity(spd));
      }),
      { numRuns: 30 },
    );
  });

  it('has determinants that multiply, and that are the product of the eigenvalues', () => {
    fc.assert(
      fc.property(batches, (options) => {
        const a = wellConditioned(options).mul(0.5);
        const b = wellConditioned({ ...options, seed: options.seed + 1 }).mul(0.5);
        checkClose(det(a.matmul(b)), det(a).mul(det(b)));
        checkClose(det(a.transpose()), det(a));
      }),
      { numRuns: 30 },
    );
  });

  it('gives the same bits compiled, between other kernels', () => {
    const f = (a: Tensor, b: Tensor): Tensor[] => {
      const spd = a.matmul(a.transpose()).add(eye(4));
      const { values, vectors } = eigh(spd.mul(2));
      const { q, r } = qr(a.sub(1));
      return [
        solve(spd, b.exp()).mul(3),
        inverse(cholesky(spd)),
        det(a).neg(),
        values.add(1),
        vectors.transpose().mul(2),
        q.matmul(r),
      ];
    };
    const a = normal(key(1), [2, 4, 4]);
    const b = normal(key(2), [4, 3]).transpose().transpose();
    const eager = f(a, b).map((each) => each.toArraySync());
    const compiled = compile(f);
    for (let run = 0; run < 2; run++) {
      expect(compiled(a, b).map((each) => each.toArraySync())).toEqual(eager);
    }
  });

  it('leaves the main thread the plain code between work that threads share', () => {
    const f = (a: Tensor): Tensor => inverse(a.matmul(a).add(eye(200).mul(500))).matmul(a);
    const a = normal(key(3), [200, 200]);
    expect(compile(f)(a).dataSync()).toEqual(f(a).dataSync());
  });

  it('compiles gradients', () => {
    const slope = grad((a: Tensor) =>
      solve(a, ones([3]))
        .square()
        .sum()
        .add(det(a)),
    );
    const a = wellConditioned({ n: 3, batch: [], seed: 5 });
    expect(compile(slope)(a).toArraySync()).toEqual(slope(a).toArraySync());
  });
});

describe('gradients', () => {
  const functions = {
    solve: [(a: Tensor) => solve(a, ones([a.shape[a.rank - 1], 2])), wellConditioned],
    'solve in b': [
      (b: Tensor) =>
        solve(
          eye(b.shape[b.rank - 1])
            .mul(3)
            .add(0.5),
          b,
        ),
      wellConditioned,
    ],
    inverse: [inverse, wellConditioned],
    det: [det, wellConditioned],
    cholesky: [cholesky, positiveDefinite],
    'qr, square': [factors, wellConditioned],
    'qr, wide': [(a: Tensor) => factors(concat([a, a.mul(0.5).add(1)], -1)), wellConditioned],
    'eigh, values': [(a: Tensor) => eigh(a).values, separated],
    'eigh, vectors': [(a: Tensor) => eigh(a).vectors.square(), separated],
  } as const;

  it.each(Object.entries(functions))('of %s, of both orders', async (_name, [f, matrices]) => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.nat(1e6), async (n, seed) => {
        const inputs: [Tensor] = [matrices({ n, batch: [2], seed })];
        const { worst } = await gradcheck(f, inputs, { order: 2, directions: 1 });
        expect(worst).toBeLessThanOrEqual(1);
      }),
      { numRuns: 8 },
    );
  });

  it('of a determinant exist where there is no inverse', () => {
    const slope = grad((a: Tensor) => det(a));
    expect(slope(tensor([[1, 2], [2, 4]])).toArraySync()).toEqual([[4, -2], [-2, 1]]); // prettier-ignore
    expect(slope(zeros([2, 2])).toArraySync()).toEqual([[0, 0], [0, 0]]); // prettier-ignore
    expect(slope(zeros([3, 3])).toArraySync()).toEqual([[0, 0, 0], [0, 0, 0], [0, 0, 0]]); // prettier-ignore
    expect(slope(tensor([[7]])).toArraySync()).toEqual([[1]]);
  });

  it('pass nothing between equal eigenvalues', () => {
    const slope = grad((a: Tensor) => eigh(a).vectors.sum());
    expect(slope(eye(3)).toArraySync()).toEqual([[0, 0, 0], [0, 0, 0], [0, 0, 0]]); // prettier-ignore
  });
});

describe('values', () => {
  it('are those of NumPy and PyTorch, in sign too', () => {
    const a = tensor([[12, -51, 4], [6, 167, -68], [-4, 24, -41]]); // prettier-ignore
    checkClose(qr(a).r, tensor([[-14, -21, 14], [0, -175, 70], [0, 0, -35]])); // prettier-ignore
    checkClose(cholesky(tensor([[4, 12, -16], [12, 37, -43], [-16, -43, 98]])), tensor([[2, 0, 0], [6, 1, 0], [-8, 5, 3]])); // prettier-ignore
    checkClose(eigh(tensor([[2, 0, 0], [0, 3, 4], [0, 4, 9]])).values, tensor([1, 2, 11])); // prettier-ignore
    expect(det(tensor([[0, 1], [1, 0]])).itemSync()).toBe(-1); // prettier-ignore
  });

  it('of nothing are nothing', () => {
    expect(det(zeros([0, 0])).itemSync()).toBe(1);
    expect(solve(zeros([0, 0]), zeros([0])).shape).toEqual([0]);
    expect(inverse(zeros([2, 0, 0])).shape).toEqual([2, 0, 0]);
    expect(eigh(zeros([0, 3, 3])).vectors.shape).toEqual([0, 3, 3]);
    expect(qr(zeros([3, 0])).q.shape).toEqual([3, 0]);
  });

  it('let NaN through', () => {
    const a = tensor([[NaN, 0], [0, 1]]); // prettier-ignore
    for (const y of [inverse(a), det(a), cholesky(a), qr(a).r, eigh(a).values]) {
      expect(Array.from(y.dataSync()).some(Number.isNaN)).toBe(true);
    }
  });

  it('need a pivot to be found where the first is 0', () => {
    checkClose(solve(tensor([[0, 2], [4, 0]]), tensor([2, 8])), tensor([2, 1])); // prettier-ignore
  });
});

it('refuses what it cannot solve', async () => {
  const singular = tensor([[[1, 0], [0, 1]], [[1, 2], [2, 4]]]); // prettier-ignore
  expect(
    await refusals([
      () => solve(singular, ones([2])).dataSync(),
      () => inverse(singular).dataSync(),
      () => cholesky(tensor([[1, 2], [2, 1]])).dataSync(), // prettier-ignore
      () => inverse(ones([2, 3])),
      () => solve(ones([2, 2]), ones([3])),
      () => solve(ones([2, 2]), ones([3, 2])),
      () => solve(ones([2, 2, 2]), ones([3, 2, 1])),
      () => solve(ones([2, 2]), wrong(3)),
      () => det(ones([2, 2], 'int32')),
      () => det(wrong(null)),
      () => qr(ones([3])),
      () => eigh(ones([3])),
    ]),
  ).toMatchInlineSnapshot(`
    "ValueError: solve: matrix 1 is singular: pivot 1 is 0. Add a small multiple of eye(n), or solve least squares by qr.
    ValueError: inverse: matrix 1 is singular: pivot 1 is 0. Add a small multiple of eye(n), or solve least squares by qr.
    ValueError: cholesky: matrix 0 is not positive definite: a pivot is 0 or below. Add a small multiple of eye(n).
    ShapeError: inverse: square matrices [..., n, n] expected, but a is [2, 3].
    ShapeError: solve: a is [2, 2], b is [3]: a vector [2] or columns [..., 2, k] expected.
    ShapeError: solve: a is [2, 2], b is [3, 2]: a vector [2] or columns [..., 2, k] expected.
    ShapeError: solve (batch dimensions): shapes [2] and [3] do not broadcast: sizes 2 and 3 clash at axis -1. Sizes must be equal or 1, aligned at the last axis.
    ValueError: solve: b must be a tensor, but is 3. Make one first, with tensor(…).
    DTypeError: det: takes float32, but got int32. Convert it first with .cast('float32').
    ValueError: det: a must be a tensor, but is null. Make one first, with tensor(…).
    ShapeError: qr: [..., m, n] expected, but a is [3].
    ShapeError: eigh: [..., m, n] expected, but a is [3]."
  `);
});
