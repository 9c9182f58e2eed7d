// Kernels for gather and scatterAdd: reads and sums at computed indices, without atomics.

import type { CallKernel } from '../../../plan/kernel.ts';
import type { GatherParams } from '../../../primitives/gather.ts';
import { addInts, literalValue } from '../elementwise/expression.ts';
import type { Lowering } from '../kernel/lowering.ts';
import { offsetText } from '../kernel/threads.ts';
import { floatText, intHalves, KernelWriter, spreadOutput, type Value } from '../kernel/writer.ts';

/**
 * `y[…, i, …] = x[…, index[…, i, …], …]` along axis. A GPU cannot throw for an index outside the axis, so it
 * gives NaN there (0 for int32 and bool).
 */
export function lowerGather(
  lowering: Lowering,
  kernel: CallKernel,
  { axis }: GatherParams['gather'],
): void {
  const [x, index] = kernel.inputs;
  const [y] = kernel.outputs;
  const writer = new KernelWriter(lowering.sizes);
  const { output, indices, select } = spreadOutput(y.view.shape, y.dtype);
  const at = readIndex(
    writer,
    writer.load(index, offsetText(index.view.offset, index.view.strides, indices)),
  );
  const others = x.view.strides.map((stride, i) => (i === axis ? 0 : stride));
  const start = offsetText(x.view.offset, others, indices);
  const inRange = writer.local(`${at} >= 0 && ${at} < ${x.view.shape[axis]} ? 1 : 0`);
  const safe = writer.local(`${inRange} > 0.5 ? ${at} : 0`);
  const value = writer.load(x, `place(${start}, ${x.view.strides[axis]}, ${safe})`);
  const outside = x.dtype === 'float32' ? 'notANumber(0)' : '0';
  const result = writer.local(select(value));
  lowering.add(
    writer.finish('gather', output, `${inRange} > 0.5 ? ${result} : ${outside}`, y.buffer),
  );
}

/**
 * `y = 0; y[…, index[…, i, …], …] += source[…, i, …]` along axis, without atomics: each element of y searches
 * the indices of its row for its own place. An index outside the axis adds to no element.
 */
export function lowerScatterAdd(
  lowering: Lowering,
  kernel: CallKernel,
  { axis, shape }: GatherParams['scatterAdd'],
): void {
  const [index, source] = kernel.inputs;
  const [y] = kernel.outputs;
  const writer = new KernelWriter(lowering.sizes);
  const { output, indices, select } = spreadOutput(shape, y.dtype);
  const zero = literalValue(writer, 0, y.dtype);
  const sums = (zero.kind === 'int' ? [zero.high, zero.low] : [zero.text]).map((start) => {
    const name = writer.name('s');
    writer.line(`let ${name} = ${start};`);
    return name;
  });
  const limits = index.view.shape.flatMap((size, i) =>
    i === axis || size === shape[i] ? [] : [`${indices[i]} < ${size}`],
  );
  if (limits.length > 0) writer.line(`if (${limits.join(' && ')}) {`);
  writer.loop(index.view.shape[axis], (counter) => {
    const place = indices.map((each, i) => (i === axis ? counter : each));
    const at = readIndex(
      writer,
      writer.load(index, offsetText(index.view.offset, index.view.strides, place)),
    );
    const own = writer.local(`${at} - ${indices[axis]}`);
    writer.line(`if (${own} === 0) {`);
    const element = writer.load(source, offsetText(source.view.offset, source.view.strides, place));
    if (element.kind === 'float') {
      writer.line(`${sums[0]} = ${sums[0]} + ${element.text};`);
    } else {
      const sum = intHalves(addInts(writer, { kind: 'int', high: sums[0], low: sums[1] }, element));
      writer.line(`${sums[0]} = ${sum.high};`);
      writer.line(`${sums[1]} = ${sum.low};`);
    }
    writer.line('}');
  });
  if (limits.length > 0) writer.line('}');
  const total: Value =
    y.dtype === 'int32'
      ? { kind: 'int', high: sums[0], low: sums[1] }
      : { kind: 'float', text: sums[0] };
  lowering.add(writer.finish('scatterAdd', output, select(total), y.buffer));
}

/** An index as one float, exact up to 2²⁴. */
function readIndex(writer: KernelWriter, value: Value): string {
  if (value.kind === 'float') return floatText(value);
  return writer.local(`${value.high} * 65536 + ${value.low}`);
}
