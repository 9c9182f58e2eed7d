import type { Tensor } from '@tessera/tensor';

/** What is known of the elements that a tensor should have. */
export interface Expected {
  readonly shape: readonly number[];
  readonly dtype: Tensor['dtype'];
  dataSync(): ArrayLike<number>;
}

/** An element that is not what it should be. */
export interface WrongElement {
  /** Which of the tensors. */
  readonly result: number;
  readonly at: number;
  readonly got: number;
  readonly wanted: number;
}

/** Shape and dtype of a tensor as text. */
export function specOf({ shape, dtype }: Expected): string {
  return `${dtype}[${shape.join()}]`;
}

/**
 * The elements of tensors that differ from what others have. NaN equals NaN; float32 elements may
 * deviate by `tolerance` times the largest finite one, or times 1 if that is larger.
 */
export async function wrongElements(
  actual: readonly Tensor[],
  expected: readonly Expected[],
  tolerance: number,
): Promise<WrongElement[]> {
  const wrong: WrongElement[] = [];
  for (const [result, tensor] of actual.entries()) {
    const wanted = Array.from(expected[result].dataSync());
    const allowed = tensor.dtype === 'float32' ? tolerance * scaleOf(wanted) : 0;
    Array.from(await tensor.data()).forEach((got, at) => {
      if (Object.is(got, wanted[at]) || Math.abs(got - wanted[at]) <= allowed) return;
      wrong.push({ result, at, got, wanted: wanted[at] });
    });
  }
  return wrong;
}

function scaleOf(values: readonly number[]): number {
  return values.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 1);
}
