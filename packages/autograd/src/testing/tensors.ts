// Random float32 tensors for property tests, away from kinks and special values.

import { sizeOf, tensor, type Tensor } from '@tessera/tensor';
import fc from 'fast-check';
import { layouts } from './layouts.ts';

/** The interval of {@link floats}. */
export interface FloatOptions {
  /** Default −2. */
  readonly min?: number;
  /** Default 2. */
  readonly max?: number;
}

/**
 * float32 tensors of a shape whose elements lie on a grid of 128 numbers between `min` and `max`. The grid
 * avoids whole numbers and halves (in the default interval by 0.004), so no element is a special value. Use
 * them for functions that are smooth there, and {@link spacedFloats} for functions that compare.
 *
 * @example
 * fc.assert(fc.property(floats([2, 3]), (x) => x.neg().neg().equal(x).min().itemSync() === 1));
 */
export function floats(
  shape: readonly number[],
  { min = -2, max = 2 }: FloatOptions = {},
): fc.Arbitrary<Tensor> {
  const size = sizeOf(shape);
  return fc
    .array(fc.nat(127), { minLength: size, maxLength: size })
    .map((steps) => Float32Array.from(steps, (k) => min + ((k + 0.37) / 128) * (max - min)))
    .map((values) => tensor(values, { shape }));
}

/**
 * float32 tensors of a shape in which no two elements are closer than 0.1 and none lies within 0.04 of 0. So
 * a step of a gradient check changes neither order nor sign. Use them for functions with kinks (max, sort,
 * |x|).
 *
 * @example
 * fc.assert(fc.asyncProperty(spacedFloats([4]), async (x) => {
 *   await gradcheck((y: Tensor) => y.max(), [x]);
 * }));
 */
export function spacedFloats(shape: readonly number[]): fc.Arbitrary<Tensor> {
  const size = sizeOf(shape);
  const grid = Array.from({ length: 2 * size + 8 }, (_, i) => 0.1 * (i - size - 3.5));
  return fc
    .shuffledSubarray(grid, { minLength: size, maxLength: size })
    .map((values) => tensor(Float32Array.from(values), { shape }));
}

/**
 * {@link floats} that are not row-major in memory: permuted, reversed, with gaps.
 *
 * @example
 * fc.assert(fc.property(stridedFloats([2, 3]), (x) => x.transpose().transpose().shape[0] === 2));
 */
export function stridedFloats(
  shape: readonly number[],
  options: FloatOptions = {},
): fc.Arbitrary<Tensor> {
  return fc.tuple(floats(shape, options), layouts).map(([x, layout]) => layout(x));
}
