// nonzero, maskedSelect and unique: results whose size depends on the values.

import { checkTensors } from '../../arguments.ts';
import { tensor } from '../../create.ts';
import type { TypedArray } from '../../array/dtype.ts';
import { expectBool } from '../../methods/arithmetic.ts';
import { broadcastShapes, rowMajorStrides } from '../../array/shape.ts';
import type { Tensor } from '../../tensor.ts';
import { indexSelect } from './gather.ts';
import { expectReadable } from '../elementwise/readable.ts';
import { argsort } from './sort.ts';

/** The distinct values of a tensor. */
export interface Unique {
  /** `[count]`, ascending, with the dtype of the tensor. */
  readonly values: Tensor;
  /** int32 of the shape of the tensor: for each element the index of its value. */
  readonly inverse: Tensor;
  /** int32 `[count]`: how often each value occurs. */
  readonly counts: Tensor;
}

/**
 * Finds the indices of the elements that are not 0 (or are true), in row-major order, one row per element, as
 * `torch.nonzero`. The column of dimension i is `select(1, i)`; these columns are NumPy's tuple.
 *
 * Their number depends on values, so it needs `await` and cannot be used inside `compile` and `grad`. There,
 * use `where` and a mask.
 *
 * @param x Any shape and dtype; NaN is not 0.
 * @returns int32 `[count, rank of x]`.
 * @throws StateError inside of `compile` and `grad`.
 * @example
 * await nonzero(tensor([[1, 0], [0, 2]])); // [[0, 0], [1, 1]]
 */
export function nonzero(x: Tensor): Promise<Tensor> {
  return placesOf('nonzero', x).then((places) => {
    const strides = rowMajorStrides(x.shape);
    const index = places.flatMap((place) =>
      strides.map((stride, i) => Math.floor(place / stride) % x.shape[i]),
    );
    return tensor(Int32Array.from(index), { shape: [places.length, x.rank] });
  });
}

/**
 * Takes the elements of x where `mask` is true, in row-major order, as a vector: NumPy's `x[mask]`. It reads
 * them with `indexSelect`.
 *
 * Their number depends on values, so it needs `await` and cannot be used inside `compile` and `grad`. There,
 * use `where`.
 *
 * @param x Any shape and dtype.
 * @param mask bool; it and x broadcast.
 * @returns `[count]`, of the dtype of x.
 * @throws DTypeError if the mask is not bool, StateError inside of `compile` and `grad`.
 * @example
 * const x = tensor([1, -2, 3]);
 * await maskedSelect(x, x.greater(0)); // [1, 3]
 */
export function maskedSelect(x: Tensor, mask: Tensor): Promise<Tensor> {
  checkTensors('maskedSelect', { x, mask });
  expectBool('maskedSelect', mask);
  const shape = broadcastShapes('maskedSelect', x.shape, mask.shape);
  const flat = x.expand(shape).flatten();
  return placesOf('maskedSelect', mask.expand(shape)).then((places) =>
    indexSelect(flat, tensor(Int32Array.from(places)), 0),
  );
}

/**
 * Finds the distinct values of x in ascending order, the index of each element's value, and how often each
 * value occurs. All NaN are one value, the last one, as in NumPy; −0 is 0.
 *
 * Their number depends on values, so it needs `await` and cannot be used inside `compile` and `grad`.
 *
 * @param x Any shape and dtype.
 * @throws StateError inside of `compile` and `grad`.
 * @example
 * const { values, inverse, counts } = await unique(tensor([3, 1, 3, 2]));
 * values; // [1, 2, 3]
 * inverse; // [2, 0, 2, 1]
 * counts; // [1, 1, 2]
 */
export function unique(x: Tensor): Promise<Unique> {
  checkTensors('unique', { x });
  expectReadable('unique', x);
  const flat = x.flatten();
  return Promise.all([flat.data(), argsort(flat).data()]).then(([elements, order]) => {
    const { firsts, counts, inverse } = groupsOf(elements, order);
    return {
      values: indexSelect(flat, tensor(Int32Array.from(firsts)), 0),
      inverse: tensor(inverse, { shape: x.shape }),
      counts: tensor(Int32Array.from(counts)),
    };
  });
}

/** The first place and the count of each value, and the value's index for each element. */
interface Groups {
  readonly firsts: readonly number[];
  readonly counts: readonly number[];
  readonly inverse: Int32Array;
}

function groupsOf(elements: TypedArray, order: TypedArray): Groups {
  const firsts: number[] = [];
  const counts: number[] = [];
  const inverse = new Int32Array(elements.length);
  for (const place of order) {
    const [value, before] = [elements[place], elements[firsts.at(-1) ?? place]];
    const isKnown = value === before || (Number.isNaN(value) && Number.isNaN(before));
    if (firsts.length === 0 || !isKnown) {
      firsts.push(place);
      counts.push(0);
    }
    counts[counts.length - 1]++;
    inverse[place] = counts.length - 1;
  }
  return { firsts, counts, inverse };
}

/** The row-major places of the elements of x that are not 0. */
function placesOf(op: string, x: Tensor): Promise<number[]> {
  checkTensors(op, { x });
  expectReadable(op, x);
  return x
    .cast('bool')
    .data()
    .then((truths) => {
      const places: number[] = [];
      truths.forEach((truth, place) => {
        if (truth !== 0) places.push(place);
      });
      return places;
    });
}
