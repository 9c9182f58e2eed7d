import { valueAndGrad } from '@tessera/autograd';
import { Buffer, Linear } from '@tessera/autograd/nn';
import { adamw, muon, orthogonalize, type MuonState } from '@tessera/autograd/optim';
import { compile, key, normal, ones, split, tensor, zeros, type Tensor } from '@tessera/tensor';
import { qr } from '@tessera/tensor/linalg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const numbers = (x: Tensor): number[] => Array.from(x.dataSync());

function largestDifference(a: Tensor, b: Tensor): number {
  expect(a.shape).toEqual(b.shape);
  return Math.max(...numbers(a.sub(b).abs()));
}

/** What an iteration does to a singular value. */
const polynomial = (s: number): number => 3.4445 * s - 4.775 * s ** 3 + 2.0315 * s ** 5;

const matrix = fc
  .tuple(fc.nat(1000), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }))
  .map(([seed, rows, columns]) => normal(key(seed), [rows, columns]));

/** Products of up to 7 numbers near 1, five times over, and a norm: the rounding of about a hundred operations. */
const ROUNDING = 2e-5;

describe('orthogonalize', () => {
  it('takes each singular value through the polynomial, after division by the norm', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.05, max: 1, noNaN: true }), { minLength: 1, maxLength: 6 }),
        (values) => {
          const norm = Math.hypot(...values);
          const want = values.map((value) => {
            let s = value / norm;
            for (let i = 0; i < 5; i++) s = polynomial(s);
            return s;
          });
          const diagonal = values.map((value, i) => values.map((_, j) => (i === j ? value : 0)));
          const got = orthogonalize(tensor(diagonal));
          expect(
            largestDifference(
              got,
              tensor(want.map((s, i) => want.map((_, j) => (i === j ? s : 0)))),
            ),
          ).toBeLessThan(ROUNDING);
          // Jordan et al. 2024 give 0.7 to 1.2 roughly; the polynomial's own range from 0.02 on is this.
          for (const s of want) expect(s).toBeGreaterThan(0.65);
          for (const s of want) expect(s).toBeLessThan(1.21);
        },
      ),
    );
  });

  it('turns with its argument, and does not see its size', () => {
    fc.assert(
      fc.property(matrix, fc.nat(1000), fc.integer({ min: -60, max: 60 }), (m, seed, power) => {
        const [rows, columns] = m.shape;
        const { q } = qr(normal(key(seed + 5000), [rows, rows]));
        const plain = orthogonalize(m);
        expect(largestDifference(orthogonalize(q.matmul(m)), q.matmul(plain))).toBeLessThan(
          2 * ROUNDING,
        );
        expect(largestDifference(orthogonalize(m.transpose()), plain.transpose())).toBeLessThan(
          ROUNDING,
        );
        expect(largestDifference(orthogonalize(m.mul(2 ** power)), plain)).toBeLessThan(ROUNDING);
        expect(plain.shape).toEqual([rows, columns]);
      }),
      { numRuns: 40 },
    );
  });

  it('leaves zeros alone, and refuses what is no matrix', () => {
    expect(numbers(orthogonalize(zeros([2, 3])))).toEqual([0, 0, 0, 0, 0, 0]);
    expect(() => orthogonalize(ones([3]))).toThrow('orthogonalize: expected a matrix, got 1 axes.');
    expect(() => orthogonalize(ones([3, 3]), 0)).toThrow('iterations must be a whole number');
  });
});

/** Definition of one step for a matrix, with the parts above. */
function definition(
  g: Tensor,
  m: Tensor,
  p: Tensor,
  rate: number,
  decay: number,
): [Tensor, Tensor] {
  const next = m.mul(0.95).add(g);
  const size = 0.2 * Math.sqrt(Math.max(...p.shape));
  const u = orthogonalize(next.mul(0.95).add(g)).mul(size).add(p.mul(decay));
  return [p.sub(u.mul(rate)), next];
}

