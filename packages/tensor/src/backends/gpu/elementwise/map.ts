// Kernels for maps: one for each result, since a gpu.js kernel has only one output.

import type { Expression, MapKernel, Operand, ReduceKernel } from '../../../plan/kernel.ts';
import { sizeOf } from '../../../array/shape.ts';
import { contiguousView } from '../../../array/view.ts';
import { mergeAxes } from '../kernel/axes.ts';
import { writeExpression, type KnownValues } from './expression.ts';
import type { Lowering } from '../kernel/lowering.ts';
import { offsetText } from '../kernel/threads.ts';
import { KernelWriter, spreadOutput, type Value } from '../kernel/writer.ts';

/**
 * Lowers a map kernel, with one dispatch per result, since a kernel of gpu.js has one output. Results that
 * are already written are read again, not computed again. If an expression reads more arrays than a kernel
 * can, a part of it is computed ahead.
 */
export function lowerMap(lowering: Lowering, kernel: MapKernel): void {
  const written = new Map<number, Operand>();
  kernel.expression.results.forEach((result, k) => {
    const output = kernel.outputs[k];
    computeAhead(lowering, kernel, result, written);
    writeResult(lowering, kernel, result, written, output);
    written.set(result, output);
  });
}

/** Adds computed nodes to `written` until the kernel of `result` reads few enough arrays. */
function computeAhead(
  lowering: Lowering,
  kernel: MapKernel,
  result: number,
  written: Map<number, Operand>,
): void {
  const { nodes } = kernel.expression;
  for (;;) {
    const reads = readsOf(kernel, written);
    if (written.has(result) || reads[result].size <= lowering.limits.inputs) return;
    const tooMany = nodes.findIndex((_, i) => reads[i].size > lowering.limits.inputs);
    const node = nodes[tooMany];
    const args = node.kind === 'apply' ? node.args : [];
    const largest = args.reduce((a, b) => (reads[b].size > reads[a].size ? b : a));
    const { dtype } = nodes[largest];
    const buffer = lowering.temporary(dtype, sizeOf(kernel.shape));
    const output = { buffer, dtype, view: contiguousView(kernel.shape) };
    writeResult(lowering, kernel, largest, written, output);
    written.set(largest, output);
  }
}

/** The buffers that each node needs, given the nodes that are written already. */
function readsOf(
  { expression: { nodes }, inputs }: MapKernel,
  written: ReadonlyMap<number, Operand>,
): Set<number>[] {
  const reads: Set<number>[] = [];
  for (const [i, node] of nodes.entries()) {
    const known = written.get(i);
    if (known !== undefined) reads.push(new Set([known.buffer]));
    else if (node.kind === 'load') reads.push(new Set([inputs[node.input].buffer]));
    else if (node.kind === 'literal') reads.push(new Set());
    else reads.push(new Set(node.args.flatMap((arg) => [...reads[arg]])));
  }
  return reads;
}

function writeResult(
  lowering: Lowering,
  { shape, inputs, expression }: MapKernel,
  result: number,
  written: ReadonlyMap<number, Operand>,
  output: Operand,
): void {
  const writer = new KernelWriter(lowering.sizes);
  const known = [...written];
  const operands = [...inputs, ...known.map(([, operand]) => operand)];
  const axes = mergeAxes(
    shape,
    operands.map(({ view }) => view.strides),
  );
  const { output: threads, indices, select } = spreadOutput(axes.shape, output.dtype);
  const load = (i: number): Value =>
    writer.load(operands[i], offsetText(operands[i].view.offset, axes.strides[i], indices));
  const knownValues: KnownValues = new Map(
    known.map(([node], i) => [node, () => load(inputs.length + i)]),
  );
  const [value] = writeExpression(writer, expression, [result], load, knownValues);
  const name = `map ${nodeName(expression, result)}`;
  lowering.add(writer.finish(name, threads, select(value), output.buffer));
}

/**
 * The kernel itself, if it reads at most `most` arrays; otherwise a kernel whose expression is computed ahead
 * into a slot.
 */
export function withFewInputs<K extends MapKernel | ReduceKernel>(
  lowering: Lowering,
  kernel: K,
  most: number,
): K {
  const { inputs, shape, expression } = kernel;
  if (new Set(inputs.map(({ buffer }) => buffer)).size <= most) return kernel;
  const [result] = expression.results;
  const { dtype } = expression.nodes[result];
  const view = contiguousView(shape);
  const output = { buffer: lowering.temporary(dtype, sizeOf(shape)), dtype, view };
  lowerMap(lowering, { kind: 'map', shape, inputs, expression, outputs: [output] });
  const load: Expression = { nodes: [{ kind: 'load', input: 0, dtype }], results: [0] };
  return { ...kernel, inputs: [output], expression: load };
}

/** The name that errors use for the kernel that computes a node. */
export function nodeName({ nodes }: Expression, index: number): string {
  const node = nodes[index];
  return node.kind === 'apply' ? node.primitive.name : 'copy';
}
