// Batched matrix products of operands with any strides, one gemm for each matrix of the batch.

import type { CallKernel, Operand } from '../../plan/kernel.ts';
import type { TypedArray } from '../../array/dtype.ts';
import { forEachOffset } from '../../array/elements.ts';
import { gemm, type Matrix } from './gemm.ts';

/** `y[…, m, n] = Σ_k a[…, m, k] · b[…, k, n]`, one {@link gemm} for each index of the batch. */
export function matmul(kernel: CallKernel): (buffers: readonly TypedArray[]) => void {
  const [a, b] = kernel.inputs;
  const [y] = kernel.outputs;
  const [m, k] = a.view.shape.slice(-2);
  const n = b.view.shape[b.view.shape.length - 1];
  const offsetsOfA = matrixOffsets(a);
  const offsetsOfB = matrixOffsets(b);
  return (buffers) => {
    const out = buffers[y.buffer] as Float32Array;
    for (const [i, offset] of offsetsOfA.entries()) {
      const left = matrixAt(a, offset, buffers);
      const right = matrixAt(b, offsetsOfB[i], buffers);
      gemm(m, n, k, left, right, out, y.view.offset + i * m * n, false);
    }
  };
}

/** The offset of the matrix for each index of the batch. */
function matrixOffsets({ view }: Operand): number[] {
  const offsets: number[] = [];
  const batch = {
    shape: view.shape.slice(0, -2),
    strides: view.strides.slice(0, -2),
    offset: view.offset,
  };
  forEachOffset(batch, (offset) => {
    offsets.push(offset);
  });
  return offsets;
}

function matrixAt(
  { buffer, view }: Operand,
  offset: number,
  buffers: readonly TypedArray[],
): Matrix {
  const [rowStride, columnStride] = view.strides.slice(-2);
  return { elements: buffers[buffer] as Float32Array, offset, rowStride, columnStride };
}