describe('muon', () => {
  const layer = new Linear(5, 3, { key: key(1) });
  const gradOf = (seed: number): { weight: Tensor; bias: Tensor } => ({
    weight: normal(key(seed), [3, 5]),
    bias: normal(key(seed + 100), [3]),
  });

  it('follows its definition for matrices, and is AdamW for the rest', () => {
    const optimizer = muon({ weightDecay: 0.1, adamw: { weightDecay: 0.1 } });
    const other = adamw({ weightDecay: 0.1 });
    let [state, params] = [optimizer.init(layer), layer];
    let [m, p] = [zeros([3, 5]), layer.weight];
    let [otherState, otherParams] = [other.init(layer), layer];
    for (let i = 0; i < 4; i++) {
      const grads = gradOf(i);
      ({ params, state } = optimizer.update(grads, state, params, { learningRate: 0.02 }));
      [p, m] = definition(grads.weight, m, p, 0.02, 0.1);
      ({ params: otherParams, state: otherState } = other.update(grads, otherState, otherParams, {
        learningRate: 0.02,
      }));
      expect(largestDifference(params.weight, p)).toBeLessThan(1e-6);
      expect(numbers(params.bias ?? zeros([1]))).toEqual(numbers(otherParams.bias ?? zeros([2])));
    }
    expect(state.step.itemSync()).toBe(4);
    expect(Object.keys(state.momentum)).toEqual(['weight']);
    expect(Object.keys(state.rest.mean)).toEqual(['bias']);
  });

  it('treats a stack as matrices of their own', () => {
    const parts = [normal(key(1), [2, 4]), normal(key(2), [2, 4]), normal(key(3), [2, 4])];
    const stack = tensor(parts.flatMap((part) => part.toArraySync() as number[][]));
    const grads = { qkv: stack };
    const start = { qkv: zeros([6, 4]) };
    const optimizer = muon({ matrices: () => 3, nesterov: false });
    const { params } = optimizer.update(grads, optimizer.init(start), start, { learningRate: 1 });
    parts.forEach((part, i) => {
      const own = params.qkv.slice([[2 * i, 2 * i + 2]]);
      // The longest side is that of one part: 4.
      expect(largestDifference(own, orthogonalize(part).mul(-0.4))).toBeLessThan(1e-6);
    });
  });

  it('passes by buffers, and parameters without a gradient', () => {
    const start = { a: ones([2, 2]), b: ones([2]), table: new Buffer(ones([2, 2])) };
    const optimizer = muon();
    const grads = { a: null, b: ones([2]), table: null };
    const { params } = optimizer.update(grads, optimizer.init(start), start, { learningRate: 0.5 });
    expect(params.a).toBe(start.a);
    expect(params.table.value).toBe(start.table.value);
    expect(numbers(params.b)).not.toEqual([1, 1]);
  });

  it('solves a problem of least squares', () => {
    const [xKey, wKey] = split(key(3));
    const x = normal(xKey, [32, 6]);
    const want = normal(wKey, [6, 4]);
    const y = x.matmul(want);
    const loss = ({ w }: { w: Tensor }): Tensor => x.matmul(w).sub(y).square().mean();
    const optimizer = muon();
    let params = { w: zeros([6, 4]) };
    let state: MuonState = optimizer.init(params);
    const start = loss(params).itemSync();
    for (let i = 0; i < 150; i++) {
      const { grads } = valueAndGrad(loss)(params);
      const learningRate = 0.2 * (1 - i / 150);
      ({ params, state } = optimizer.update(grads, state, params, { learningRate }));
    }
    expect(loss(params).itemSync()).toBeLessThan(1e-3 * start);
  });

  it('is the same compiled', () => {
    const optimizer = muon({ weightDecay: 0.1 });
    const step = (p: Linear, s: MuonState, g: object): readonly [Linear, MuonState] => {
      const { params, state } = optimizer.update(g, s, p, { learningRate: 0.1 });
      return [params, state];
    };
    const compiled = compile(step);
    let [a, b] = [[layer, optimizer.init(layer)] as const, [layer, optimizer.init(layer)] as const];
    for (let i = 0; i < 3; i++) {
      [a, b] = [step(...a, gradOf(i)), compiled(...b, gradOf(i))];
      // Fused kernels may round elsewhere.
      expect(largestDifference(a[0].weight, b[0].weight)).toBeLessThan(1e-5);
    }
  });

  it('refuses what is out of range', () => {
    expect(() => muon({ momentum: 1 })).toThrow('muon: momentum must lie in [0, 1)');
    expect(() => muon({ weightDecay: -1 })).toThrow('weightDecay -1');
    expect(() => muon({ matrices: () => 4 }).init(layer)).toThrow(
      "muon: 'weight' is [3, 5], which is no stack of 4 matrices.",
    );
  });
});
