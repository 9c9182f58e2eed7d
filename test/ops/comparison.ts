import type { Tensor } from '@tessera/tensor';
import { expect } from 'vitest';

/** What is known of the elements that a tensor should have. */
export interface Expected {
  readonly shape: readonly number[];
  readonly dtype: Tensor['dtype'];
  dataSync(): ArrayLike<number>;
}

/**
 * Expects tensors to have the shapes, dtypes and elements of others. NaN equals NaN; float32 elements
 * may deviate by `tolerance` times the largest finite one, or times 1 if that is larger.
 */
export async function expectSame(
  actual: readonly Tensor[],
  expected: readonly Expected[],
  tolerance: number,
): Promise<void> {
  expect(actual.map(specOf)).toEqual(expected.map(specOf));
  for (const [i, tensor] of actual.entries()) {
    const wanted = Array.from(expected[i].dataSync());
    const allowed = tensor.dtype === 'float32' ? tolerance * scaleOf(wanted) : 0;
    const wrong = Array.from(await tensor.data()).flatMap((got, at) =>
      Object.is(got, wanted[at]) || Math.abs(got - wanted[at]) <= allowed
        ? []
        : [{ result: i, at, got, wanted: wanted[at] }],
    );
    expect(wrong).toEqual([]);
  }
}

function specOf({ shape, dtype }: Expected): string {
  return `${dtype}[${shape.join()}]`;
}

function scaleOf(values: readonly number[]): number {
  return values.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 1);
}
