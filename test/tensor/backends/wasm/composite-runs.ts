/** What the tests of fused composites share: running them on wasm. */
import { wasmBackend, type Backend } from '@tessera/tensor';
import type { Composite, Params } from '@tessera/tensor/extend';
import { expect } from 'vitest';
import { sizeOf } from '../../../../packages/tensor/src/array/shape.ts';
import { define, kernelOf, placesApart } from '../composites.ts';
import { runKernels, type Input } from '../cpu/kernel-runs.ts';

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

/** What the kernel gives. Its outputs start as garbage, all of which it must overwrite. */
export function run<P extends Params>(
  backend: Backend,
  operation: Composite<P>,
  params: P,
  inputs: readonly Input[],
): Float32Array[] {
  const kernel = kernelOf(operation, params, inputs);
  const garbage = kernel.outputs.map(({ view }) => new Float32Array(sizeOf(view.shape)).fill(99));
  const memory = [...inputs.map(({ elements }) => elements), ...garbage];
  return runKernels([kernel], memory, backend).slice(inputs.length) as Float32Array[];
}

function expectClose(actual: Float32Array, expected: Float32Array, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const far = placesApart(actual, expected, tolerance);
  expect(far.slice(0, 3).map((i) => ({ at: i, actual: actual[i], expected: expected[i] }))).toEqual(
    [],
  );
}
