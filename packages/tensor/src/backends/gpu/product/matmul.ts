// Kernels for matrix products of operands with any strides, one thread for each result.

import type { CallKernel, Operand } from '../../../plan/kernel.ts';
import { mergeAxes } from '../kernel/axes.ts';
import type { MatrixProduct } from '../kernel/dispatch.ts';
import type { Lowering } from '../kernel/lowering.ts';
import { offsetText, spread } from '../kernel/threads.ts';
import { floatText, KernelWriter } from '../kernel/writer.ts';

/** Lowers `y = a b`, a kernel of the plan. */
export function lowerMatmul(lowering: Lowering, { inputs, outputs }: CallKernel): void {
  multiply(lowering, inputs[0], inputs[1], outputs[0].buffer);
}

/**
 * Adds the kernel of `y[…, m, n] = Σ_k a[…, m, k] · b[…, k, n]`, one thread per element, for any strides.
 * On WebGPU large products run in the blocked and tiled forms of `engines/product-forms.ts`.
 *
 * @param buffer The slot of y.
 */
export function multiply(lowering: Lowering, a: Operand, b: Operand, buffer: number): void {
  const [m, k] = a.view.shape.slice(-2);
  const n = b.view.shape[b.view.shape.length - 1];
  const [aRow, aInner] = a.view.strides.slice(-2);
  const [bInner, bColumn] = b.view.strides.slice(-2);
  const batch = mergeAxes(a.view.shape.slice(0, -2), [
    a.view.strides.slice(0, -2),
    b.view.strides.slice(0, -2),
  ]);
  const { output, indices } = spread([...batch.shape, m, n]);
  const writer = new KernelWriter(lowering.sizes);
  const [row, column] = indices.slice(-2);
  const outer = indices.slice(0, -2);
  const sum = writer.name('s');
  writer.line(`let ${sum} = 0;`);
  writer.loop(k, (counter) => {
    const left = offsetText(
      a.view.offset,
      [...batch.strides[0], aRow, aInner],
      [...outer, row, counter],
    );
    const right = offsetText(
      b.view.offset,
      [...batch.strides[1], bInner, bColumn],
      [...outer, counter, column],
    );
    const [x, y] = [floatText(writer.load(a, left)), floatText(writer.load(b, right))];
    writer.line(`${sum} = ${sum} + ${x} * ${y};`);
  });
  const product: MatrixProduct = {
    rows: m,
    columns: n,
    inner: k,
    batch: batch.shape,
    left: {
      array: writer.argument(a.buffer),
      offset: a.view.offset,
      rowStride: aRow,
      columnStride: aInner,
      batchStrides: batch.strides[0],
    },
    right: {
      array: writer.argument(b.buffer),
      offset: b.view.offset,
      rowStride: bInner,
      columnStride: bColumn,
      batchStrides: batch.strides[1],
    },
  };
  lowering.add(writer.finish('matmul', output, sum, buffer, { product }));
}
