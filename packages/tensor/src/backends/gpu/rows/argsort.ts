// Argsort as a merge sort, with one kernel for every doubling of the sorted runs.

import type { CallKernel } from '../../../plan/kernel.ts';
import type { SortParams } from '../../../primitives/sort.ts';
import { rowMajorStrides, sizeOf } from '../../../array/shape.ts';
import type { Lowering } from '../kernel/lowering.ts';
import { offsetText } from '../kernel/threads.ts';
import { floatText, intHalves, KernelWriter, spreadOutput, type Value } from '../kernel/writer.ts';

/**
 * Sorts the indices of each row along the last axis: a merge sort with a dispatch for every doubling of the
 * sorted runs. A thread finds the element for its place in the merged run by bisection: how many elements of
 * the left run come before that place.
 *
 * Source: Green, McColl & Bader 2012, "GPU merge path: a GPU merging algorithm".
 */
export function lowerArgsort(
  lowering: Lowering,
  kernel: CallKernel,
  { descending }: SortParams['argsort'],
): void {
  const [x] = kernel.inputs;
  const [y] = kernel.outputs;
  const n = x.view.shape[x.view.shape.length - 1];
  let order: number | null = null;
  for (let width = 1; ; width *= 2) {
    const isLast = 2 * width >= n;
    const writes = isLast ? y.buffer : lowering.temporary('float32', sizeOf(x.view.shape));
    mergeRuns(lowering, { x, descending, order, width, isLast, writes });
    if (isLast) return;
    order = writes;
  }
}

/** One doubling: runs of `width` elements become runs of twice as many. */
interface Merge {
  readonly x: CallKernel['inputs'][number];
  readonly descending: boolean;
  /** The slot with the order so far; `null` in the first merge, which reads the elements as they stand. */
  readonly order: number | null;
  readonly width: number;
  readonly isLast: boolean;
  readonly writes: number;
}

function mergeRuns(lowering: Lowering, merge: Merge): void {
  const { x, descending, order, width, isLast, writes } = merge;
  const { shape, strides, offset } = x.view;
  const last = shape.length - 1;
  const n = shape[last];
  const writer = new KernelWriter(lowering.sizes);
  const { output, indices, select } = spreadOutput(shape, isLast ? 'int32' : 'float32');
  const rows = indices.slice(0, last);
  const rowOfX = offsetText(offset, strides, rows);
  const rowOfOrder = offsetText(0, rowMajorStrides(shape), rows);
  /** The index and the element at a place of the row. */
  const at = (place: string): { readonly index: string; readonly element: Value } => {
    const inside = writer.local(`Math.min(${place}, ${n - 1})`);
    const load = (buffer: number): string =>
      floatText(writer.load({ buffer, dtype: 'float32' }, `place(${rowOfOrder}, 1, ${inside})`));
    const index = order === null ? inside : load(order);
    return { index, element: writer.load(x, `place(${rowOfX}, ${strides[last]}, ${index})`) };
  };

  const pair = writer.local(`quotient(${indices[last]}, ${2 * width})`);
  const start = writer.local(`${pair} * ${2 * width}`);
  const place = writer.local(`${indices[last]} - ${start}`);
  const left = writer.local(`Math.min(${width}, ${n} - ${start})`);
  const right = writer.local(`Math.max(0, Math.min(${width}, ${n - width} - ${start}))`);
  // The number of elements of the left run that come before: at least `low`, at most `high`.
  const low = writer.name('s');
  const high = writer.name('s');
  writer.line(`let ${low} = Math.max(0, ${place} - ${right});`);
  writer.line(`let ${high} = Math.min(${place}, ${left});`);
  writer.loop(Math.ceil(Math.log2(width + 1)), () => {
    writer.line(`if (${low} < ${high}) {`);
    const middle = writer.local(`Math.floor((${low} + ${high}) * 0.5)`);
    const a = at(`${start} + ${middle}`);
    const b = at(`${start} + ${width - 1} + ${place} - ${middle}`);
    writer.line(`if (${precedes(writer, b.element, a.element, descending)} > 0.5) {`);
    writer.line(`${high} = ${middle};`);
    writer.line('} else {');
    writer.line(`${low} = ${middle} + 1;`);
    writer.line('}');
    writer.line('}');
  });
  const a = at(`${start} + ${low}`);
  const b = at(`${start} + ${width} + ${place} - ${low}`);
  const isBFirst = precedes(writer, b.element, a.element, descending);
  const takesB = `${low} >= ${left} || (${place} - ${low} < ${right} && ${isBFirst} > 0.5)`;
  const index = writer.local(`${takesB} ? ${b.index} : ${a.index}`);
  const upper = writer.local(`Math.floor(${index} / 65536)`);
  const lower = writer.local(`${index} - ${upper} * 65536`);
  const result: Value = isLast
    ? { kind: 'int', high: upper, low: lower }
    : { kind: 'float', text: index };
  lowering.add(writer.finish('argsort', output, select(result), writes));
}

/** 1 if b comes strictly before a, else 0. Tests NaN by its bits, since a GPU may compare NaN in any way. */
function precedes(writer: KernelWriter, b: Value, a: Value, descending: boolean): string {
  const [less, more] = descending ? [a, b] : [b, a];
  if (a.kind === 'int') {
    const [p, q] = [intHalves(less), intHalves(more)];
    const condition = `${p.high} < ${q.high} || (${p.high} === ${q.high} && ${p.low} < ${q.low})`;
    return writer.local(`${condition} ? 1 : 0`);
  }
  const [p, q] = [floatText(less), floatText(more)];
  const isLess = writer.local(`${p} < ${q} ? 1 : 0`);
  const isNumber = writer.local(`1 - isNan(${p})`);
  return writer.local(`${isNumber} * (isNan(${q}) > 0.5 ? 1 : ${isLess})`);
}
