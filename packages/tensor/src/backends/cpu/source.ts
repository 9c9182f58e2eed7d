// New tensors without operands, or from a key: counting numbers and random bits.

import type { CallKernel } from '../../plan/kernel.ts';
import type { TypedArray } from '../../array/dtype.ts';
import type { SourceParams } from '../../primitives/source.ts';
import { threefry2x32 } from '../../primitives/threefry.ts';
import { sizeOf } from '../../array/shape.ts';

/** `y[i] = i`. */
export function iota(
  kernel: CallKernel,
  { size }: SourceParams['iota'],
): (buffers: readonly TypedArray[]) => void {
  const [{ buffer, view }] = kernel.outputs;
  return (buffers) => {
    for (let i = 0; i < size; i++) buffers[buffer][view.offset + i] = i;
  };
}

/** `y[i]` = the top `width` bits of the xor of both words of `threefry2x32(key, (0, start + i))`. */
export function randomBits(
  kernel: CallKernel,
  { shape, width, start }: SourceParams['randomBits'],
): (buffers: readonly TypedArray[]) => void {
  const [key] = kernel.inputs;
  const [y] = kernel.outputs;
  const size = sizeOf(shape);
  return (buffers) => {
    const elements = buffers[key.buffer];
    const key0 = elements[key.view.offset];
    const key1 = elements[key.view.offset + key.view.strides[0]];
    const out = buffers[y.buffer];
    for (let i = 0; i < size; i++) {
      const words = threefry2x32(key0, key1, 0, start + i);
      const word = words[0] ^ words[1];
      out[y.view.offset + i] = width === 32 ? word : word >>> (32 - width);
    }
  };
}
