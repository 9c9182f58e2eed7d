// What reshape, permute, slice, pad, split and the other methods of shape do.

import { checkList, kindOf } from '../arguments.ts';
import { AxisError, formatShape, ShapeError, ValueError } from '../errors.ts';
import { apply } from '../interpreter.ts';
import { assembly, movement } from '../primitives/movement.ts';
import {
  checkShape,
  inferReshape,
  normalizeAxes,
  normalizeAxis,
  resolveSlice,
  sameShape,
  sizeOf,
  type Shape,
} from '../array/shape.ts';
import type { Axes, SliceSpec, Tensor } from '../tensor.ts';
import { checkNumber, constant } from './arithmetic.ts';

/** Reshapes; one size may be -1. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const target = inferReshape('reshape', x.shape, shape);
  return sameShape(target, x.shape) ? x : apply(movement.reshape, [x], { shape: target })[0];
}

/** Reorders the dimensions; axes may count from the end. */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  checkList('permute', 'axes', axes, '[1, 0]');
  const order = axes.map((axis) => normalizeAxis('permute', axis, x.rank));
  const still = order.length === x.rank && order.every((axis, i) => axis === i);
  return still ? x : apply(movement.permute, [x], { axes: order })[0];
}

/** Joins the dimensions `start` to `end`, both included. */
export function flatten(x: Tensor, start: number, end: number): Tensor {
  if (x.rank === 0) return reshape(x, [1]);
  const from = normalizeAxis('flatten', start, x.rank);
  const to = normalizeAxis('flatten', end, x.rank);
  if (to < from) {
    const text = `the first axis ${start} of ${formatShape(x.shape)} comes after the last axis, ${end}.`;
    throw new AxisError('flatten', text, start, x.rank);
  }
  const joined = sizeOf(x.shape.slice(from, to + 1));
  return reshape(x, [...x.shape.slice(0, from), joined, ...x.shape.slice(to + 1)]);
}

/** Swaps two dimensions. */
export function transpose(x: Tensor, a: number, b: number): Tensor {
  const order = x.shape.map((_, i) => i);
  const first = normalizeAxis('transpose', a, x.rank);
  const second = normalizeAxis('transpose', b, x.rank);
  order[first] = second;
  order[second] = first;
  return permute(x, order);
}

/** Broadcasts to `shape`. */
export function expand(x: Tensor, shape: Shape): Tensor {
  checkShape('expand', shape);
  return sameShape(shape, x.shape) ? x : apply(movement.expand, [x], { shape })[0];
}

/** Drops one dimension of size 1, or all of them. */
export function squeeze(x: Tensor, axis: number | null): Tensor {
  if (axis === null)
    return reshape(
      x,
      x.shape.filter((n) => n !== 1),
    );
  const at = normalizeAxis('squeeze', axis, x.rank);
  if (x.shape[at] !== 1) {
    throw new ShapeError(
      'squeeze',
      `axis ${axis} of ${formatShape(x.shape)} has size ${x.shape[at]}, not 1.`,
      [x.shape],
    );
  }
  return reshape(
    x,
    x.shape.filter((_, i) => i !== at),
  );
}

/** Inserts a dimension of size 1. */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  const at = normalizeAxis('unsqueeze', axis, x.rank + 1);
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}

/** Reverses the order along axes. */
export function flip(x: Tensor, axes: Axes): Tensor {
  const flipped = normalizeAxes('flip', axes, x.rank);
  return slice(
    x,
    x.shape.map((_, i) => (flipped.includes(i) ? [null, null, -1] : null)),
  );
}

