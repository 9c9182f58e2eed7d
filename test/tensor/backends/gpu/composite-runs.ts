/** What the tests of composites on the gpu backend share: running their kernels in each form, and by their definition on cpu. */
import { cpuBackend, defaultBackend, setDefaultBackend, tensor } from '@tessera/tensor';
import { contiguousView, type Composite, type Params } from '@tessera/tensor/extend';
import type { KernelSource } from '../../../../packages/tensor/src/backends/gpu/dispatch.ts';
import type {
  Engine,
  Memory,
  Program,
} from '../../../../packages/tensor/src/backends/gpu/engine.ts';
import { lowerPlan } from '../../../../packages/tensor/src/backends/gpu/lower.ts';
import { encodeElements } from '../../../../packages/tensor/src/backends/gpu/storage.ts';
import type { CallKernel } from '../../../../packages/tensor/src/compile/kernel.ts';
import type { PlanBuffer } from '../../../../packages/tensor/src/compile/plan.ts';
import { sizeOf } from '../../../../packages/tensor/src/shape.ts';
import type { View } from '../../../../packages/tensor/src/view.ts';
import { elementsOf, extentOf, fill, operandOf, type Input } from '../cpu/kernel-runs.ts';

/** A form of kernels under test. */
export interface KernelForm {
  readonly engine: Engine;
  readonly compile: (source: KernelSource) => Program;
}

/** Rows of every kind of special number, of five elements. */
const [low, high] = [-Infinity, Infinity];
export const SPECIAL_ROWS: readonly (readonly number[])[] = [
  [low, low, low, low, low],
  [NaN, 1, 2, 3, 4],
  [1, 2, 3, 4, NaN],
  [NaN, low, low, low, low],
  [0, low, 1, low, low],
  [high, 0, 1, 2, 3],
  [high, low, NaN, 2, 3],
  [1e4, 1e4, 9.99e3, -1e4, 0],
  [-1e30, -1e30, -1e30, -1e30, -1e30],
  [-80, 0, -60, -70.5, -75],
  [3e38, -3e38, 0, 3e38, 1],
];

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
    const largest = expected.reduce(
      (most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most),
      1,
    );
    return Array.from(expected).flatMap((x, i) => {
      const isSame = Object.is(x, actual[i]) || x === actual[i];
      return isSame || Math.abs(x - actual[i]) <= tolerance * largest
        ? []
        : [`element ${i} of output ${output} is ${actual[i]}, not ${x}`];
    });
  });
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

/** What the kernels give. */
async function run<P extends Params>(
  { engine, compile }: KernelForm,
  operation: Composite<P>,
  params: P,
  inputs: readonly Input[],
): Promise<Float32Array[]> {
  const specs = inputs.map(({ view }) => ({ shape: view.shape, dtype: 'float32' }) as const);
  const outputs = operation.infer(specs, params);
  const kernel: CallKernel = {
    kind: 'call',
    operation,
    params,
    inputs: inputs.map((input, i) => operandOf(i, input)),
    outputs: outputs.map(({ shape, dtype }, i) => {
      return { buffer: inputs.length + i, dtype, view: contiguousView(shape) };
    }),
  };
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
