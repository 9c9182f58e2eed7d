/** What the tests of fused composites share: running them on wasm and by their definition on cpu. */
import {
  cpuBackend,
  defaultBackend,
  setDefaultBackend,
  tensor,
  wasmBackend,
  type Backend,
} from '@tessera/tensor';
import { contiguousView, type Composite, type Params } from '@tessera/tensor/extend';
import { expect } from 'vitest';
import type { CallKernel } from '../../../../packages/tensor/src/compile/kernel.ts';
import { sizeOf } from '../../../../packages/tensor/src/shape.ts';
import type { View } from '../../../../packages/tensor/src/view.ts';
import {
  elementsOf,
  extentOf,
  fill,
  operandOf,
  runKernels,
  type Input,
} from '../cpu/kernel-runs.ts';

const single = wasmBackend({ threads: 1 });
const double = wasmBackend({ threads: 2 });
const strict = wasmBackend({ threads: 1, relaxed: false });

/**
 * Checks that the kernel gives what the definition gives on cpu, NaN and infinities included, and the same
 * bits from one and two threads.
 *
 * @param tolerance Deviation as a multiple of the largest finite result, or of 1 if that is larger.
 */
export function checkAsDefined<P extends Params>(
  composite: Composite<P>,
  params: P,
  inputs: readonly Input[],
  tolerance: number,
): void {
  const expected = define(composite, params, inputs);
  const results = run(single, composite, params, inputs);
  const sameBits = run(double, composite, params, inputs).every((elements, i) => {
    return Buffer.from(elements.buffer).equals(Buffer.from(results[i].buffer));
  });
  expect(sameBits).toBe(true);
  for (const result of [results, run(strict, composite, params, inputs)]) {
    result.forEach((elements, i) => {
      expectClose(elements, expected[i], tolerance);
    });
  }
}

/** An input that looks at numbers of its own through a view. */
export function inputFor(view: View, seed: number): Input {
  return { view, elements: fill(new Float32Array(extentOf(view)), seed) };
}

/** A contiguous input. */
export function contiguousInput(shape: readonly number[], seed: number): Input {
  return inputFor(contiguousView(shape), seed);
}

/** A contiguous input with these elements. */
export function inputWith(shape: readonly number[], elements: readonly number[]): Input {
  return { view: contiguousView(shape), elements: Float32Array.from(elements) };
}

/** What the composite is decomposed into, on cpu. */
function define<P extends Params>(
  composite: Composite<P>,
  params: P,
  inputs: readonly Input[],
): Float32Array[] {
  const before = defaultBackend();
  setDefaultBackend(cpuBackend());
  try {
    const tensors = inputs.map((input) =>
      tensor(Float32Array.from(elementsOf(input)), { shape: input.view.shape }),
    );
    return composite.decompose(tensors, params).map((y) => y.dataSync() as Float32Array);
  } finally {
    setDefaultBackend(before);
  }
}

/** What the kernel gives. Its outputs start as garbage, all of which it must overwrite. */
export function run<P extends Params>(
  backend: Backend,
  operation: Composite<P>,
  params: P,
  inputs: readonly Input[],
): Float32Array[] {
  const outputs = operation.infer(
    inputs.map(({ view }) => ({ shape: view.shape, dtype: 'float32' })),
    params,
  );
  const kernel: CallKernel = {
    kind: 'call',
    operation,
    params,
    inputs: inputs.map((input, i) => operandOf(i, input)),
    outputs: outputs.map(({ shape, dtype }, i) => {
      return { buffer: inputs.length + i, dtype, view: contiguousView(shape) };
    }),
  };
  const garbage = outputs.map(({ shape }) => new Float32Array(sizeOf(shape)).fill(99));
  const memory = [...inputs.map(({ elements }) => elements), ...garbage];
  return runKernels([kernel], memory, backend).slice(inputs.length) as Float32Array[];
}

function expectClose(actual: Float32Array, expected: Float32Array, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const largest = expected.reduce((most, x) => {
    return Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most;
  }, 1);
  const far = [...actual.keys()].filter((i) => {
    const same = Object.is(actual[i], expected[i]) || actual[i] === expected[i];
    return !same && !(Math.abs(actual[i] - expected[i]) <= tolerance * largest);
  });
  expect(far.slice(0, 3).map((i) => ({ at: i, actual: actual[i], expected: expected[i] }))).toEqual(
    [],
  );
}
