import type { Tensor } from '@tessera/tensor';
import { expect } from 'vitest';
import { specOf, wrongElements, type Expected } from './differences.ts';

/** Expects tensors to have the shapes, dtypes and elements of others, see {@link wrongElements}. */
export async function expectSame(
  actual: readonly Tensor[],
  expected: readonly Expected[],
  tolerance: number,
): Promise<void> {
  expect(actual.map(specOf)).toEqual(expected.map(specOf));
  expect(await wrongElements(actual, expected, tolerance)).toEqual([]);
}
