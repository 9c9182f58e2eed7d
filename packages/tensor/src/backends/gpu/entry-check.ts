import type { Operand } from '../../compile/kernel.ts';
import { sizeOf, type Shape } from '../../shape.ts';
import { contiguousView } from '../../view.ts';
import { lowerAttention } from './attention.ts';
import type { Dispatch, KernelSource } from './dispatch.ts';
import type { Engine, Memory } from './engine.ts';
import { lowerLayerNormGrad } from './layer-norm.ts';
import { Lowering, type CallOperands } from './lowering.ts';
import { lowerLogSoftmax, lowerLogSumExp, lowerSoftmax } from './softmax.ts';

/** Sums in another order, and weights relative to another logit. */
const TOLERANCE = 1e-4;

/** A kernel with an entry, of operands and a result of these shapes. */
interface Check {
  readonly inputs: readonly Shape[];
  readonly output: Shape;
  readonly lower: (lowering: Lowering, operands: CallOperands) => void;
  /** Elements of the first operand that are not finite, by their places. */
  readonly special?: ReadonlyMap<number, number>;
}

/** The length of a row that threads share, whatever a barrier costs, and that no number of them divides. */
const LONG = 601;

/**
 * Each way in which threads share memory. Rows: of which a workgroup has one, or several, side by side or
 * strided, with a result for each element or for each row, with a sum, a maximum and several folds at
 * once, and rows with NaN, with infinity, and of −∞ alone. Attention: over sizes that no block divides.
 */
const CHECKS: readonly Check[] = [
  {
    inputs: [[5, 71]],
    output: [5, 71],
    lower: (lowering, operands) => lowerLogSoftmax(lowering, operands, { axis: 1 }),
  },
  {
    inputs: [[4, LONG]],
    output: [4, LONG],
    lower: (lowering, operands) => lowerLogSoftmax(lowering, operands, { axis: 1 }),
    special: new Map([
      [LONG - 1, NaN],
      [LONG + 300, Infinity],
      ...Array.from({ length: LONG }, (_, i) => [2 * LONG + i, -Infinity] as const),
    ]),
  },
  {
    inputs: [[71, 5]],
    output: [71, 5],
    lower: (lowering, operands) => lowerSoftmax(lowering, operands, { axis: 0 }),
  },
  {
    inputs: [[2, LONG, 3]],
    output: [2, 3],
    lower: (lowering, operands) => lowerLogSumExp(lowering, operands, { axis: 1 }),
  },
  {
    inputs: [
      [3, LONG],
      [3, LONG],
    ],
    output: [3, LONG],
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

/**
 * Whether kernels in which threads share memory give on a device what their texts give there.
 *
 * @throws DeviceError if the device refuses one
 */
export async function entriesAreRight(engine: Engine): Promise<boolean> {
  for (const check of CHECKS) {
    if (!(await isRight(engine, check))) return false;
  }
  return true;
}

async function isRight(
  engine: Engine,
  { inputs, output, lower, special = new Map<number, number>() }: Check,
): Promise<boolean> {
  const operands = [...inputs, output].map((shape, buffer): Operand => {
    return { buffer, dtype: 'float32', view: contiguousView(shape) };
  });
  const buffers = operands.map(({ dtype, view }) => ({ dtype, size: sizeOf(view.shape) }));
  const lowering = new Lowering(buffers, engine.limits);
  lower(lowering, { inputs: operands.slice(0, -1), outputs: operands.slice(-1) });
  const [{ source, reads }]: readonly Dispatch[] = lowering.dispatches;
  const slots = inputs.map((shape, operand) => {
    const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) =>
      Math.sin(operand + 3 * i),
    );
    if (operand === 0) for (const [at, value] of special) values[at] = value;
    return engine.upload(values);
  });
  const memory = reads.map((slot) => slots[slot]);
  const { name, text, inputs: count, output: threads } = source;
  const asText: KernelSource = { name, text, inputs: count, output: threads };
  const [found, wanted] = await Promise.all(
    [source, asText].map((each) => valuesOf(engine, each, memory)),
  ).finally(() => slots.forEach((slot) => engine.free(slot)));
  return found.every(
    (value, i) => Object.is(value, wanted[i]) || Math.abs(value - wanted[i]) <= TOLERANCE,
  );
}

async function valuesOf(
  engine: Engine,
  source: KernelSource,
  memory: readonly Memory[],
): Promise<Float32Array> {
  const result = engine.run(engine.compile(source), memory);
  try {
    return await engine.read(result);
  } finally {
    engine.free(result);
  }
}
