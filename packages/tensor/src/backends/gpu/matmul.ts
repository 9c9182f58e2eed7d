import type { CallKernel } from '../../compile/kernel.ts';
import { mergeAxes } from './axes.ts';
import type { MatrixProduct } from './dispatch.ts';
import type { Lowering } from './lowering.ts';
import { offsetText, spread } from './threads.ts';
import { floatText, KernelWriter } from './writer.ts';

/** `y[…, m, n] = Σ_k a[…, m, k] · b[…, k, n]`, one thread for each element, whatever the strides. */
export function lowerMatmul(lowering: Lowering, kernel: CallKernel): void {
  const [a, b] = kernel.inputs;
  const [{ buffer }] = kernel.outputs;
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
  const isOneBatch = batch.shape.length <= 1 && a.buffer !== b.buffer;
  const product: MatrixProduct | undefined = isOneBatch
    ? {
        rows: m,
        columns: n,
        inner: k,
        batch: batch.shape[0] ?? 1,
        left: {
          offset: a.view.offset,
          rowStride: aRow,
          columnStride: aInner,
          batchStride: batch.strides[0][0] ?? 0,
        },
        right: {
          offset: b.view.offset,
          rowStride: bInner,
          columnStride: bColumn,
          batchStride: batch.strides[1][0] ?? 0,
        },
      }
    : undefined;
  lowering.add(writer.finish('matmul', output, sum, buffer, product));
}
