import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matmul } from '../../../../packages/tensor/src/primitives/matmul.ts';
import { contiguousView } from '../../../../packages/tensor/src/array/view.ts';
import { elementsOf, fill, inputOf, runCall, type Input } from './kernel-runs.ts';

/** `y[b, m, n] = Σ_k a[b, m, k] · b[b, k, n]` in float64, rounded. */
function define(batch: number, m: number, k: number, n: number, a: Input, b: Input): Float32Array {
  const left = elementsOf(a);
  const right = elementsOf(b);
  return Float32Array.from({ length: batch * m * n }, (_, flat) => {
    const column = flat % n;
    const row = Math.floor(flat / n);
    const matrix = Math.floor(row / m);
    let sum = 0;
    for (let l = 0; l < k; l++) sum += left[row * k + l] * right[(matrix * k + l) * n + column];
    return sum;
  });
}

describe('matmul', () => {
  it('multiplies batches of matrices of any size, from any views', () => {
    const size = fc.integer({ min: 0, max: 10 });
    const cases = fc
      .tuple(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 }), size, size, size)
      .chain(([batch, m, k, n]) =>
        fc.record({
          sizes: fc.constant([batch.reduce((total, x) => total * x, 1), m, k, n] as const),
          a: inputOf([...batch, m, k]),
          b: inputOf([...batch, k, n]),
        }),
      );
    fc.assert(
      fc.property(cases, ({ sizes, a, b }) => {
        // Products of multiples of 1/64 and their few sums are exact.
        expect(runCall(matmul.matmul, {}, [a, b]).elements).toStrictEqual(define(...sizes, a, b));
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    { m: 48, k: 33, n: 5 },
    { m: 49, k: 7, n: 70 },
    { m: 130, k: 300, n: 9 },
  ])('blocks the rows: [$m, $k] · [$k, $n], plain and transposed', ({ m, k, n }) => {
    const a = { view: contiguousView([m, k]), elements: fill(new Float32Array(m * k), 1) };
    const b = {
      view: { shape: [k, n], strides: [1, k], offset: 0 },
      elements: fill(new Float32Array(k * n), 2),
    };
    expect(runCall(matmul.matmul, {}, [a, b]).elements).toStrictEqual(define(1, m, k, n, a, b));
  });

  it('sums in float64 and rounds once', () => {
    const a = { view: contiguousView([1, 3]), elements: new Float32Array([1e8, 1, -1e8]) };
    const b = {
      view: { shape: [3, 1], strides: [0, 0], offset: 0 },
      elements: new Float32Array([1]),
    };
    expect(runCall(matmul.matmul, {}, [a, b]).elements).toEqual(new Float32Array([1]));
  });
});
