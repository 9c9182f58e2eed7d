/** What the tests of kernels share: views of any kind, values, and plans written by hand. */
import fc from 'fast-check';
import type { Backend } from '../../../../packages/tensor/src/backends/backend.ts';
import { cpuBackend } from '../../../../packages/tensor/src/backends/cpu/cpu.ts';
import type {
  CallKernel,
  Expression,
  Kernel,
  Operand,
} from '../../../../packages/tensor/src/plan/kernel.ts';
import type { Plan } from '../../../../packages/tensor/src/plan/plan.ts';
import {
  allocateArray,
  dtypeOfArray,
  type DType,
  type TypedArray,
} from '../../../../packages/tensor/src/array/dtype.ts';
import type {
  KernelPrimitive,
  Params,
} from '../../../../packages/tensor/src/primitives/primitive.ts';
import { sizeOf, type Shape } from '../../../../packages/tensor/src/array/shape.ts';
import { contiguousView, type View } from '../../../../packages/tensor/src/array/view.ts';

/** Runs kernels over `memory` (buffer i is `memory[i]`, which is not changed) and returns every buffer. */
export function runKernels(
  kernels: readonly Kernel[],
  memory: readonly TypedArray[],
  backend: Backend = cpuBackend(),
): TypedArray[] {
  const plan: Plan = {
    buffers: memory.map((elements, index) => ({
      dtype: dtypeOfArray(elements),
      size: elements.length,
      place: { kind: 'output', index },
    })),
    kernels,
    inputs: 0,
    constants: 0,
    outputs: memory.map((elements) => ({
      shape: [elements.length],
      dtype: dtypeOfArray(elements),
      donatedInput: null,
    })),
    arenaBytes: 0,
  };
  const storages = memory.map((elements) =>
    backend.store(elements.slice(), dtypeOfArray(elements)),
  );
  const executable = backend.prepare(plan, []);
  executable.run([], storages);
  const first = storages.map((storage) => backend.readSync(storage).slice());
  // A plan is run many times: what a run leaves behind must not change the next one.
  const again = memory.map((elements) => backend.store(elements.slice(), dtypeOfArray(elements)));
  executable.run([], again);
  for (const [i, storage] of again.entries()) {
    const second = backend.readSync(storage);
    if (!first[i].every((x, at) => Object.is(x, second[at]))) throw new Error('two runs differ');
  }
  return first;
}

/** An operand, and the memory that it looks at. */
export interface Input {
  readonly view: View;
  readonly elements: TypedArray;
}

/** Runs one operation. Its output starts as garbage, all of which it must overwrite. */
export function runCall(
  operation: KernelPrimitive,
  params: Params,
  inputs: readonly Input[],
  backend?: Backend,
): { readonly shape: Shape; readonly elements: TypedArray } {
  const specs = inputs.map(({ view, elements }) => ({
    shape: view.shape,
    dtype: dtypeOfArray(elements),
  }));
  const [{ shape, dtype }] = operation.infer(specs, params);
  const kernel: CallKernel = {
    kind: 'call',
    operation,
    params,
    inputs: inputs.map((input, i) => operandOf(i, input)),
    outputs: [{ buffer: inputs.length, dtype, view: contiguousView(shape) }],
  };
  const garbage = allocateArray(dtype, sizeOf(shape)).fill(99);
  const memory = runKernels(
    [kernel],
    [...inputs.map(({ elements }) => elements), garbage],
    backend,
  );
  return { shape, elements: memory[inputs.length] };
}

/** `input` as an operand on buffer `buffer`. */
export function operandOf(buffer: number, { view, elements }: Input): Operand {
  return { buffer, dtype: dtypeOfArray(elements), view };
}

/** The expression that loads input 0 and nothing else. */
export function loadOnly(dtype: DType): Expression {
  return { nodes: [{ kind: 'load', input: 0, dtype }], results: [0] };
}

/**
 * How two arrays differ, `null` if they are the same, bit for bit but for the kind of NaN. Much faster than
 * an assertion about long arrays.
 */
