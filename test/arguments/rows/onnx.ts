import * as onnx from '@tessera/onnx';
import { scalar, Tensor } from '@tessera/tensor';
import { rowsOf, type Row } from '../misuse.ts';

/** Takes whatever it is given. */
const f = (x: unknown): Tensor => (x instanceof Tensor ? x.square() : scalar(1));

const { bytes } = await onnx.toOnnx(() => scalar(1));

/** A row for every public function of the package. */
export const onnxRows: readonly Row[] = rowsOf(onnx, {
  toOnnx: [f, { shape: [2], dtype: 'float32' }],
  addMetadata: [bytes, { author: 'Ada' }],
}).map((row) => ({ ...row, takesMore: true }));
