// Arithmetic on shapes: sizes, strides, axes, broadcasting, reshaping and slicing.

import { checkList, kindOf } from '../arguments.ts';
import { AxisError, formatShape, ShapeError, ValueError } from '../errors.ts';

/** Sizes of the dimensions, outermost first. `[]` is a scalar. */
export type Shape = readonly number[];

/**
 * Number of elements: the product of the sizes (1 for a scalar, 0 if any dimension is empty).
 *
 * @example
 * sizeOf([2, 3]); // 6
 * sizeOf([]); // 1
 */
export function sizeOf(shape: Shape): number {
  checkList('sizeOf', 'the shape', shape, '[2, 3]');
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/** Row-major strides in elements: the last dimension is contiguous. */
export function rowMajorStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

/** Whether two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** Checks that every size is a whole number of at least 0. */
export function checkShape(op: string, shape: Shape): void {
  if (!Array.isArray(shape)) {
    throw new ShapeError(
      op,
      `a shape is a list of sizes, but got ${kindOf(shape)}. Write [2, 3].`,
      [],
    );
  }
  if (shape.every((n) => Number.isSafeInteger(n) && n >= 0)) return;
  throw new ShapeError(
    op,
    `sizes must be whole numbers of at least 0, but got ${formatShape(shape)}.`,
    [shape],
  );
}

/** Turns an axis that may count from the end (-1 is the last) into `0..rank-1`. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(axis) && positive >= 0 && positive < rank) return positive;
  const range = rank === 0 ? 'a scalar has no axes' : `valid axes are ${-rank} to ${rank - 1}`;
  throw new AxisError(op, `axis ${kindOf(axis)} does not exist: ${range}.`, axis, rank);
}

/** Normalises one axis, a list or `null` (all axes) to ascending, distinct axes. */
export function normalizeAxes(
  op: string,
  axes: number | readonly number[] | null | undefined,
  rank: number,
): number[] {
  if (axes === null || axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = Array.isArray(axes) ? (axes as readonly number[]) : [axes as number];
  const normalized = list.map((axis) => normalizeAxis(op, axis, rank)).sort((a, b) => a - b);
  const repeated = normalized.find((axis, i) => i > 0 && axis === normalized[i - 1]);
  if (repeated !== undefined) {
    throw new AxisError(
      op,
      `axis ${repeated} is named twice in [${list.join(', ')}].`,
      repeated,
      rank,
    );
  }
  return normalized;
}

/**
 * The shape that all `shapes` broadcast to: aligned at the last dimension, a size of 1 (or a
 * missing dimension) stretches to the other size.
 *
 * @example
 * broadcastShapes('add', [4, 1], [3]); // [4, 3]
 */
export function broadcastShapes(op: string, ...shapes: Shape[]): number[] {
  for (const shape of shapes) checkShape(op, shape);
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    for (let i = 0; i < shape.length; i++) {
      const at = rank - shape.length + i;
      if (shape[i] === 1) continue;
      if (result[at] !== 1 && result[at] !== shape[i]) {
        const list = shapes.map(formatShape).join(' and ');
        throw new ShapeError(
          op,
          `shapes ${list} do not broadcast: sizes ${result[at]} and ${shape[i]} clash at axis ${at - rank}. ` +
            'Sizes must be equal or 1, aligned at the last axis.',
          shapes,
        );
      }
      result[at] = shape[i];
    }
  }
  return result;
}

/** Replaces one `-1` in `target` by the size that keeps the number of elements of `from`. */
export function inferReshape(op: string, from: Shape, target: Shape): number[] {
  checkList(op, 'the shape', target, '[2, -1]');
  const size = sizeOf(from);
  const unknown = target.filter((n) => n === -1).length;
  const known = sizeOf(target.filter((n) => n !== -1));
  const fits = unknown === 0 ? known === size : unknown === 1 && known > 0 && size % known === 0;
  if (fits && target.every((n) => Number.isInteger(n) && n >= -1)) {
    return target.map((n) => (n === -1 ? size / known : n));
  }
  throw new ShapeError(
    op,
    `cannot turn ${formatShape(from)} (${size} elements) into ${formatShape(target)}. ` +
      'The number of elements must stay the same; at most one size may be -1.',
    [from, target],
  );
}

/** Start, count and step of one sliced dimension. */
export interface SliceRange {
  readonly start: number;
  readonly size: number;
  readonly step: number;
}

/**
 * Resolves Python slice semantics: `null` or `undefined` take the default, negative indices count
 * from the end, bounds are clamped, negative steps walk backwards.
 */
export function resolveSlice(
  op: string,
  range: readonly [start?: number | null, stop?: number | null, step?: number | null],
  length: number,
): SliceRange {
  const step = range[2] ?? 1;
  if (!Number.isInteger(step) || step === 0) {
    throw new ValueError(
      op,
      `a slice step must be a whole number other than 0, but got ${kindOf(step)}.`,
    );
  }
  const clamp = (index: number, low: number, high: number): number => {
    if (!Number.isInteger(index)) {
      throw new ValueError(op, `slice bounds must be whole numbers, but got ${kindOf(index)}.`);
    }
    return Math.min(Math.max(index < 0 ? index + length : index, low), high);
  };
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const start =
    range[0] === null || range[0] === undefined
      ? step > 0
        ? low
        : high
      : clamp(range[0], low, high);
  const stop =
    range[1] === null || range[1] === undefined
      ? step > 0
        ? high
        : low
      : clamp(range[1], low, high);
  const size = Math.max(0, Math.ceil((stop - start) / step));
  return { start: size === 0 ? 0 : start, size, step };
}
