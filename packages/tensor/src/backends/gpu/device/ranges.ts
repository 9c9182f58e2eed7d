// Takes some ranges out of an array of floats.

import { allocateArray, type Range } from '../../../array/dtype.ts';

/** Number of floats in ranges. */
export function lengthOf(ranges: readonly Range[]): number {
  return ranges.reduce((sum, { begin, end }) => sum + end - begin, 0);
}

/** The floats of ranges of an array, one range after the other; a view of the array if that is enough. */
export function floatsIn(all: Float32Array, ranges: readonly Range[] | undefined): Float32Array {
  if (ranges === undefined) return all;
  if (ranges.length === 1) return all.subarray(ranges[0].begin, ranges[0].end);
  const floats = allocateArray('float32', lengthOf(ranges), 'data');
  let at = 0;
  for (const { begin, end } of ranges) {
    floats.set(all.subarray(begin, end), at);
    at += end - begin;
  }
  return floats;
}
