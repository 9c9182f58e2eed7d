import type { TypedArray } from '../dtype.ts';
import { gatherElements } from '../elements.ts';
import { ShapeError, StateError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';

/** The elements in row-major order, when the backend has them. */
export async function read(x: Tensor): Promise<TypedArray> {
  const { value } = x;
  if (value.kind !== 'stored') return readSync(x);
  return gatherElements(await value.storage.backend.read(value.storage), x.dtype, value.view);
}

/** The elements in row-major order, at once. */
export function readSync(x: Tensor): TypedArray {
  const { value, shape, dtype } = x;
  if (value.kind === 'traced') {
    throw new StateError(
      'data',
      `the values of ${x.toString()} are not known while compile traces the function. Return the tensor and read it outside.`,
    );
  }
  if (value.kind === 'uniform') {
    return gatherElements([value.value], dtype, {
      shape,
      strides: shape.map(() => 0),
      offset: 0,
    });
  }
  return gatherElements(value.storage.backend.readSync(value.storage), dtype, value.view);
}

/** Throws a ShapeError unless x has exactly one element. */
export function expectSingle(x: Tensor): void {
  if (x.size === 1) return;
  throw new ShapeError(
    'item',
    `${x.toString()} holds ${x.size} elements, not one. Use data() or toArray().`,
    [x.shape],
  );
}
