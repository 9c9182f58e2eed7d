// Reads at computed indices (gather) and sums at computed indices (scatterAdd), with index checks.

import type { CallKernel } from '../../plan/kernel.ts';
import { allocateArray, type TypedArray } from '../../array/dtype.ts';
import { forEachOffset, gatherElements } from '../../array/elements.ts';
import { indexError, type GatherParams } from '../../primitives/gather.ts';
import { rowMajorStrides, sizeOf, type Shape } from '../../array/shape.ts';
import type { View } from '../../array/view.ts';
import { allocateFloat64 } from './workspace.ts';

/** `y[…, i, …] = x[…, index[…, i, …], …]` along axis. */
export function gather(
  kernel: CallKernel,
  { axis }: GatherParams['gather'],
): (buffers: readonly TypedArray[]) => void {
  const [x, index] = kernel.inputs;
  const [y] = kernel.outputs;
  const starts = startsAlong(x.view, index.view.shape, axis);
  const stride = x.view.strides[axis];
  return (buffers) => {
    const indices = gatherElements(buffers[index.buffer], 'int32', index.view);
    const elements = buffers[x.buffer];
    const out = buffers[y.buffer];
    let i = 0;
    forEachOffset(starts, (start) => {
      checkIndex('gather', indices[i], x.view.shape, axis);
      out[y.view.offset + i] = elements[start + indices[i] * stride];
      i++;
    });
  };
}

/** `y = 0; y[…, index[…, i, …], …] += source[…, i, …]` along axis, summed in float64 (int32: modulo 2³²). */
export function scatterAdd(
  kernel: CallKernel,
  { axis, shape }: GatherParams['scatterAdd'],
): (buffers: readonly TypedArray[]) => void {
  const [index, source] = kernel.inputs;
  const [y] = kernel.outputs;
  const strides = rowMajorStrides(shape);
  const starts = startsAlong({ shape, strides, offset: 0 }, index.view.shape, axis);
  return (buffers) => {
    const indices = gatherElements(buffers[index.buffer], 'int32', index.view);
    const elements = gatherElements(buffers[source.buffer], source.dtype, source.view);
    const size = sizeOf(shape);
    const sums =
      source.dtype === 'int32'
        ? allocateArray('int32', size, 'scatterAdd')
        : allocateFloat64(size, 'scatterAdd');
    let i = 0;
    forEachOffset(starts, (start) => {
      checkIndex('scatterAdd', indices[i], shape, axis);
      sums[start + indices[i] * strides[axis]] += elements[i];
      i++;
    });
    buffers[y.buffer].set(sums, y.view.offset);
  };
}

/** A view of the places that `index` would read in `view` if all indices were 0. */
function startsAlong(view: View, index: Shape, axis: number): View {
  const strides = view.strides.map((stride, i) => (i === axis ? 0 : stride));
  return { shape: index, strides, offset: view.offset };
}

function checkIndex(op: string, index: number, shape: Shape, axis: number): void {
  if (index >= 0 && index < shape[axis]) return;
  throw indexError(op, index, shape, axis);
}
