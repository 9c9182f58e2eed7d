// Checks on the device that kernels with shared memory give the same numbers as their plain text.

import type { Operand } from '../../../plan/kernel.ts';
import { formatShape } from '../../../errors.ts';
import { sizeOf, type Shape } from '../../../array/shape.ts';
import { contiguousView, type View } from '../../../array/view.ts';
import { lowerAttention } from '../attention/attention.ts';
import type { Dispatch, KernelSource } from '../kernel/dispatch.ts';
import { DeviceError, orRefusal, refusalText } from '../device/errors.ts';
import { lowerLayerNormGrad } from '../rows/layer-norm.ts';
import { Lowering, type CallOperands } from '../kernel/lowering.ts';
import { runOnce } from '../device/run-once.ts';
import { lowerLogSoftmax, lowerLogSumExp } from '../rows/softmax.ts';
import type { WebGpuEngine } from '../engines/webgpu-engine.ts';

/** Allowed difference: an entry sums in another order, and takes weights relative to another logit. */
const TOLERANCE = 1e-4;

/** A kernel with an entry: its operands, and the shape of its row-major result. */
interface Check {
  readonly inputs: readonly View[];
  readonly output: Shape;
  readonly lower: (lowering: Lowering, operands: CallOperands) => void;
  /** Elements of the first operand that are not finite, by their row-major index. */
  readonly special?: ReadonlyMap<number, number>;
}

/**
 * The checks cover each way in which threads share memory. Rows: several per workgroup, with threads side by
 * side or strided, and one that takes a whole workgroup; with a sum, a maximum and several folds at once;
 * with NaN, with infinity, and with nothing but −∞. Attention: one with one query per thread that runs every
 * loop and barrier, since it has more than one tile of E, block of keys and tile of v; and one with more than
 * one workgroup of queries. No block divides a size.
 */
function checksFor(elementsOfThread: number): Check[] {
  // Sizes for four threads per row, and for a whole workgroup per row.
  const [several, all] = [3 * elementsOfThread + 7, 33 * elementsOfThread + 5];
  return [
    {
      inputs: [contiguousView([4, several])],
      output: [4, several],
      lower: (lowering, operands) => lowerLogSoftmax(lowering, operands, { axis: 1 }),
      special: new Map([
        [several - 1, NaN],
        [several + 3, Infinity],
        ...Array.from({ length: several }, (_, i) => [2 * several + i, -Infinity] as const),
      ]),
    },
    {
      inputs: [columnsOf(3, several), columnsOf(3, several)],
      output: [3, several],
      lower: (lowering, operands) => lowerLayerNormGrad(lowering, operands, { eps: 1e-5 }),
    },
    {
      inputs: [contiguousView([3, all])],
      output: [3],
      lower: (lowering, operands) => lowerLogSumExp(lowering, operands, { axis: 1 }),
    },
    attentionCheck({ T: 5, S: 41, E: 37, F: 67 }),
    attentionCheck({ T: 35, S: 7, E: 5, F: 3 }),
  ];
}

/** A view of rows whose elements do not lie side by side. */
function columnsOf(rows: number, size: number): View {
  return { shape: [rows, size], strides: [1, rows], offset: 0 };
}

function attentionCheck({ T, S, E, F }: Readonly<Record<'T' | 'S' | 'E' | 'F', number>>): Check {
  const shapes = [
    [2, T, E],
    [2, S, E],
    [2, S, F],
  ];
  return {
    inputs: shapes.map((shape) => contiguousView(shape)),
    output: [2, T, F],
    lower: (lowering, operands) => lowerAttention(lowering, operands, { scale: 0.5 }),
  };
}

/**
 * Checks whether a device accepts kernels whose threads share memory, and whether they compute the same
 * numbers there as their plain texts.
 *
 * @param elementsOfThread Elements of a row that justify one more thread.
 * @param comparesNumbers Whether to compare their numbers.
 * @returns the first problem, a clause; `null` if there is none
 * @throws DeviceError if the device is lost
 */
export async function problemOfEntries(
  engine: WebGpuEngine,
  elementsOfThread: number,
  comparesNumbers: boolean,
): Promise<string | null> {
  for (const check of checksFor(elementsOfThread)) {
    const { source, reads } = dispatchOf(engine, check);
    const { name, text, inputs, output } = source;
    const asText: KernelSource = { name, text, inputs, output };
    // A text that cannot be translated is a fault of the program, not of the device: it throws.
    const programs = (comparesNumbers ? [source, asText] : [source]).map((each) =>
      engine.compileAs(each, 'plain', elementsOfThread),
    );
    const slots = operandsOf(check).map((values) => engine.upload(values));
    const memory = reads.map((slot) => slots[slot]);
    try {
      const values = await orRefusal(() =>
        Promise.all(programs.map((program) => runOnce(engine, program, memory))),
      );
      if (values instanceof DeviceError) return refusalText(values);
      const [found, wanted = found] = values;
      const at = found.findIndex((value, i) => !isClose(value, wanted[i]));
      if (at !== -1) {
        const shapes = check.inputs.map(({ shape }) => formatShape(shape)).join(', ');
        return `element ${at} of ${name} of ${shapes} is ${found[at]}, but ${wanted[at]} where each thread works alone`;
      }
    } finally {
      for (const slot of slots) engine.free(slot);
    }
  }
  return null;
}

function dispatchOf(engine: WebGpuEngine, { inputs, output, lower }: Check): Dispatch {
  const operands = [...inputs, contiguousView(output)].map((view, buffer): Operand => {
    return { buffer, dtype: 'float32', view };
  });
  const buffers = operands.map(({ dtype, view }) => ({ dtype, size: sizeOf(view.shape) }));
  const lowering = new Lowering(buffers, engine.limits);
  lower(lowering, { inputs: operands.slice(0, -1), outputs: operands.slice(-1) });
  const [dispatch] = lowering.dispatches;
  return dispatch;
}

function operandsOf({ inputs, special = new Map<number, number>() }: Check): Float32Array[] {
  return inputs.map(({ shape }, operand) =>
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
      const finite = Math.sin(operand + 3 * i);
      return operand === 0 ? (special.get(i) ?? finite) : finite;
    }),
  );
}

function isClose(a: number, b: number): boolean {
  return Object.is(a, b) || Math.abs(a - b) <= TOLERANCE;
}
