// Kernels for pad and concat: each element finds the region of the output in which it lies.

import type { MapKernel, Operand } from '../../../plan/kernel.ts';
import { sizeOf } from '../../../array/shape.ts';
import type { Lowering } from '../kernel/lowering.ts';
import { withFewInputs } from './map.ts';
import { literalValue, writeExpression } from './expression.ts';
import { offsetText } from '../kernel/threads.ts';
import { KernelWriter, spreadOutput, type Value } from '../kernel/writer.ts';

/** Whether the kernel writes only a part of its buffer, as for pad and concat. */
export function isPartial({ outputs }: MapKernel, sizes: readonly number[]): boolean {
  return outputs.some(({ buffer, view }) => sizeOf(view.shape) !== sizes[buffer]);
}

/**
 * Joins kernels that each write a region of one buffer. A kernel of gpu.js writes every element of its
 * output. So they become one kernel that finds the region of each element; several, if they read more arrays
 * than one kernel can.
 */
export function lowerAssembly(lowering: Lowering, kernels: readonly MapKernel[]): void {
  const [{ buffer, dtype }] = kernels[0].outputs;
  const size = lowering.sizes[buffer];
  // One of the arrays is the part that is assembled already.
  const most = lowering.limits.inputs - 1;
  const runs = runsOf(
    kernels.map((kernel) => withFewInputs(lowering, kernel, most)),
    most,
  );
  let before: number | null = null;
  for (const [i, run] of runs.entries()) {
    const target = i === runs.length - 1 ? buffer : lowering.temporary(dtype, size);
    writeAssembly(lowering, run, before, { buffer: target, dtype, size });
    before = target;
  }
}

/** Cuts the kernels into runs that read at most `most` arrays each. */
function runsOf(kernels: readonly MapKernel[], most: number): MapKernel[][] {
  const runs: MapKernel[][] = [[]];
  for (const kernel of kernels) {
    const last = runs[runs.length - 1];
    if (arraysOf([...last, kernel]).size <= most) last.push(kernel);
    else runs.push([kernel]);
  }
  return runs;
}

function arraysOf(kernels: readonly MapKernel[]): Set<number> {
  return new Set(kernels.flatMap(({ inputs }) => inputs.map(({ buffer }) => buffer)));
}

function writeAssembly(
  lowering: Lowering,
  kernels: readonly MapKernel[],
  before: number | null,
  { buffer, dtype, size }: Pick<Operand, 'buffer' | 'dtype'> & { readonly size: number },
): void {
  const writer = new KernelWriter(lowering.sizes);
  const { output, indices, select } = spreadOutput([size], dtype);
  const [at] = indices;
  const start =
    before === null ? literalValue(writer, 0, dtype) : writer.load({ buffer: before, dtype }, at);
  const result = writer.name('s');
  writer.line(`let ${result} = ${select(start)};`);
  for (const kernel of kernels) {
    const [{ view }] = kernel.outputs;
    if (sizeOf(view.shape) === 0) continue;
    const region = regionOf(view, at);
    writer.line(`if (${at} >= ${view.offset}) {`);
    writer.line(`if (${region.contains}) {`);
    const load = (i: number): Value => {
      const operand = kernel.inputs[i];
      return writer.load(
        operand,
        offsetText(operand.view.offset, operand.view.strides, region.indices),
      );
    };
    const [value] = writeExpression(writer, kernel.expression, kernel.expression.results, load);
    writer.line(`${result} = ${select(value)};`);
    writer.line('}');
    writer.line('}');
  }
  lowering.add(writer.finish('assemble', output, result, buffer));
}

/** The index in a view of the element at a place of the buffer, and whether the view contains it. */
interface Region {
  readonly indices: readonly string[];
  readonly contains: string;
}

/**
 * Undoes `offset + Σ indices[i] · strides[i]` axis by axis. This is exact for regions of row-major buffers: a
 * step along an axis is longer than the sum of all steps along later axes.
 */
function regionOf(view: Operand['view'], at: string): Region {
  const indices = view.shape.map(() => '0');
  const conditions: string[] = [];
  let rest = view.offset === 0 ? at : `(${at} - ${view.offset})`;
  view.shape.forEach((size, axis) => {
    const stride = view.strides[axis];
    if (size === 1) return;
    indices[axis] = stride === 1 ? rest : `quotient(${rest}, ${stride})`;
    conditions.push(`${indices[axis]} < ${size}`);
    rest = stride === 1 ? '0' : `remainder(${rest}, ${stride})`;
  });
  if (rest !== '0') conditions.push(`${rest} < 1`);
  return { indices, contains: conditions.length === 0 ? '1 > 0' : conditions.join(' && ') };
}
