// Compares every kernel of a plan with a reference backend, and reports the first difference.

import type { Backend, Storage } from '../../backend.ts';
import { formatKernel } from '../../../plan/format.ts';
import { withOperands, type Kernel, type Operand } from '../../../plan/kernel.ts';
import type { Plan, PlanBuffer } from '../../../plan/plan.ts';
import { allocateArray, type TypedArray } from '../../../array/dtype.ts';
import { formatSpec } from '../../../errors.ts';
import type { CompositeDeclaration, Params } from '../../../primitives/primitive.ts';
import type { View } from '../../../array/view.ts';
import type { Engine, Memory } from '../device/engine.ts';
import { DeviceError, type Reproducer } from '../device/errors.ts';
import { kernelGroups, lowerPlan } from './lower.ts';
import { decodeElements, encodeElements } from './storage.ts';

/**
 * How far a float32 result may be off, as a multiple of the largest element. A GPU sums in float32 and its
 * exp is off by about 1e-6, while the reference works in float64.
 */
const TOLERANCE = 1e-4;

/** Elements of each operand that a report prints. */
const PRINTED = 16;

/** The backend that results are compared with. */
export interface Reference {
  readonly backend: Backend;
  /** Computes the results of a composite on that backend, by its definition. */
  define(
    composite: CompositeDeclaration,
    params: Params,
    operands: readonly { readonly storage: Storage; readonly view: View }[],
  ): readonly Storage[];
}

/**
 * Runs every kernel of a plan on an engine and on a reference. Both get the same operands, computed by the
 * reference.
 *
 * @param values The elements of each buffer of the plan that is an input or a constant.
 * @throws DeviceError with the first kernel whose results differ, its source, and all elements of its
 *   operands and results in `reproducer()`
 */
export async function verifyPlan(
  engine: Engine,
  reference: Reference,
  plan: Plan,
  values: ReadonlyMap<number, TypedArray>,
): Promise<void> {
  const known = new Map(values);
  for (const group of kernelGroups(plan)) {
    const outputs = [...new Set(group.flatMap((kernel) => kernel.outputs.map((o) => o.buffer)))];
    const operands = readsOf(group, outputs);
    const wanted = runReference(reference, plan, group, operands, outputs, known);
    if (outputs.some((output) => plan.buffers[output].size > 0)) {
      const found = await runEngine(engine, plan, group, known);
      for (const output of outputs) compare(engine, plan, group, output, found, wanted, known);
    }
    for (const [output, elements] of wanted) known.set(output, elements);
  }
}

function readsOf(group: readonly Kernel[], outputs: readonly number[]): number[] {
  const reads = group.flatMap((kernel) => kernel.inputs.map((operand) => operand.buffer));
  return [...new Set(reads)].filter((buffer) => !outputs.includes(buffer));
}

/** Runs a group of kernels on the reference, and returns its results. */
function runReference(
  { backend, define }: Reference,
  plan: Plan,
  group: readonly Kernel[],
  operands: readonly number[],
  outputs: readonly number[],
  known: ReadonlyMap<number, TypedArray>,
): Map<number, TypedArray> {
  const storages = operands.map((buffer) => {
    const { dtype, size } = plan.buffers[buffer];
    return backend.store((known.get(buffer) ?? allocateArray(dtype, size)).slice(), dtype);
  });
  const [kernel] = group;
  const isComposite = kernel.kind === 'call' && kernel.operation.kind === 'composite';
  const results = isComposite
    ? define(
        kernel.operation,
        kernel.params,
        kernel.inputs.map(({ buffer, view }) => {
          return { storage: storages[operands.indexOf(buffer)], view };
        }),
      )
    : runPrimitives(backend, plan, group, [operands, outputs], storages);
  return new Map(outputs.map((buffer, i) => [buffer, backend.readSync(results[i])]));
}

/** Runs a group of kernels as a plan of its own, and returns its results. */
function runPrimitives(
  backend: Backend,
  plan: Plan,
  group: readonly Kernel[],
  [operands, outputs]: readonly (readonly number[])[],
  storages: readonly Storage[],
): Storage[] {
  const renumbered = [...operands, ...outputs];
  const change = (operand: Operand): Operand => ({
    ...operand,
    buffer: renumbered.indexOf(operand.buffer),
  });
  const part: Plan = {
    buffers: renumbered.map((buffer, i): PlanBuffer => {
      const isInput = i < operands.length;
      const index = isInput ? i : i - operands.length;
      return { ...plan.buffers[buffer], place: { kind: isInput ? 'input' : 'output', index } };
    }),
    kernels: group.map((kernel) => withOperands(kernel, change)),
    inputs: operands.length,
    constants: 0,
    outputs: outputs.map((buffer) => {
      const { size, dtype } = plan.buffers[buffer];
      return { shape: [size], dtype, donatedInput: null };
    }),
    arenaBytes: 0,
  };
  const results = part.outputs.map(({ dtype, shape: [size] }) => backend.allocate(dtype, size));
  backend.prepare(part, []).run(storages, results);
  return results;
}

