import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../../../packages/tensor/src/backends/wasm/wasm.ts';
import type { CallKernel, Expression } from '../../../../packages/tensor/src/plan/kernel.ts';
import type { TypedArray } from '../../../../packages/tensor/src/array/dtype.ts';
import { matmul } from '../../../../packages/tensor/src/primitives/matmul.ts';
import { pointwise } from '../../../../packages/tensor/src/primitives/pointwise.ts';
import { sizeOf, type Shape } from '../../../../packages/tensor/src/array/shape.ts';
import { contiguousView, permuteView } from '../../../../packages/tensor/src/array/view.ts';
import {
  difference,
  fill,
  inputOf,
  operandOf,
  runCall,
  runKernels,
  type Input,
} from '../cpu/kernel-runs.ts';

const one = wasmBackend({ threads: 1 });
const plain = wasmBackend({ threads: 1, relaxed: false });
const two = wasmBackend({ threads: 2 });

afterAll(() => {
  two.stopThreads();
});

function product(a: Input, b: Input, backend?: typeof one): TypedArray {
  return runCall(matmul.matmul, {}, [a, b], backend).elements;
}

/** Row-major, with values from the seed. */
function rowMajor(shape: Shape, seed: number): Input {
  return { view: contiguousView(shape), elements: fill(new Float32Array(sizeOf(shape)), seed) };
}

/** The same, stored column by column. */
function columnMajor(shape: Shape, seed: number): Input {
  const axes = shape.map((_, axis) => axis);
  const swapped = [...axes.slice(0, -2), axes.length - 1, axes.length - 2];
  const { view, elements } = rowMajor(
    swapped.map((axis) => shape[axis]),
    seed,
  );
  return { view: permuteView(view, swapped), elements };
}

const small = fc.integer({ min: 0, max: 9 });

/** Products of views of any kind. */
const cases = fc
  .record({
    batch: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 2 }),
    m: small,
    k: small,
    n: fc.integer({ min: 0, max: 20 }),
  })
  .chain(({ batch, m, k, n }) =>
    fc.record({
      a: inputOf([...batch, m, k]),
      b: fc.tuple(inputOf([...batch, k, n]), fc.boolean()).map(([input, isShared]) => {
        if (!isShared) return input;
        // One matrix for the whole batch.
        const strides = input.view.strides.map((stride, i) =>
          i < batch.length ? 0 : Math.abs(stride),
        );
        const { shape } = input.view;
        const last = shape.reduce((sum, size, i) => sum + Math.max(0, size - 1) * strides[i], 0);
        return {
          view: { shape, strides, offset: 0 },
          elements: fill(new Float32Array(last + 1), 3),
        };
      }),
    }),
  );

/** Sizes around tiles (4 × 8), panels, the rows of a unit and blocks of the depth. */
const edges = [1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 255, 256, 257];
const shapesAroundEdges = fc
  .tuple(
    fc.constantFrom(...edges),
    fc.constantFrom(...edges, 511, 513, 1023, 1025, 2049, 9000),
    fc.constantFrom(...edges),
  )
  .filter(([m, k, n]) => m * k * n < 4_000_000);

