import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  attention,
  compile,
  conv2d,
  defaultBackend,
  full,
  gelu,
  key,
  layerNorm,
  linear,
  logSoftmax,
  matmul,
  normal,
  ones,
  setDefaultBackend,
  softmax,
  wasmBackend,
  type Tensor,
} from '@tessera/tensor';
import { valueAndGrad } from '@tessera/autograd';
import { programInputs, runProgram, steps } from '../../../properties/programs.ts';

const before = defaultBackend();
const narrow = wasmBackend({ threads: 1, wide: false });
const wide = [1, 2].map((threads) => wasmBackend({ threads, wide: true }));

afterAll(() => {
  setDefaultBackend(before);
  for (const backend of [narrow, ...wide]) backend.stopThreads();
});

/** Computes a program on the narrow backend and on the wide ones: the results have the same bits. */
function expectSameBits(program: () => readonly Tensor[]): void {
  const [expected, ...others] = [narrow, ...wide].map((backend) => {
    setDefaultBackend(backend);
    return program().map((x) => {
      const data = x.dataSync();
      return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    });
  });
  for (const other of others) {
    const differing = expected.flatMap((bytes, i) => (bytes.equals(other[i]) ? [] : [i]));
    expect(differing, 'results of other bits').toEqual([]);
  }
}

/** Sizes around the edges of tiles, of pairs of vectors and of blocks of the depth. */
const size = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(48, 64, 97, 257, 400, 800));

describe('wide kernels', () => {
  it('say whether they are wide', () => {
    expect(narrow.wide).toBe(false);
    expect(wide.map((backend) => backend.wide)).toEqual([true, true]);
    expect(() => wasmBackend({ wide: 'no' as never })).toThrow(
      "wasmBackend: wide must be a boolean, but is 'no'.",
    );
  });

  it('multiply as narrow ones do, bit for bit', () => {
    const strides = fc.tuple(fc.boolean(), fc.boolean());
    fc.assert(
      fc.property(size, size, size, strides, fc.nat(), (m, k, n, [left, right], seed) => {
        fc.pre(m * k * n < 2 ** 22);
        expectSameBits(() => {
          const [a, b, bias] = [[m, k], [k, n], [n]].map((shape, i) =>
            normal(key(seed + i), shape),
          );
          const x = left ? compile((t: Tensor) => t.transpose())(a).transpose() : a;
          const w = right ? b.transpose() : compile((t: Tensor) => t.transpose())(b);
          return [
            matmul(x, w.transpose()),
            compile((...[p, q, c]: Tensor[]) => gelu(linear(p, q, c)))(x, w, bias),
          ];
        });
      }),
      { numRuns: 15 },
    );
  });

  it('multiply batches as narrow ones do', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), size, size, size, (batch, m, k, n) => {
        fc.pre(batch * m * k * n < 2 ** 22);
        expectSameBits(() => {
          const [a, b] = [
            [batch, m, k],
            [batch, k, n],
          ].map((shape, i) => normal(key(i), shape));
          return [matmul(a, b), matmul(a, b.slice([[0, 1]]))];
        });
      }),
      { numRuns: 10 },
    );
  });

  it('attend as narrow ones do, with gradients', () => {
    const length = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(49, 130, 270));
    const width = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(length, length, width, width, fc.nat(), (T, S, E, F, seed) => {
        const shapes = [[2, T, E], [2, S, E], [2, S, F], [2, T, F]]; // prettier-ignore
        expectSameBits(() => {
          const [q, k, v, g] = shapes.map((shape, i) => normal(key(seed + i), shape));
          const loss = (...[x, y, z]: Tensor[]): Tensor => attention(x, y, z).mul(g).sum();
          const { grads } = compile(valueAndGrad(loss, { argnums: [0, 1, 2] }))(q, k, v);
          return [attention(q, k, v), ...grads];
        });
      }),
      { numRuns: 15 },
    );
  });

  it('attend to one key whose logit is huge', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e9, max: 1e36, noNaN: true }), (logit) => {
        for (const backend of [narrow, ...wide]) {
          setDefaultBackend(backend);
          const q = full([1, 1, 2], logit);
          expect(attention(q, ones([1, 1, 2]), full([1, 1, 1], 5)).itemSync()).toBe(5);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('convolve as narrow ones do, with gradients', () => {
    const few = fc.integer({ min: 1, max: 20 });
    const kernel = fc.integer({ min: 1, max: 4 });
    const stride = fc.integer({ min: 1, max: 3 });
    fc.assert(
      fc.property(few, few, few, few, kernel, stride, fc.nat(), (...drawn) => {
        const [channels, outputs, height, width, taps, step, seed] = drawn;
        fc.pre(height >= taps && width >= taps);
        expectSameBits(() => {
          const x = normal(key(seed), [3, channels, height, width]);
          const w = normal(key(seed + 1), [outputs, channels, taps, taps]);
          const f = (a: Tensor, b: Tensor): Tensor =>
            conv2d(a, b, { stride: step, padding: 1 }).square().sum();
          const { grads } = compile(valueAndGrad(f, { argnums: [0, 1] }))(x, w);
          return [conv2d(x, w, { stride: step, padding: 1 }), ...grads];
        });
      }),
      { numRuns: 15 },
    );
  });

  it('normalize, fold and map as narrow ones do', () => {
    fc.assert(
      fc.property(size, size, fc.nat(), (rows, columns, seed) => {
        expectSameBits(() => {
          const x = normal(key(seed), [rows, columns]);
          const g = normal(key(seed + 1), [rows, columns]);
          const normalized = (a: Tensor): Tensor => layerNorm(a, { weight: ones([columns]) });
          const loss = (a: Tensor): Tensor =>
            gelu(normalized(a)).mul(g).add(softmax(a, 0)).sub(logSoftmax(a, 1)).sum();
          return [
            normalized(x),
            softmax(x, 1),
            softmax(x, 0),
            logSoftmax(x, 1),
            x.sum(0),
            x.sum(1),
            x.max(0),
            x.add(g).mul(x).sum(),
            x.greater(g).where(x.sigmoid(), g.exp()),
            compile(valueAndGrad(loss))(x).grads,
          ];
        });
      }),
      { numRuns: 15 },
    );
  });

  it('run any program as narrow ones do', () => {
    fc.assert(
      fc.property(steps, fc.nat(50), (program, seed) => {
        expectSameBits(() =>
          compile((...args: Tensor[]) => runProgram(args, program))(...programInputs(seed)),
        );
      }),
      { numRuns: 15 },
    );
  });
});
