/** What the tests of composites on the gpu backend share: running their kernels in each form. */
import type { Composite, Params } from '@tessera/tensor/extend';
import type { KernelSource } from '../../../../packages/tensor/src/backends/gpu/kernel/dispatch.ts';
import type {
  Engine,
  Memory,
  Program,
} from '../../../../packages/tensor/src/backends/gpu/device/engine.ts';
import { lowerPlan } from '../../../../packages/tensor/src/backends/gpu/run/lower.ts';
import { encodeElements } from '../../../../packages/tensor/src/backends/gpu/run/storage.ts';
import type { PlanBuffer } from '../../../../packages/tensor/src/plan/plan.ts';
import { sizeOf } from '../../../../packages/tensor/src/array/shape.ts';
import { define, kernelOf, placesApart, specialRows } from '../composites.ts';
import type { Input } from '../cpu/kernel-runs.ts';

/** A form of kernels under test. */
export interface KernelForm {
  readonly engine: Engine;
  readonly compile: (source: KernelSource) => Program;
}

/** Rows of special numbers; weights that would be subnormal are 0 on some devices. */
export const SPECIAL_ROWS = specialRows([-80, 0, -60, -70.5, -75]);

/**
 * Where the kernels of a form differ from what the definition gives on cpu, NaN and infinities included;
 * empty if they do not.
 *
 * @param tolerance Deviation as a multiple of the largest finite result, or of 1 if that is larger.
 */
export async function differences<P extends Params>(
  form: KernelForm,
  composite: Composite<P>,
  params: P,
  inputs: readonly Input[],
  tolerance: number,
): Promise<string[]> {
  const wanted = define(composite, params, inputs);
  const found = await run(form, composite, params, inputs);
  return wanted.flatMap((expected, output) => {
    const actual = found[output];
    return placesApart(actual, expected, tolerance).map(
      (i) => `element ${i} of output ${output} is ${actual[i]}, not ${expected[i]}`,
    );
  });
}

/** What the kernels give. */
async function run<P extends Params>(
  { engine, compile }: KernelForm,
  operation: Composite<P>,
  params: P,
  inputs: readonly Input[],
): Promise<Float32Array[]> {
  const kernel = kernelOf(operation, params, inputs);
  const outputs = kernel.outputs.map(({ view }) => view);
  const sizes = [
    ...inputs.map(({ elements }) => elements.length),
    ...outputs.map(({ shape }) => sizeOf(shape)),
  ];
  const buffers = sizes.map((size, index): PlanBuffer => {
    return { dtype: 'float32', size, place: { kind: 'output', index } };
  });
  const plan = { buffers, kernels: [kernel], inputs: 0, constants: 0, outputs: [], arenaBytes: 0 };
  const memory = new Map<number, Memory>();
  inputs.forEach(({ elements }, i) => memory.set(i, engine.upload(encodeElements(elements))));
  for (const { source, reads, writes } of lowerPlan(plan, engine.limits).dispatches) {
    const operands = reads.map((slot) => memory.get(slot));
    if (!operands.every((each) => each !== undefined)) throw new Error('a slot is read too early');
    memory.set(writes, engine.run(compile(source), operands));
  }
  const results: Float32Array[] = [];
  for (const [i, { shape }] of outputs.entries()) {
    const result = memory.get(inputs.length + i);
    if (sizeOf(shape) === 0) results.push(new Float32Array(0));
    else if (result === undefined) throw new Error(`output ${i} is not written`);
    else results.push(await engine.read(result));
  }
  for (const each of memory.values()) engine.free(each);
  return results;
}
