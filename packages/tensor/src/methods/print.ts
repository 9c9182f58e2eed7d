// The text of a tensor, as toString and console.log show it: dtype, shape and values.

import { formatSpec, messageOf } from '../errors.ts';
import { formatNumber } from '../primitives/primitive.ts';
import { sizeOf, type Shape } from '../array/shape.ts';
import type { Tensor } from '../tensor.ts';
import { rangeOf } from '../array/view.ts';
import { numberOf, readSync } from './read.ts';

/** Most elements that are printed; a larger tensor is shortened. */
const MOST = 1000;

/** Number of entries that a shortened axis shows, half of them at each end. */
const KEPT = 6;

/** Columns of a line. */
const WIDTH = 80;

/** Storage with at most this many elements is read at once, larger storage element by element. */
const AT_ONCE = 4096;

/** The method that Node's `util.inspect`, and so `console.log`, calls for a text. */
export const INSPECT: symbol = Symbol.for('nodejs.util.inspect.custom');

/**
 * A key that `structuredClone` and `postMessage` quote when they refuse to clone; it says what to do instead.
 */
export const NOT_CLONEABLE: unique symbol = Symbol(
  'a tensor (send its shape and what await x.data() gives, and make a tensor of them there)',
);

/** The text of a tensor: `float32[2] [1, 0.1]`; several values stand on lines of their own. */
export function print(x: Tensor): string {
  let values: string;
  try {
    values = formatValues(x);
  } catch (error) {
    values = `(${messageOf(error).replace(/^\w+: /, '')})`;
  }
  return formatSpec(x) + (values.includes('\n') ? '\n' : ' ') + values;
}

/** The text that Node's `util.inspect` shows; deep inside other objects it is only dtype and shape. */
export const inspecting: PropertyDescriptor = {
  value(this: Tensor, depth: number): string {
    return depth < 0 ? formatSpec(this) : print(this);
  },
};

function formatValues(x: Tensor): string {
  const { shape, rank, dtype } = x;
  if (x.size === 0) return '[]';
  const axes = shownIndices(shape);
  const cells = shownElements(x, axes).map((value) =>
    dtype === 'bool'
      ? String(value === 1)
      : formatNumber(dtype === 'int32' ? value : shortest(value)),
  );
  const isLine = axes.slice(0, -1).every(({ length }) => length === 1);
  const { columns, step } =
    isLine && cells.join().length < WIDTH ? { columns: cells, step: 1 } : aligned(cells);
  const isCut = rank > 0 && axes[rank - 1].length < shape[rank - 1];
  const perLine = isCut ? KEPT + 1 : Math.max(1, Math.floor((WIDTH - rank) / step));
  let next = 0;
  const nest = (axis: number): string => {
    if (axis === rank) return columns[next++];
    const shown = axes[axis];
    const items = shown.map(() => nest(axis + 1));
    if (shown.length < shape[axis]) items.splice(Math.ceil(shown.length / 2), 0, '…');
    const indent = ' '.repeat(axis + 1);
    const text = items.map((item, i) => {
      if (i + 1 === items.length) return item;
      if (axis + 1 < rank) return `${item},${'\n'.repeat(rank - axis - 1)}${indent}`;
      if ((i + 1) % perLine === 0) return `${item},\n${indent}`;
      return `${item}, `.padEnd(item === '…' ? 0 : step);
    });
    return `[${text.join('')}]`;
  };
  return nest(0);
}

/** The cells with their decimal points aligned, and the distance of the columns. */
function aligned(cells: readonly string[]): { columns: readonly string[]; step: number } {
  const heads = cells.map((cell) => cell.search(/\.|e[+-]|$/));
  const head = Math.max(...heads);
  const columns = cells.map((cell, i) => ' '.repeat(head - heads[i]) + cell);
  return { columns, step: Math.max(...columns.map(({ length }) => length)) + 2 };
}

/** The indices along each axis that are printed, so few that there are at most {@link MOST} elements. */
function shownIndices(shape: Shape): readonly (readonly number[])[] {
  const most = sizeOf(shape) > MOST ? KEPT : MOST;
  let room = MOST;
  return shape
    .toReversed()
    .map((size) => {
      const count = Math.max(1, Math.min(size, most, room));
      room = Math.floor(room / count);
      return Array.from({ length: count }, (_, i) => (i < count / 2 ? i : size - count + i));
    })
    .reverse();
}

/** The elements at these indices in row-major order. It reads few others, and never through the seam. */
function shownElements(x: Tensor, axes: readonly (readonly number[])[]): readonly number[] {
  const { value } = x;
  if (value.kind === 'traced') return [...readSync(x)];
  const strides = value.kind === 'stored' ? value.view.strides : axes.map(() => 0);
  let offsets = [value.kind === 'stored' ? value.view.offset : 0];
  axes.forEach((indices, axis) => {
    offsets = offsets.flatMap((offset) => indices.map((i) => offset + i * strides[axis]));
  });
  if (value.kind === 'uniform') return offsets.map(() => numberOf('data', value));
  const { storage, view } = value;
  const { begin, end } = rangeOf(view);
  const read = (from: number, to: number): ArrayLike<number> =>
    storage.backend.readSync(storage, { begin: from, end: to });
  const all = end - begin <= AT_ONCE ? read(begin, end) : null;
  return offsets.map((at) => (all === null ? read(at, at + 1)[0] : all[at - begin]));
}

/** The number of the fewest digits that float32 rounds to `value`. */
function shortest(value: number): number {
  for (let digits = 1; ; digits++) {
    const near = Number(value.toPrecision(digits));
    if (digits === 9 || Math.fround(near) === value) return near || value;
  }
}
