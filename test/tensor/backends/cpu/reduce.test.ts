import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Expression, ReduceKernel } from '../../../../packages/tensor/src/plan/kernel.ts';
import {
  allocateArray,
  dtypeOfArray,
  type TypedArray,
} from '../../../../packages/tensor/src/array/dtype.ts';
import { pointwise } from '../../../../packages/tensor/src/primitives/pointwise.ts';
import { reduce } from '../../../../packages/tensor/src/primitives/reduce.ts';
import { sizeOf } from '../../../../packages/tensor/src/array/shape.ts';
import { contiguousView } from '../../../../packages/tensor/src/array/view.ts';
import {
  elementsOf,
  fill,
  indexOf,
  inputOf,
  loadOnly,
  operandOf,
  placeOf,
  runKernels,
  shapes,
  type Input,
} from './kernel-runs.ts';

type Name = keyof typeof reduce;

/** The reduction of `expression` over `axes`, into memory that holds garbage. */
function run(
  name: Name,
  axes: readonly number[],
  input: Input,
  expression?: Expression,
): TypedArray {
  const dtype = dtypeOfArray(input.elements);
  const { shape } = input.view;
  const view = contiguousView(shape.filter((_, axis) => !axes.includes(axis)));
  const kernel: ReduceKernel = {
    kind: 'reduce',
    primitive: reduce[name],
    shape,
    axes,
    inputs: [operandOf(0, input)],
    expression: expression ?? loadOnly(dtype),
    outputs: [{ buffer: 1, dtype, view }],
  };
  return runKernels(
    [kernel],
    [input.elements, allocateArray(dtype, sizeOf(view.shape)).fill(5)],
  )[1];
}

/** The same by `combine`, one element after the other, in float64. */
function define(name: Name, axes: readonly number[], input: Input): TypedArray {
  const dtype = dtypeOfArray(input.elements);
  const { shape } = input.view;
  const view = contiguousView(shape.filter((_, axis) => !axes.includes(axis)));
  const totals = new Array<number>(sizeOf(view.shape)).fill(reduce[name].initial(dtype));
  elementsOf(input).forEach((x, flat) => {
    const at = placeOf(
      view,
      indexOf(shape, flat).filter((_, axis) => !axes.includes(axis)),
    );
    totals[at] = reduce[name].combine(totals[at], x);
  });
  const out = allocateArray(dtype, totals.length);
  out.set(totals);
  return out;
}

const axesOf = (rank: number): fc.Arbitrary<number[]> =>
  fc.subarray(Array.from({ length: rank }, (_, axis) => axis));

describe('reduce', () => {
  it('folds any axes of any view', () => {
    const cases = fc
      .tuple(shapes, fc.constantFrom('float32' as const, 'int32' as const))
      .chain(([shape, dtype]) =>
        fc.record({
          name: fc.constantFrom<Name>('sum', 'max'),
          input: inputOf(shape, dtype),
          axes: axesOf(shape.length),
        }),
      );
    fc.assert(
      fc.property(cases, ({ name, input, axes }) => {
        // The values are multiples of 1/64 and few, so that their sums are exact in any order.
        expect(run(name, axes, input)).toStrictEqual(define(name, axes, input));
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    { shape: [3, 1500], axes: [1] },
    { shape: [1500, 3], axes: [0] },
    { shape: [7, 300, 5], axes: [1] },
    { shape: [7, 300, 5], axes: [0, 2] },
    { shape: [4000], axes: [0] },
  ])('crosses blocks: axes $axes of $shape', ({ shape, axes }) => {
    const input = {
      view: contiguousView(shape),
      elements: fill(new Float32Array(sizeOf(shape)), 3),
    };
    expect(run('sum', axes, input)).toStrictEqual(define('sum', axes, input));
    expect(run('max', axes, input)).toStrictEqual(define('max', axes, input));
  });

  it('sums in float64: a million times 0.1 is 100000.0015, the float32 of 0.1 a million times', () => {
    const input = {
      view: { shape: [1_000_000], strides: [0], offset: 0 },
      elements: new Float32Array([0.1]),
    };
    expect(run('sum', [0], input)[0]).toBe(Math.fround(1_000_000 * Math.fround(0.1)));
  });

  it('gives 0 for the sum of no elements, and nothing for no outputs', () => {
    const none = { view: contiguousView([2, 0]), elements: new Float32Array(0) };
    expect(run('sum', [1], none)).toEqual(new Float32Array([0, 0]));
    expect(run('sum', [0], none)).toEqual(new Float32Array(0));
    expect(run('max', [0], none)).toEqual(new Float32Array(0));
  });

  it('hands NaN on, along and across rows', () => {
    const input = {
      view: contiguousView([2, 2]),
      elements: new Float32Array([NaN, 1, -Infinity, 2]),
    };
    expect(run('max', [1], input)).toEqual(new Float32Array([NaN, 2]));
    expect(run('max', [0], input)).toEqual(new Float32Array([NaN, 2]));
  });

  it('reduces an expression of its inputs', () => {
    const square: Expression = {
      nodes: [
        { kind: 'load', input: 0, dtype: 'float32' },
        {
          kind: 'apply',
          primitive: pointwise.mul,
          params: {},
          args: [0, 0],
          dtype: 'float32',
        },
      ],
      results: [1],
    };
    const input = { view: contiguousView([2, 3]), elements: new Float32Array([1, 2, 3, 4, 5, 6]) };
    expect(run('sum', [1], input, square)).toEqual(new Float32Array([14, 77]));
  });
});
