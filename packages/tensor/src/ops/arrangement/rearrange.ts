// tile and roll: a tensor repeated as a whole, or shifted along its axes with wrap-around.

import { checkTensors } from '../../arguments.ts';
import { ShapeError, ValueError } from '../../errors.ts';
import { checkShape, normalizeAxis, type Shape } from '../../array/shape.ts';
import type { Tensor } from '../../tensor.ts';
import { concat } from './combine.ts';

/**
 * Repeats x as a whole, `repetitions[i]` times along dimension i: `[1, 2]` twice is `[1, 2, 1, 2]`.
 *
 * @param x Any shape. The shorter one of its shape and `repetitions` gets ones in front.
 * @param repetitions Whole numbers of at least 0.
 * @throws ShapeError if a number of repetitions is not a whole number of at least 0.
 * @example
 * tile(tensor([[1, 2]]), [2, 2]); // [[1, 2, 1, 2], [1, 2, 1, 2]]
 */
export function tile(x: Tensor, repetitions: Shape): Tensor {
  checkTensors('tile', { x });
  checkShape('tile', repetitions);
  const rank = Math.max(x.rank, repetitions.length);
  const filled = (sizes: Shape): number[] => [
    ...new Array<number>(rank - sizes.length).fill(1),
    ...sizes,
  ];
  const shape = filled(x.shape);
  const counts = filled(repetitions);
  return x
    .reshape(shape.flatMap((n) => [1, n]))
    .expand(shape.flatMap((n, i) => [counts[i], n]))
    .reshape(shape.map((n, i) => n * counts[i]));
}

/**
 * Shifts x along `axes`: elements that leave at the end come back at the start.
 *
 * @param shifts The distance for each axis; negative ones shift towards the start.
 * @param axes The axes, as many as there are shifts.
 * @throws AxisError if an axis does not exist, ShapeError if the numbers of shifts and axes differ.
 * @example
 * roll(tensor([1, 2, 3, 4]), 1, 0); // [4, 1, 2, 3]
 */
export function roll(
  x: Tensor,
  shifts: number | readonly number[],
  axes: number | readonly number[],
): Tensor {
  checkTensors('roll', { x });
  const by = [shifts].flat();
  const along = [axes].flat();
  if (by.length !== along.length) {
    throw new ShapeError(
      'roll',
      `${by.length} shifts for ${along.length} axes: one each expected.`,
      [x.shape],
    );
  }
  if (!by.every(Number.isInteger)) {
    throw new ValueError('roll', `shifts must be whole numbers, but got [${by.join(', ')}].`);
  }
  return along.reduce((y, axis, i) => {
    const n = y.shape[normalizeAxis('roll', axis, y.rank)];
    const start = n === 0 ? 0 : ((by[i] % n) + n) % n;
    const [left, right] = y.split([n - start, start], axis);
    return start === 0 ? y : concat([right, left], axis);
  }, x);
}