describe('matmul on wasm', () => {
  it('is that of cpu for views of any kind, with fused products and without', () => {
    fc.assert(
      fc.property(cases, fc.constantFrom(one, plain, two), ({ a, b }, backend) => {
        // Sums of some thousand products of multiples of 1/64 are exact.
        expect(difference(product(a, b, backend), product(a, b))).toBeNull();
      }),
      { numRuns: 300 },
    );
  });

  it('is that of cpu around the edges of tiles and blocks, for operands of either order', () => {
    const orders = fc.constantFrom(rowMajor, columnMajor);
    fc.assert(
      fc.property(shapesAroundEdges, orders, orders, ([m, k, n], left, right) => {
        const [a, b] = [left([m, k], 1), right([k, n], 2)];
        const expected = product(a, b);
        expect(difference(product(a, b, one), expected)).toBeNull();
        expect(difference(product(a, b, two), expected)).toBeNull();
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    [
      [65, 130],
      [130, 257],
    ],
    [
      [3, 65, 129],
      [3, 129, 63],
    ],
    [
      [300, 7],
      [7, 300],
    ],
    [
      [5, 1000],
      [1000, 5],
    ],
    [
      [1, 2000],
      [2000, 9],
    ],
    [
      [16, 49, 32],
      [16, 32, 49],
    ],
    [
      [2, 70, 2500],
      [2, 2500, 33],
    ],
    [
      [9, 8200],
      [8200, 130],
    ],
    [
      [200, 4, 4],
      [200, 4, 4],
    ],
  ])(
    '%j · %j has the same bits from two threads, and few roundings',
    (left: number[], right: number[]) => {
      const third = ({ view, elements }: Input): Input => ({
        view,
        elements: elements.map((x) => x / 3),
      });
      const [a, b] = [third(rowMajor(left, 1)), third(rowMajor(right, 2))];
      const actual = product(a, b, one);
      expect(difference(product(a, b, two), actual)).toBeNull();
      const expected = product(a, b);
      // Sums of k products of at most 4/9, each rounded to 24 bits of a sum of either sign.
      const bound = (left.at(-1) ?? 1) * 2 ** -24;
      actual.forEach((x, i) => {
        expect(Math.abs(x - expected[i])).toBeLessThanOrEqual(bound);
      });
    },
  );

  it('of no steps is zero, and of no rows or columns empty', () => {
    const empty = (m: number, k: number, n: number) =>
      product(rowMajor([2, m, k], 1), rowMajor([2, k, n], 2), one);
    expect(difference(empty(3, 0, 5), new Float32Array(30))).toBeNull();
    expect(empty(0, 4, 5)).toHaveLength(0);
    expect(empty(4, 4, 0)).toHaveLength(0);
  });

  it('lets NaN and infinities through, and keeps them in their rows and columns', () => {
    const [a, b] = [rowMajor([9, 20], 1), rowMajor([20, 11], 2)];
    a.elements[3 * 20 + 5] = NaN;
    b.elements[7 * 11 + 2] = Infinity;
    expect(difference(product(a, b, one), product(a, b))).toBeNull();
  });
});

/** `max(y + bias, 0) · scale + residual` of the product y. */
const epilogue: Expression = {
  nodes: [
    { kind: 'load', input: 0, dtype: 'float32' },
    { kind: 'load', input: 1, dtype: 'float32' },
    { kind: 'load', input: 2, dtype: 'float32' },
    { kind: 'literal', value: 0, dtype: 'float32' },
    { kind: 'apply', primitive: pointwise.add, params: {}, args: [0, 1], dtype: 'float32' },
    { kind: 'apply', primitive: pointwise.maximum, params: {}, args: [4, 3], dtype: 'float32' },
    { kind: 'apply', primitive: pointwise.add, params: {}, args: [5, 2], dtype: 'float32' },
  ],
  results: [6],
};

describe('an epilogue of matmul', () => {
  it('is done on every element of the result, around the edges of tiles and blocks', () => {
    fc.assert(
      fc.property(shapesAroundEdges, fc.constantFrom(one, two), ([m, k, n], backend) => {
        const [a, b, residual] = [rowMajor([m, k], 1), rowMajor([k, n], 2), rowMajor([m, n], 4)];
        const bias: Input = {
          view: { shape: [m, n], strides: [0, 1], offset: 0 },
          elements: fill(new Float32Array(n), 3),
        };
        const inputs = [a, b, bias, residual];
        const kernel: CallKernel = {
          kind: 'call',
          operation: matmul.matmul,
          params: {},
          inputs: inputs.map((input, i) => operandOf(i, input)),
          outputs: [{ buffer: 4, dtype: 'float32', view: contiguousView([m, n]) }],
          epilogue: { operands: 2, shape: [m, n], expression: epilogue },
        };
        const memory = [
          ...inputs.map(({ elements }) => elements),
          new Float32Array(m * n).fill(99),
        ];
        const expected = product(a, b).map(
          (y, i) => Math.max(y + bias.elements[i % n], 0) + residual.elements[i],
        );
        expect(difference(runKernels([kernel], memory, backend)[4], expected)).toBeNull();
      }),
      { numRuns: 40 },
    );
  });
});
