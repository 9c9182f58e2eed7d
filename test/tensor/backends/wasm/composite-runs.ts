/** What the tests of fused composites share: running them on wasm and by their definition on cpu. */
import { cpuBackend, tensor, wasmBackend, type Backend } from '@tessera/tensor';
import { contiguousView, type Composite, type Params } from '@tessera/tensor/extend';
import { expect } from 'vitest';
import type { CallKernel } from '../../../../packages/tensor/src/compile/kernel.ts';
import type { Plan } from '../../../../packages/tensor/src/compile/plan.ts';
import { sizeOf } from '../../../../packages/tensor/src/shape.ts';
import { elementsOf, extentOf, fill, operandOf, type Input } from '../cpu/kernel-runs.ts';
import type { View } from '../../../../packages/tensor/src/view.ts';

const single = wasmBackend({ threads: 1 });
const double = wasmBackend({ threads: 2 });
const strict = wasmBackend({ threads: 1, relaxed: false });

/**
 * Expects of the kernel what the definition gives on cpu, NaN and infinities included, and the same
 * bits from one and two threads.
 *
 * @param tolerance Deviation as a multiple of the largest finite result, or of 1 if that is larger.
 */
export function expectAsDefined<P extends Params>(
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

function define<P extends Params>(
  composite: Composite<P>,
  params: P,
  inputs: readonly Input[],
): Float32Array[] {
  const backend = cpuBackend();
  const tensors = inputs.map((input) =>
    tensor(Float32Array.from(elementsOf(input)), { shape: input.view.shape, backend }),
  );
  return composite.decompose(tensors, params).map((y) => y.dataSync() as Float32Array);
}

/** Runs the kernel. Outputs start as garbage, all of which it must overwrite. */
function run<P extends Params>(
  backend: Backend,
  operation: Composite<P>,
  params: P,
  inputs: readonly Input[],
): Float32Array[] {
  const specs = inputs.map(({ view }) => ({ shape: view.shape, dtype: 'float32' as const }));
  const outputs = operation.infer(specs, params);
  const kernel: CallKernel = {
    kind: 'call',
    operation: operation as Composite,
    params,
    inputs: inputs.map((input, i) => operandOf(i, input)),
    outputs: outputs.map(({ shape, dtype }, i) => ({
      buffer: inputs.length + i,
      dtype,
      view: contiguousView(shape),
    })),
  };
  const plan: Plan = {
    buffers: [
      ...inputs.map(({ elements }, index) => ({
        dtype: 'float32' as const,
        size: elements.length,
        place: { kind: 'input' as const, index },
      })),
      ...outputs.map(({ shape, dtype }, index) => ({
        dtype,
        size: sizeOf(shape),
        place: { kind: 'output' as const, index },
      })),
    ],
    kernels: [kernel],
    inputs: inputs.length,
    constants: 0,
    outputs: outputs.map((spec) => ({ ...spec, donatedInput: null })),
    arenaBytes: 0,
  };
  const memory = inputs.map(({ elements }) => backend.store(elements, 'float32'));
  const results = outputs.map(({ shape }) =>
    backend.store(new Float32Array(sizeOf(shape)).fill(99), 'float32'),
  );
  backend.prepare(plan, []).run(memory, results);
  const read = results.map((storage) => backend.readSync(storage) as Float32Array);
  for (const storage of [...memory, ...results]) backend.release(storage);
  return read;
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
