// Kernels for sums and maxima: one thread for each result, long rows in two passes.

import type { ReduceKernel } from '../../../plan/kernel.ts';
import type { DType } from '../../../array/dtype.ts';
import type { ReduceParams } from '../../../primitives/reduce.ts';
import { rowMajorStrides, sizeOf } from '../../../array/shape.ts';
import { mergeAxes, type Axes } from '../kernel/axes.ts';
import { addInts, largerInt, literalValue, writeExpression } from './expression.ts';
import type { Lowering } from '../kernel/lowering.ts';
import { nodeName, withFewInputs } from './map.ts';
import { offsetText } from '../kernel/threads.ts';
import { floatText, intHalves, KernelWriter, spreadOutput, type Value } from '../kernel/writer.ts';

/** Longest row of floats that one thread folds. Longer ones are slow, and their float sums inexact. */
const LONGEST_ROW = 256;

/** How an accumulator takes in one more element. */
type Fold = (writer: KernelWriter, accumulator: Value, element: Value) => Value;

const folds: Readonly<Record<keyof ReduceParams, Fold>> = {
  sum: (writer, accumulator, element) =>
    element.kind === 'int'
      ? addInts(writer, accumulator, element)
      : { kind: 'float', text: `${floatText(accumulator)} + ${floatText(element)}` },
  max: (writer, accumulator, element) =>
    element.kind === 'int'
      ? largerInt(writer, accumulator, element)
      : { kind: 'float', text: `larger(${floatText(accumulator)}, ${floatText(element)})` },
};

/**
 * Lowers a reduction, with one thread for each element of the result. A long reduction of floats takes two
 * dispatches: the first folds pieces of one axis, the second folds the results of the pieces.
 */
export function lowerReduce(lowering: Lowering, reduction: ReduceKernel): void {
  const kernel = withFewInputs(lowering, reduction, lowering.limits.inputs);
  const [output] = kernel.outputs;
  const axes = mergeAxes(
    kernel.shape,
    kernel.inputs.map(({ view }) => view.strides),
    kernel.axes,
  );
  const pieces = output.dtype === 'int32' ? null : piecesOf(axes);
  if (pieces === null) {
    writeReduction(lowering, kernel, axes, output.buffer);
    return;
  }
  const results = sizeOf(keptShape(axes));
  const partial = lowering.temporary(output.dtype, results * pieces.count);
  writeReduction(lowering, kernel, axes, partial, pieces);
  foldPieces(lowering, kernel, partial, pieces.count, results);
}

/** An axis cut into `count` pieces of `length`; the last piece may be shorter. */
interface Pieces {
  readonly axis: number;
  readonly length: number;
  readonly count: number;
}

/** The pieces of the longest reduced axis; `null` if the reduction is short. */
function piecesOf({ shape, reduced }: Axes): Pieces | null {
  const total = shape.reduce((n, size, i) => (reduced[i] ? n * size : n), 1);
  if (total <= LONGEST_ROW) return null;
  const axis = shape.reduce((a, size, i) => (reduced[i] && size > (shape[a] ?? 0) ? i : a), -1);
  const wanted = Math.min(shape[axis], Math.ceil(Math.sqrt(total)));
  const length = Math.ceil(shape[axis] / wanted);
  return { axis, length, count: Math.ceil(shape[axis] / length) };
}

function keptShape({ shape, reduced }: Axes): number[] {
  return shape.filter((_, i) => !reduced[i]);
}

function writeReduction(
  lowering: Lowering,
  { primitive, expression, inputs, outputs: [output] }: ReduceKernel,
  axes: Axes,
  buffer: number,
  pieces?: Pieces,
): void {
  const writer = new KernelWriter(lowering.sizes);
  const kept = keptShape(axes);
  const space = pieces === undefined ? kept : [pieces.count, ...kept];
  const threads = spreadOutput(space, output.dtype);
  const ofThread = pieces === undefined ? threads.indices : threads.indices.slice(1);
  const accumulator = openAccumulator(writer, primitive.initial(output.dtype), output.dtype);
  const indices: string[] = [];
  let nextKept = 0;
  axes.shape.forEach((_, axis) => {
    indices.push(axes.reduced[axis] ? '' : ofThread[nextKept++]);
  });
  const nest = (axis: number): void => {
    if (axis === axes.shape.length) {
      const [element] = writeExpression(writer, expression, expression.results, (i) =>
        writer.load(inputs[i], offsetText(inputs[i].view.offset, axes.strides[i], indices)),
      );
      const fold = folds[primitive.name as keyof ReduceParams];
      assign(writer, accumulator, fold(writer, accumulator, element));
      return;
    }
    if (!axes.reduced[axis]) {
      nest(axis + 1);
      return;
    }
    const cut = pieces?.axis === axis ? pieces : undefined;
    writer.loop(cut?.length ?? axes.shape[axis], (counter) => {
      indices[axis] =
        cut === undefined ? counter : `(${threads.indices[0]} * ${cut.length} + ${counter})`;
      const overhangs = cut !== undefined && cut.length * cut.count > axes.shape[axis];
      if (overhangs) writer.line(`if (${indices[axis]} < ${axes.shape[axis]}) {`);
      nest(axis + 1);
      if (overhangs) writer.line('}');
    });
  };
  nest(0);
  const name = `${primitive.name} of ${nodeName(expression, expression.results[0])}`;
  lowering.add(writer.finish(name, threads.output, threads.select(accumulator), buffer));
}

/** Folds `partial [count, results]` along its first axis. */
function foldPieces(
  lowering: Lowering,
  { primitive, outputs: [output] }: ReduceKernel,
  partial: number,
  count: number,
  results: number,
): void {
  const writer = new KernelWriter(lowering.sizes);
  const [stride] = rowMajorStrides([count, results]);
  const threads = spreadOutput([results], output.dtype);
  const accumulator = openAccumulator(writer, primitive.initial(output.dtype), output.dtype);
  writer.loop(count, (counter) => {
    const offset = offsetText(0, [stride, 1], [counter, threads.indices[0]]);
    const element = writer.load({ buffer: partial, dtype: output.dtype }, offset);
    const fold = folds[primitive.name as keyof ReduceParams];
    assign(writer, accumulator, fold(writer, accumulator, element));
  });
  const name = `${primitive.name} of pieces`;
  lowering.add(writer.finish(name, threads.output, threads.select(accumulator), output.buffer));
}

/** Writes variables that start at a number. */
function openAccumulator(writer: KernelWriter, initial: number, dtype: DType): Value {
  const start = literalValue(writer, initial, dtype);
  const variable = (text: string): string => {
    const name = writer.name('s');
    writer.line(`let ${name} = ${text};`);
    return name;
  };
  if (start.kind === 'float') return { kind: 'float', text: variable(start.text) };
  return { kind: 'int', high: variable(start.high), low: variable(start.low) };
}

function assign(writer: KernelWriter, variable: Value, value: Value): void {
  if (variable.kind === 'float') {
    writer.line(`${variable.text} = ${floatText(value)};`);
    return;
  }
  const { high, low } = intHalves(value);
  writer.line(`${variable.high} = ${high};`);
  writer.line(`${variable.low} = ${low};`);
}
