// Reads the values of a tensor back to JavaScript, and gives up the storage of disposed tensors.

import type { Range, TypedArray } from '../array/dtype.ts';
import { gatherElements } from '../array/elements.ts';
import { formatSpec, DISPOSED, ShapeError, StateError } from '../errors.ts';
import type { Tensor, TensorValue } from '../tensor.ts';
import { rangeOf, type View } from '../array/view.ts';

/** The value of a tensor without storage: one number, repeated everywhere. */
type UniformValue = Extract<TensorValue, { readonly kind: 'uniform' }>;

/** The elements in row-major order; resolves when the backend has them. */
export async function read(x: Tensor): Promise<TypedArray> {
  const { value } = x;
  if (value.kind !== 'stored') return readSync(x);
  const { storage, view } = value;
  const range = rangeOf(view);
  return gatherElements(await storage.backend.read(storage, range), x.dtype, within(view, range));
}

/** The elements in row-major order, at once. */
export function readSync(x: Tensor): TypedArray {
  const { value, shape, dtype } = x;
  if (value.kind === 'traced') {
    throw new StateError(
      'data',
      `the values of ${formatSpec(x)} are not known while compile traces the function. Return the tensor and read it outside.`,
    );
  }
  if (value.kind === 'uniform') {
    return gatherElements([numberOf('data', value)], dtype, {
      shape,
      strides: shape.map(() => 0),
      offset: 0,
    });
  }
  const { storage, view } = value;
  const range = rangeOf(view);
  return gatherElements(storage.backend.readSync(storage, range), dtype, within(view, range));
}

/**
 * The number that a tensor without storage repeats.
 *
 * @throws StateError if the tensor was donated or disposed.
 */
export function numberOf(op: string, { value, loss }: UniformValue): number {
  if (loss !== undefined) throw new StateError(op, loss);
  return value;
}

/**
 * Gives up the storage of a tensor. The tensor and every view of it throw on any further use, with `loss`.
 */
export function giveUp({ value }: Tensor, loss: string = DISPOSED): void {
  if (value.kind === 'stored') value.storage.backend.release(value.storage, loss);
  if (value.kind === 'uniform') value.loss ??= loss;
}

/** The same view, for the array that holds only the elements of the range. */
function within(view: View, { begin }: Range): View {
  return { ...view, offset: view.offset - begin };
}

/** Throws a ShapeError unless x has exactly one element. */
export function expectSingle(x: Tensor): void {
  if (x.size === 1) return;
  throw new ShapeError(
    'item',
    `${formatSpec(x)} holds ${x.size} elements, not one. Use data() or toArray().`,
    [x.shape],
  );
}
