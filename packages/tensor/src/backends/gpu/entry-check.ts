import type { Operand } from '../../compile/kernel.ts';
import { sizeOf, type Shape } from '../../shape.ts';
import { contiguousView } from '../../view.ts';
import { lowerAttention } from './attention.ts';
import type { Dispatch, KernelSource } from './dispatch.ts';
import type { Engine, Memory } from './engine.ts';
import { lowerLayerNormGrad } from './layer-norm.ts';
import { Lowering, type CallOperands } from './lowering.ts';
import { lowerLogSoftmax } from './softmax.ts';

/** Sums in another order, and weights relative to another logit. */
const TOLERANCE = 1e-4;

/** A kernel with an entry, of operands and a result of these shapes. */
interface Check {
  readonly inputs: readonly Shape[];
  readonly output: Shape;
  readonly lower: (lowering: Lowering, operands: CallOperands) => void;
}

/** Each way in which threads share memory, over sizes that no block divides. */
const CHECKS: readonly Check[] = [
  {
    inputs: [[3, 71]],
    output: [3, 71],
    lower: (lowering, operands) => lowerLogSoftmax(lowering, operands, { axis: 1 }),
  },
  {
    inputs: [
      [5, 29],
      [5, 29],
    ],
    output: [5, 29],
    lower: (lowering, operands) => lowerLayerNormGrad(lowering, operands, { eps: 1e-5 }),
  },
  {
    inputs: [
      [2, 12, 9],
      [2, 41, 9],
      [2, 41, 11],
    ],
    output: [2, 12, 11],
    lower: (lowering, operands) => lowerAttention(lowering, operands, { scale: 0.5 }),
  },
];

/** Whether kernels in which threads share memory give on a device what their texts give there. */
export async function entriesAreRight(engine: Engine): Promise<boolean> {
  for (const check of CHECKS) {
    if (!(await isRight(engine, check))) return false;
  }
  return true;
}

async function isRight(engine: Engine, { inputs, output, lower }: Check): Promise<boolean> {
  const operands = [...inputs, output].map((shape, buffer): Operand => {
    return { buffer, dtype: 'float32', view: contiguousView(shape) };
  });
  const buffers = operands.map(({ dtype, view }) => ({ dtype, size: sizeOf(view.shape) }));
  const lowering = new Lowering(buffers, engine.limits);
  lower(lowering, { inputs: operands.slice(0, -1), outputs: operands.slice(-1) });
  const [{ source, reads }]: readonly Dispatch[] = lowering.dispatches;
  const slots = inputs.map((shape, seed) =>
    engine.upload(Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(seed + 3 * i))),
  );
  const memory = reads.map((slot) => slots[slot]);
  const found = await valuesOf(engine, source, memory);
  const { name, text, output: threads } = source;
  const wanted = await valuesOf(
    engine,
    { name, text, inputs: source.inputs, output: threads },
    memory,
  );
  for (const slot of slots) engine.free(slot);
  return found.every((value, i) => Math.abs(value - wanted[i]) <= TOLERANCE);
}

async function valuesOf(
  engine: Engine,
  source: KernelSource,
  memory: readonly Memory[],
): Promise<Float32Array> {
  const result = engine.run(engine.compile(source), memory);
  const values = await engine.read(result);
  engine.free(result);
  return values;
}
