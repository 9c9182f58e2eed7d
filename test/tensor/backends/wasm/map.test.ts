import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../../../packages/tensor/src/backends/wasm/wasm.ts';
import type {
  Expression,
  ExpressionNode,
  MapKernel,
} from '../../../../packages/tensor/src/plan/kernel.ts';
import {
  allocateArray,
  type DType,
  type TypedArray,
} from '../../../../packages/tensor/src/array/dtype.ts';
import { pointwise } from '../../../../packages/tensor/src/primitives/pointwise.ts';
import { contiguousView, type View } from '../../../../packages/tensor/src/array/view.ts';
import {
  extentOf,
  difference,
  fill,
  inputOf,
  loadOnly,
  operandOf,
  runKernels,
  shapes,
  writableView,
  type Input,
} from '../cpu/kernel-runs.ts';

const one = wasmBackend({ threads: 1 });
const two = wasmBackend({ threads: 2 });

afterAll(() => {
  two.stopThreads();
});

const dtypes = fc.constantFrom('float32' as const, 'int32' as const, 'bool' as const);

/** Every memory after a map of `inputs` onto an output full of garbage. */
function runMap(
  expression: Expression,
  shape: readonly number[],
  inputs: readonly Input[],
  output: { readonly dtype: DType; readonly view: View },
  backend?: typeof one,
): TypedArray {
  const garbage = allocateArray(output.dtype, extentOf(output.view)).fill(1);
  const kernel: MapKernel = {
    kind: 'map',
    shape,
    expression,
    inputs: inputs.map((input, i) => operandOf(i, input)),
    outputs: [{ buffer: inputs.length, ...output }],
  };
  const memory = [...inputs.map(({ elements }) => elements), garbage];
  return runKernels([kernel], memory, backend)[inputs.length];
}

/** An expression that applies one primitive to loads of these dtypes. */
function applyOne(
  name: keyof typeof pointwise,
  operands: readonly DType[],
  dtype: DType,
): Expression {
  const loads = operands.map((each, input): ExpressionNode => ({
    kind: 'load',
    input,
    dtype: each,
  }));
  const primitive = pointwise[name] as never;
  const args = operands.map((_, i) => i);
  return {
    nodes: [...loads, { kind: 'apply', primitive, params: {}, args, dtype }],
    results: [loads.length],
  };
}

/** Shapes around what is done four at a time, and in blocks of 2048. */
const sizes = fc.oneof(
  shapes,
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 2040, max: 4200 })),
);

describe('a map on wasm', () => {
  it('copies views of any kind into views of any kind, and nothing beside them', () => {
    fc.assert(
      fc.property(
        fc
          .tuple(sizes, dtypes)
          .chain(([shape, dtype]) =>
            fc.tuple(inputOf(shape, dtype), writableView(shape), fc.constant(dtype)),
          ),
        ([input, view, dtype]) => {
          const run = (backend?: typeof one) =>
            runMap(loadOnly(dtype), view.shape, [input], { dtype, view }, backend);
          // Bytes of bool count as true if they are not 0: cpu keeps them, wasm writes 1.
          const normal = (elements: TypedArray) =>
            dtype === 'bool' ? elements.map((x) => Number(x !== 0)) : elements;
          expect(difference(normal(run(one)), normal(run()))).toBeNull();
        },
      ),
      { numRuns: 300 },
    );
  });

  it('computes with float32 operands of any views', () => {
    const names = fc.constantFrom<keyof typeof pointwise>('add', 'sub', 'mul', 'div', 'maximum');
    fc.assert(
      fc.property(
        sizes.chain((shape) => fc.tuple(inputOf(shape), inputOf(shape), writableView(shape))),
        names,
        ([a, b, view], name) => {
          const expression = applyOne(name, ['float32', 'float32'], 'float32');
          const run = (backend?: typeof one) =>
            runMap(expression, view.shape, [a, b], { dtype: 'float32', view }, backend);
          expect(difference(run(one), run())).toBeNull();
        },
      ),
      { numRuns: 200 },
    );
  });

  it('computes with int32 operands, which wrap around', () => {
    const names = fc.constantFrom<keyof typeof pointwise>('add', 'sub', 'mul', 'maximum');
    const words = fc.oneof(fc.constantFrom(2 ** 31 - 1, -(2 ** 31), 65536), fc.integer());
    fc.assert(
      fc.property(
        names,
        fc.array(fc.tuple(words, words), { minLength: 1, maxLength: 9 }),
        (name, pairs) => {
          const view = contiguousView([pairs.length]);
          const inputs = [0, 1].map((i): Input => ({
            view,
            elements: Int32Array.from(pairs, (pair) => pair[i]),
          }));
          const expression = applyOne(name, ['int32', 'int32'], 'int32');
          const run = (backend?: typeof one) =>
            runMap(expression, view.shape, inputs, { dtype: 'int32', view }, backend);
          // Products of more than 53 bits, which cpu rounds to float64 before it drops the high bits.
          const expected =
            name === 'mul' ? Int32Array.from(pairs, ([a, b]) => Math.imul(a, b)) : run();
          expect(difference(run(one), expected)).toBeNull();
        },
      ),
    );
  });

  it('compares to bool, also NaN and infinities, and chooses by it', () => {
    const values = fc.constantFrom(0, -0, 1, -1, NaN, Infinity, -Infinity, 2.5);
    const names = fc.constantFrom<keyof typeof pointwise>('less', 'lessEqual', 'equal');
    fc.assert(
      fc.property(names, fc.array(fc.tuple(values, values), { maxLength: 9 }), (name, pairs) => {
        const view = contiguousView([pairs.length]);
        const inputs = [0, 1].map((i): Input => ({
          view,
          elements: Float32Array.from(pairs, (pair) => pair[i]),
        }));
        const compare = applyOne(name, ['float32', 'float32'], 'bool');
        const run = (backend?: typeof one) =>
          runMap(compare, view.shape, inputs, { dtype: 'bool', view }, backend);
        const truth = run();
        expect(difference(run(one), truth)).toBeNull();
        const choose = applyOne('where', ['bool', 'float32', 'float32'], 'float32');
        const select = (backend?: typeof one) =>
          runMap(
            choose,
            view.shape,
            [{ view, elements: truth }, ...inputs],
            { dtype: 'float32', view },
            backend,
          );
        expect(difference(select(one), select())).toBeNull();
      }),
    );
  });

  it('updates a buffer in place', () => {
    const x = fill(new Float32Array(5001), 3);
    const view = contiguousView([5001]);
    const kernel: MapKernel = {
      kind: 'map',
      shape: [5001],
      expression: applyOne('mul', ['float32', 'float32'], 'float32'),
      inputs: [0, 0].map((buffer) => ({ buffer, dtype: 'float32', view })),
      outputs: [{ buffer: 0, dtype: 'float32', view }],
    };
    expect(
      difference(
        runKernels([kernel], [x], two)[0],
        x.map((each) => each * each),
      ),
    ).toBeNull();
  });

  it('cuts long rows into blocks for several threads: the same bits', () => {
    const view = contiguousView([3, 100_003]);
    const flipped: View = { shape: view.shape, strides: [100_003, -1], offset: 100_002 };
    const elements = fill(new Float32Array(300_009), 5);
    const run = (backend?: typeof one) =>
      runMap(
        applyOne('div', ['float32', 'float32'], 'float32'),
        view.shape,
        [
          { view, elements },
          { view: flipped, elements },
        ],
        { dtype: 'float32', view },
        backend,
      );
    expect(difference(run(two), run())).toBeNull();
  });
});
