// Reads and writes a view in blocks of 1024 elements, so that an expression stays in the cache.

import type { Operand } from '../../plan/kernel.ts';
import type { TypedArray } from '../../array/dtype.ts';
import { isContiguous, mergeRuns, type View } from '../../array/view.ts';
import { RunCursor } from './cursor.ts';

/** Elements that are evaluated together, so few that all values of an expression stay in the cache. */
export const BLOCK = 1024;

/**
 * Returns an array that begins with elements `start … start + n − 1` of an operand in row-major order. All
 * blocks are read in order, any number of times.
 */
export type BlockReader = (buffer: TypedArray, start: number, n: number) => TypedArray;

/**
 * Writes the first `n` of `values` to elements `start … start + n − 1` of an output in row-major
 * order. All blocks are written in order, any number of times.
 */
export type BlockWriter = (
  buffer: TypedArray,
  start: number,
  n: number,
  values: TypedArray,
) => void;

/**
 * Chooses the reader that fits the operand's layout in its buffer.
 *
 * @param operand The operand.
 * @param scratch A block of memory for elements that cannot be read in place.
 * @param copies Whether to copy elements even if they could be read in place.
 */
export function blockReader(operand: Operand, scratch: TypedArray, copies: boolean): BlockReader {
  const { view } = operand;
  if (isUniform(view)) {
    return (buffer, start) => (start === 0 ? scratch.fill(buffer[view.offset]) : scratch);
  }
  if (isContiguous(view) && !copies) {
    return (buffer, start, n) => blockOf(view, buffer, start, n);
  }
  const cursor = new RunCursor(view);
  return (buffer, _start, n) => {
    for (let done = 0; done < n;) {
      const count = cursor.take(n - done);
      copyRun(scratch, done, 1, buffer, cursor.at, cursor.stride, count);
      done += count;
    }
    return scratch;
  };
}

/** Whether all elements of the view are the same element of its buffer. */
function isUniform(view: View): boolean {
  return mergeRuns(view).every(({ stride }) => stride === 0);
}

/** Chooses the writer that fits the output's layout in its buffer. */
export function blockWriter({ view }: Operand): BlockWriter {
  if (isContiguous(view)) {
    return (buffer, start, n, values) => {
      buffer.set(values.length === n ? values : values.subarray(0, n), view.offset + start);
    };
  }
  const cursor = new RunCursor(view);
  return (buffer, _start, n, values) => {
    for (let done = 0; done < n;) {
      const count = cursor.take(n - done);
      copyRun(buffer, cursor.at, cursor.stride, values, done, 1, count);
      done += count;
    }
  };
}

/** Elements `start … start + n − 1` of a contiguous view, in place. */
export function blockOf(view: View, buffer: TypedArray, start: number, n: number): TypedArray {
  return buffer.subarray(view.offset + start, view.offset + start + n);
}

/** `to[toAt + i · toStride] = from[fromAt + i · fromStride]`. */
function copyRun(
  to: TypedArray,
  toAt: number,
  toStride: number,
  from: TypedArray,
  fromAt: number,
  fromStride: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) to[toAt + i * toStride] = from[fromAt + i * fromStride];
}