/** Takes Python slices of the leading dimensions. */
export function slice(x: Tensor, ranges: readonly SliceSpec[]): Tensor {
  checkList('slice', 'ranges', ranges, '[[1, 3]]');
  ranges.forEach((range, i) => {
    checkList('slice', `range ${i}`, range ?? [], '[[1, 3]], or null for all');
  });
  if (ranges.length > x.rank) {
    throw new ShapeError(
      'slice',
      `${ranges.length} ranges for ${formatShape(x.shape)} of rank ${x.rank}.`,
      [x.shape],
    );
  }
  const resolved = x.shape.map((n, i) => resolveSlice('slice', ranges[i] ?? [], n));
  if (resolved.every(({ size, step }, i) => size === x.shape[i] && step === 1)) return x;
  return apply(movement.slice, [x], {
    starts: resolved.map(({ start }) => start),
    sizes: resolved.map(({ size }) => size),
    steps: resolved.map(({ step }) => step),
  })[0];
}

/** Slices one axis. */
function sliceAxis(x: Tensor, axis: number, range: SliceSpec): Tensor {
  return slice(
    x,
    x.shape.map((_, i) => (i === axis ? range : null)),
  );
}

/** Takes one entry along an axis; the result does not have the axis. */
export function select(x: Tensor, axis: number, index: number): Tensor {
  const at = normalizeAxis('select', axis, x.rank);
  const n = x.shape[at];
  if (!Number.isInteger(index) || index < -n || index >= n) {
    throw new ValueError(
      'select',
      `index ${kindOf(index)} is outside axis ${axis} of ${formatShape(x.shape)}.`,
    );
  }
  const start = index < 0 ? index + n : index;
  return squeeze(sliceAxis(x, at, [start, start + 1]), at);
}

/** Surrounds x by `value`. */
export function pad(
  x: Tensor,
  amounts: readonly (readonly [number, number])[],
  value: number,
): Tensor {
  checkList('pad', 'amounts', amounts, '[[1, 1], [0, 0]]');
  amounts.forEach((pair, i) => {
    checkList('pad', `amount ${i}`, pair, '[1, 1]');
  });
  if (amounts.length !== x.rank) {
    throw new ShapeError(
      'pad',
      `${amounts.length} [before, after] pairs for ${formatShape(x.shape)}: one for each dimension expected.`,
      [x.shape],
    );
  }
  checkNumber('pad', value, x.dtype);
  if (amounts.every(([before, after]) => before === 0 && after === 0)) return x;
  const params = {
    before: amounts.map(([before]) => before),
    after: amounts.map(([, after]) => after),
    interior: amounts.map(() => 0),
  };
  const padded = apply(assembly.pad, [x], params)[0];
  if (value === 0) return padded;
  const inside = apply(assembly.pad, [constant(1, 'bool', x.shape)], params)[0];
  return inside.where(padded, constant(value, x.dtype, []));
}

/** Cuts an axis into pieces of the given sizes. */
export function split(x: Tensor, sizes: readonly number[], axis: number): Tensor[] {
  const at = normalizeAxis('split', axis, x.rank);
  checkList('split', 'sizes', sizes, '[2, 2]; for equal parts use chunk');
  checkShape('split', sizes);
  if (sizes.reduce((sum, n) => sum + n, 0) !== x.shape[at]) {
    throw new ShapeError(
      'split',
      `sizes [${sizes.join(', ')}] do not add up to ${x.shape[at]}, the size of axis ${axis} of ${formatShape(x.shape)}.`,
      [x.shape],
    );
  }
  let start = 0;
  return sizes.map((n) => {
    const piece = sliceAxis(x, at, [start, start + n]);
    start += n;
    return piece;
  });
}

/** Cuts an axis into equal pieces. */
export function chunk(x: Tensor, count: number, axis: number): Tensor[] {
  const n = x.shape[normalizeAxis('chunk', axis, x.rank)];
  if (!Number.isInteger(count) || count < 1 || n % count !== 0) {
    throw new ShapeError(
      'chunk',
      `axis ${axis} of ${formatShape(x.shape)} does not divide into ${kindOf(count)} equal parts.`,
      [x.shape],
    );
  }
  return split(x, new Array<number>(count).fill(n / count), axis);
}