export function difference(actual: TypedArray, expected: TypedArray): string | null {
  if (actual.constructor !== expected.constructor || actual.length !== expected.length) {
    return `${actual.constructor.name}(${actual.length}), not ${expected.constructor.name}(${expected.length})`;
  }
  const at = actual.findIndex((x, i) => !Object.is(x, expected[i]));
  return at === -1 ? null : `element ${at} is ${actual[at]}, not ${expected[at]}`;
}

/** The index of element `flat` of a row-major `shape`. */
export function indexOf(shape: Shape, flat: number): number[] {
  const index = new Array<number>(shape.length);
  let left = flat;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = left % shape[axis];
    left = Math.floor(left / shape[axis]);
  }
  return index;
}

/** Where the element at `index` lies. */
export function placeOf({ strides, offset }: View, index: readonly number[]): number {
  return index.reduce((place, i, axis) => place + i * strides[axis], offset);
}

/** The elements of an input in row-major order. */
export function elementsOf({ view, elements }: Input): number[] {
  return Array.from({ length: sizeOf(view.shape) }, (_, flat) => {
    return elements[placeOf(view, indexOf(view.shape, flat))];
  });
}

/**
 * Numbers that depend on the seed only: multiples of 1/64 from -2 to 2, so that float32 holds sums of
 * some thousand products exactly, or integers from -8 to 7.
 */
export function fill(elements: TypedArray, seed: number): TypedArray {
  let state = seed | 1;
  for (let i = 0; i < elements.length; i++) {
    state = Math.imul(state, 1664525) + 1013904223;
    elements[i] = elements instanceof Float32Array ? (state >> 24) / 64 : state >> 28;
  }
  return elements;
}

/** Shapes with odd sizes, sizes of 1 and empty dimensions. */
export const shapes: fc.Arbitrary<number[]> = fc.array(
  fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 1, max: 6 }) },
    { weight: 1, arbitrary: fc.constant(0) },
  ),
  { maxLength: 4 },
);

/** Any view of `shape`, with strides that may be 0, negative or make elements overlap, and its memory. */
export function inputOf(shape: Shape, dtype: DType = 'float32'): fc.Arbitrary<Input> {
  const contiguous = fc.constant(contiguousView(shape));
  const strided = fc
    .tuple(
      fc.array(fc.integer({ min: -3, max: 7 }), {
        minLength: shape.length,
        maxLength: shape.length,
      }),
      fc.integer({ min: 0, max: 5 }),
    )
    .map(([strides, start]) => within(shape, strides, start));
  return fc
    .tuple(fc.oneof(contiguous, strided, writableView(shape)), fc.integer())
    .map(([view, seed]) => ({ view, elements: fill(allocateArray(dtype, extentOf(view)), seed) }));
}

/** A view of `shape` whose elements all lie in different places: permuted, stepped and reversed. */
export function writableView(shape: Shape): fc.Arbitrary<View> {
  const axes = shape.map((_, axis) => axis);
  const steps = fc.array(fc.constantFrom(1, 1, 2, -1, -3), {
    minLength: shape.length,
    maxLength: shape.length,
  });
  const order = fc.shuffledSubarray(axes, { minLength: axes.length });
  return fc.tuple(order, steps, fc.integer({ min: 0, max: 5 })).map(([permuted, by, start]) => {
    const strides = new Array<number>(shape.length);
    let stride = 1;
    for (const axis of permuted) {
      stride *= Math.abs(by[axis]);
      strides[axis] = stride * Math.sign(by[axis]);
      stride *= Math.max(1, shape[axis]);
    }
    return within(shape, strides, start);
  });
}

/** The view with these strides whose lowest element lies at `start`. */
function within(shape: Shape, strides: readonly number[], start: number): View {
  const offset = strides.reduce((low, stride, axis) => {
    return low + Math.max(0, shape[axis] - 1) * Math.max(0, -stride);
  }, start);
  return { shape, strides, offset };
}

/** Elements that the memory of a view must have. */
export function extentOf({ shape, strides, offset }: View): number {
  return shape.reduce(
    (high, n, axis) => high + Math.max(0, n - 1) * Math.max(0, strides[axis]),
    offset + 1,
  );
}
