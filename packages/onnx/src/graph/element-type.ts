// What an element of an ONNX tensor is: the dtypes of Tessera, and two that only the graph uses.

import type { DType } from '@tessera/tensor';
import { TensorProto_DataType } from 'onnx-buf';

/** The type of an element: of tensors, of lists of sizes (int64) and of random words (uint32). */
export type ElementType = DType | 'int64' | 'uint32';

/** The number by which ONNX knows an element type. */
export const DATA_TYPES: { readonly [T in ElementType]: TensorProto_DataType } = {
  float32: TensorProto_DataType.FLOAT,
  int32: TensorProto_DataType.INT32,
  bool: TensorProto_DataType.BOOL,
  int64: TensorProto_DataType.INT64,
  uint32: TensorProto_DataType.UINT32,
};

/** Elements as ONNX stores them: side by side, in little-endian order, a byte for a bool. */
export function rawBytes(type: ElementType, elements: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const size = type === 'bool' ? 1 : type === 'int64' ? 8 : 4;
  const bytes = new Uint8Array(elements.length * size);
  const view = new DataView(bytes.buffer);
  const write: { readonly [T in ElementType]: (at: number, value: number) => void } = {
    float32: (at, value) => view.setFloat32(at, value, true),
    int32: (at, value) => view.setInt32(at, value, true),
    bool: (at, value) => view.setUint8(at, value),
    int64: (at, value) => view.setBigInt64(at, BigInt(value), true),
    uint32: (at, value) => view.setUint32(at, value, true),
  };
  for (let i = 0; i < elements.length; i++) write[type](i * size, elements[i]);
  return bytes;
}
