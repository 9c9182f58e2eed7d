// searchsorted, bincount and histogram: places in sorted vectors, and counts.

import { checkList, checkOptions, checkTensors, kindOf } from '../../arguments.ts';
import { linspace, ones, zeros } from '../../create.ts';
import { expectDType } from '../../array/dtype.ts';
import { formatShape, ShapeError, ValueError } from '../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import { scatterAdd } from '../indexing/gather.ts';
import { isNaN } from '../elementwise/logic.ts';
import { take } from '../indexing/take.ts';

/** Options of {@link searchsorted}. */
export interface SearchOptions {
  /** Whether the place is after equal elements instead of before them. Default false. */
  readonly right?: boolean;
}

/** Numbers of elements per interval. */
export interface Histogram {
  /** int32 `[bins]`. */
  readonly counts: Tensor;
  /** float32 `[bins + 1]`, ascending. */
  readonly edges: Tensor;
}

/**
 * Finds where `values` belong in an ascending vector: the number of its elements that are smaller (with
 * `right`: or equal). NaN counts as the largest number.
 *
 * @param sorted `[N]`, ascending; for an unsorted vector the result has no meaning.
 * @param values Any shape.
 * @returns int32 of the shape of `values`, from 0 to N; no gradient passes.
 * @throws ShapeError if `sorted` is not a vector.
 * @example
 * searchsorted(tensor([10, 20, 30]), tensor([5, 20, 35])); // [0, 1, 3]
 */
export function searchsorted(sorted: Tensor, values: Tensor, options: SearchOptions = {}): Tensor {
  checkTensors('searchsorted', { sorted, values });
  checkOptions('searchsorted', options, ['right']);
  if (sorted.rank !== 1) {
    throw new ShapeError(
      'searchsorted',
      `sorted must be a vector, but is ${formatShape(sorted.shape)}.`,
      [sorted.shape],
    );
  }
  const [n] = sorted.shape;
  let place = zeros(values.shape, 'int32');
  if (n === 0) return place;
  for (let step = 2 ** Math.floor(Math.log2(n)); step >= 1; step /= 2) {
    const next = place.add(step);
    const element = take(sorted, next.minimum(n).sub(1));
    const isBefore =
      options.right === true
        ? element.lessEqual(values).or(isNaN(values))
        : element.less(values).or(isNaN(values).and(isNaN(element).not()));
    place = next.lessEqual(n).and(isBefore).where(next, place);
  }
  return place;
}

/**
 * Counts how often each of `0 … length − 1` occurs in x, or sums the weights there.
 *
 * NumPy derives the length from the largest number. Here it is a parameter, so that this compiles.
 *
 * @param x int32 of any shape, each from 0 to `length − 1`.
 * @param length A whole number of at least 0.
 * @param weights The shape of x. Default `null`: 1 each.
 * @returns `[length]`, int32, or the dtype of the weights.
 * @throws ValueError, when it runs, if a number lies outside.
 * @example
 * bincount(tensor([1, 3, 1], { dtype: 'int32' }), 4); // [0, 2, 0, 1]
 */
export function bincount(x: Tensor, length: number, weights: Tensor | null = null): Tensor {
  checkTensors('bincount', { x, weights: weights ?? x });
  expectDType('bincount', x.dtype, ['int32']);
  checkWhole('bincount', 'length', length, 0);
  const each = weights ?? ones(x.shape, 'int32');
  return scatterAdd(x.flatten(), each.flatten(), 0, [length]);
}

/**
 * Counts the elements of x in each of `bins` intervals of equal length from `low` to `high`. An interval
 * includes its lower end, the last one both ends. Elements outside are not counted, nor is NaN.
 *
 * NumPy derives the range from x. Here it is a parameter, so that this compiles.
 *
 * @param x Any shape; int32 and bool count as float32.
 * @param bins A whole number of at least 1.
 * @param range `[low, high]`, finite.
 * @example
 * const { counts, edges } = histogram(tensor([0, 1, 1.5, 4, 9]), 2, [0, 4]);
 * counts; // [3, 1]
 * edges; // [0, 2, 4]
 */
export function histogram(x: Tensor, bins: number, range: readonly [number, number]): Histogram {
  checkTensors('histogram', { x });
  checkWhole('histogram', 'bins', bins, 1);
  checkList('histogram', 'the range', range, '[low, high]');
  const [low, high] = range;
  if (!(Number.isFinite(low) && Number.isFinite(high) && low < high)) {
    throw new ValueError(
      'histogram',
      `the range needs finite ends low < high, but is [${kindOf(low)}, ${kindOf(high)}].`,
    );
  }
  const edges = linspace(low, high, bins + 1);
  const y = x.cast('float32');
  const isInside = y.greaterEqual(edges.select(0, 0)).and(y.lessEqual(edges.select(0, bins)));
  const bin = searchsorted(edges, y, { right: true })
    .sub(1)
    .minimum(bins - 1);
  return { counts: bincount(isInside.where(bin, bins), bins + 1).slice([[0, bins]]), edges };
}

function checkWhole(op: string, name: string, value: number, smallest: number): void {
  if (Number.isSafeInteger(value) && value >= smallest) return;
  throw new ValueError(
    op,
    `${name} must be a whole number of at least ${smallest}, but is ${kindOf(value)}.`,
  );
}
