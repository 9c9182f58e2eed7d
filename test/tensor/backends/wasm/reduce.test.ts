import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../../../packages/tensor/src/backends/wasm/wasm.ts';
import type { ReduceKernel } from '../../../../packages/tensor/src/plan/kernel.ts';
import {
  allocateArray,
  dtypeOfArray,
  type DType,
  type TypedArray,
} from '../../../../packages/tensor/src/array/dtype.ts';
import { pointwise } from '../../../../packages/tensor/src/primitives/pointwise.ts';
import { reduce } from '../../../../packages/tensor/src/primitives/reduce.ts';
import { sizeOf, type Shape } from '../../../../packages/tensor/src/array/shape.ts';
import { contiguousView } from '../../../../packages/tensor/src/array/view.ts';
import {
  difference,
  fill,
  inputOf,
  loadOnly,
  operandOf,
  runKernels,
  shapes,
  type Input,
} from '../cpu/kernel-runs.ts';

const one = wasmBackend({ threads: 1 });
const two = wasmBackend({ threads: 2 });

afterAll(() => {
  two.stopThreads();
});

type Fold = keyof typeof reduce;

/** The fold of an input over some axes; its square if `squared`. */
function run(
  name: Fold,
  { view, elements }: Input,
  axes: readonly number[],
  backend?: typeof one,
  squared = false,
): TypedArray {
  const dtype = dtypeOfArray(elements);
  const kept = view.shape.filter((_, axis) => !axes.includes(axis));
  const kernel: ReduceKernel = {
    kind: 'reduce',
    shape: view.shape,
    axes,
    primitive: reduce[name],
    expression: squared
      ? {
          nodes: [
            { kind: 'load', input: 0, dtype },
            { kind: 'apply', primitive: pointwise.mul, params: {}, args: [0, 0], dtype },
          ],
          results: [1],
        }
      : loadOnly(dtype),
    inputs: [operandOf(0, { view, elements })],
    outputs: [{ buffer: 1, dtype, view: contiguousView(kept) }],
  };
  return runKernels([kernel], [elements, allocateArray(dtype, sizeOf(kept)).fill(99)], backend)[1];
}

const folds = fc.constantFrom<Fold>('sum', 'max');

/** Any views of any shapes, with every subset of axes. */
const cases = fc
  .record({ shape: shapes, dtype: fc.constantFrom<DType>('float32', 'int32') })
  .chain(({ shape, dtype }) =>
    fc.record({ input: inputOf(shape, dtype), axes: fc.subarray(shape.map((_, axis) => axis)) }),
  );

/** Shapes that are cut: rows and columns longer than a piece, a strip, a part. */
const large: readonly (readonly [Shape, readonly number[]])[] = [
  [[100_003], [0]],
  [[3, 5000], [1]],
  [[5000, 3], [0]],
  [[700, 600], [0]],
  [[700, 600], [1]],
  [
    [700, 600],
    [0, 1],
  ],
  [[40, 30, 50], [1]],
  [
    [40, 30, 50],
    [0, 2],
  ],
  [[2, 3000, 513], [1]],
  [[33, 1025], [1]],
  [
    [1, 1, 2049],
    [0, 2],
  ],
];

describe('a reduction on wasm', () => {
  it('is that of cpu over every subset of axes, of views of any kind', () => {
    fc.assert(
      fc.property(cases, folds, fc.boolean(), ({ input, axes }, name, squared) => {
        // Sums of some thousand multiples of 1/4096 are exact; of nothing, max is −∞.
        expect(
          difference(
            run(name, input, axes, one, squared),
            run(name, input, axes, undefined, squared),
          ),
        ).toBeNull();
      }),
      { numRuns: 400 },
    );
  });

  it.each(large)(
    'of %j over %j is exact where sums are, and the same from two threads',
    (shape, axes) => {
      const input = {
        view: contiguousView(shape),
        elements: fill(new Float32Array(sizeOf(shape)), 7),
      };
      for (const name of ['sum', 'max'] as const) {
        const expected = run(name, input, axes);
        expect(difference(run(name, input, axes, one), expected)).toBeNull();
        expect(difference(run(name, input, axes, two), expected)).toBeNull();
      }
      const whole = { view: input.view, elements: fill(new Int32Array(sizeOf(shape)), 8) };
      expect(difference(run('sum', whole, axes, two), run('sum', whole, axes))).toBeNull();
    },
  );

  it.each(large)(
    'of %j over %j rounds little: within some units of the last digit',
    (shape, axes) => {
      const thirds = fill(new Float32Array(sizeOf(shape)), 9).map((x) => Math.abs(x) / 3);
      const input = { view: contiguousView(shape), elements: thirds };
      const expected = run('sum', input, axes);
      const actual = run('sum', input, axes, one);
      expect(difference(run('sum', input, axes, two), actual)).toBeNull();
      actual.forEach((x, i) => {
        // Float32 sums of at most 1024 / 4 positive numbers in a lane, then float64.
        expect(Math.abs(x - expected[i])).toBeLessThanOrEqual(256 * 2 ** -24 * expected[i]);
      });
    },
  );

  it.each([
    [[6], [0]],
    [[3, 7], [0]],
    [[3, 7], [1]],
    [[2, 3000], [1]],
    [[3000, 2], [0]],
  ])('of %j over %j lets NaN and infinities through', (shape: number[], axes: number[]) => {
    const special = fc.constantFrom(NaN, Infinity, -Infinity, -0);
    const places = fc.array(fc.tuple(fc.nat(sizeOf(shape) - 1), special), { maxLength: 3 });
    fc.assert(
      fc.property(places, folds, (list, name) => {
        const elements = fill(new Float32Array(sizeOf(shape)), 11);
        for (const [at, value] of list) elements[at] = value;
        const input = { view: contiguousView(shape), elements };
        const plus = (x: number): number => x + 0; // the sign of a sum of zeros is not the point
        expect(Array.from(run(name, input, axes, one), plus)).toEqual(
          Array.from(run(name, input, axes), plus),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('of int32 wraps around, and finds the largest of negative numbers', () => {
    const elements = new Int32Array([2 ** 31 - 1, 1, 5, -(2 ** 31), -1, -7]);
    const input = { view: contiguousView([2, 3]), elements };
    expect([...run('sum', input, [1], one)]).toEqual([-(2 ** 31) + 5, 2 ** 31 - 8]);
    expect([...run('max', input, [1], one)]).toEqual([2 ** 31 - 1, -1]);
    expect(difference(run('sum', input, [0, 1], one), run('sum', input, [0, 1]))).toBeNull();
  });
});
