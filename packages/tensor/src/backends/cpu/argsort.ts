// The order of each row along the last axis, by JavaScript's stable sort.

import type { CallKernel } from '../../plan/kernel.ts';
import type { TypedArray } from '../../array/dtype.ts';
import { gatherElements } from '../../array/elements.ts';
import type { SortParams } from '../../primitives/sort.ts';

/** Computes the order of each row along the last axis, by the stable sort of JavaScript. */
export function argsort(
  kernel: CallKernel,
  { descending }: SortParams['argsort'],
): (buffers: readonly TypedArray[]) => void {
  const [x] = kernel.inputs;
  const [y] = kernel.outputs;
  const n = x.view.shape[x.view.shape.length - 1];
  return (buffers) => {
    const elements = gatherElements(buffers[x.buffer], x.dtype, x.view);
    const out = buffers[y.buffer];
    for (let start = 0; start < elements.length; start += n) {
      const row = elements.subarray(start, start + n);
      const order = new Int32Array(row.length).map((_, i) => i);
      order.sort(
        descending ? (i, j) => compare(row[j], row[i]) : (i, j) => compare(row[i], row[j]),
      );
      out.set(order, y.view.offset + start);
    }
  };
}

/** Below 0 if a comes before b, 0 if they are equal; NaN comes after all numbers. */
function compare(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}