/** Runs a group of kernels on the engine, and returns its results. */
async function runEngine(
  engine: Engine,
  plan: Plan,
  group: readonly Kernel[],
  known: ReadonlyMap<number, TypedArray>,
): Promise<Map<number, TypedArray>> {
  const { dispatches } = lowerPlan({ ...plan, kernels: group }, engine.limits);
  const memory = new Map<number, Memory>();
  const memoryOf = (slot: number): Memory => {
    let found = memory.get(slot);
    if (found === undefined) {
      const { dtype, size } = plan.buffers[slot];
      found = engine.upload(encodeElements(known.get(slot) ?? allocateArray(dtype, size)));
      memory.set(slot, found);
    }
    return found;
  };
  try {
    for (const { source, reads, writes } of dispatches) {
      memory.set(writes, engine.run(engine.compile(source), reads.map(memoryOf)));
    }
    const results = new Map<number, TypedArray>();
    for (const { buffer } of group.flatMap((kernel) => kernel.outputs)) {
      const { dtype, size } = plan.buffers[buffer];
      results.set(buffer, decodeElements(await engine.read(memoryOf(buffer)), dtype, size));
    }
    return results;
  } finally {
    for (const each of memory.values()) engine.free(each);
  }
}

function compare(
  engine: Engine,
  plan: Plan,
  group: readonly Kernel[],
  output: number,
  found: ReadonlyMap<number, TypedArray>,
  wanted: ReadonlyMap<number, TypedArray>,
  known: ReadonlyMap<number, TypedArray>,
): void {
  const [got, want] = [found, wanted].map((results) => Array.from(results.get(output) ?? []));
  const scale = want.reduce(
    (most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most),
    1,
  );
  const allowed = plan.buffers[output].dtype === 'float32' ? TOLERANCE * scale : 0;
  const at = want.findIndex((x, i) => !Object.is(x, got[i]) && !(Math.abs(x - got[i]) <= allowed));
  if (at === -1) return;
  const reproducer = reproducerOf(engine, plan, group, { found, wanted, known });
  const operands = readsOf(group, [...wanted.keys()]).map((buffer) => {
    const { dtype, size } = plan.buffers[buffer];
    const elements = Array.from(reproducer.operands[nameOf(buffer)].slice(0, PRINTED));
    const more = size > PRINTED ? ', …' : '';
    return `${nameOf(buffer)}: ${formatSpec({ dtype, shape: [size] })} = [${elements.join(', ')}${more}]`;
  });
  const [{ name }] = reproducer.sources;
  throw new DeviceError(
    name,
    'mismatch',
    [
      `${engine.report.mode} and the reference disagree: element ${at} of ${nameOf(output)} is ${got[at]}, ` +
        `but ${want[at]} is right (± ${allowed}). The kernel and its operands ` +
        '(reproducer() of this error has all elements of the operands and results):',
      ...reproducer.kernel,
      ...operands,
    ].join('\n'),
    {
      kernel: name,
      source: reproducer.sources.map(({ text, shader }) => shader?.code ?? text).join('\n'),
      reproducer,
    },
  );
}

/** The name of a buffer in kernels and reports. */
function nameOf(buffer: number): string {
  return `b${buffer}`;
}

function reproducerOf(
  engine: Engine,
  plan: Plan,
  group: readonly Kernel[],
  elements: Readonly<Record<'found' | 'wanted' | 'known', ReadonlyMap<number, TypedArray>>>,
): Reproducer {
  const { found, wanted, known } = elements;
  const byName = (
    buffers: readonly number[],
    values: ReadonlyMap<number, TypedArray>,
  ): Record<string, TypedArray> =>
    Object.fromEntries(
      buffers.map((buffer) => {
        const { dtype, size } = plan.buffers[buffer];
        return [nameOf(buffer), values.get(buffer) ?? allocateArray(dtype, size)];
      }),
    );
  const results = [...wanted.keys()];
  const { dispatches } = lowerPlan({ ...plan, kernels: group }, engine.limits);
  return {
    kernel: group.map((kernel) => formatKernel(kernel, nameOf)),
    sources: dispatches.map(({ source, reads, writes }) => {
      const { name, text, output } = source;
      const { shader } = engine.compile(source);
      const places = { reads: reads.map(nameOf), writes: nameOf(writes) };
      return { name, text, output, ...places, ...(shader === undefined ? {} : { shader }) };
    }),
    device: engine.report,
    operands: byName(readsOf(group, results), known),
    expected: byName(results, wanted),
    found: byName(results, found),
  };
}
