import { formatSpec, clamp, tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

describe('clamp', () => {
  const x = tensor([-2, -0.5, 0.5, 2, NaN]);

  it('cuts off at one bound, both or none', () => {
    expect(clamp(x, -1, 1).toArraySync()).toEqual([-1, -0.5, 0.5, 1, NaN]);
    expect(clamp(x, 0).toArraySync()).toEqual([0, 0, 0.5, 2, NaN]);
    expect(clamp(x, null, 0).toArraySync()).toEqual([-2, -0.5, 0, 0, NaN]);
    expect(clamp(x, null).toArraySync()).toEqual([-2, -0.5, 0.5, 2, NaN]);
  });

  it('lets the upper bound win where they cross', () => {
    expect(clamp(x.slice([[0, 2]]), 3, 1).toArraySync()).toEqual([1, 1]);
  });

  it('takes bounds that broadcast', () => {
    expect(
      clamp(
        tensor([
          [1, 5],
          [9, 5],
        ]),
        tensor([2, 6]),
        tensor([[8], [7]]),
      ).toArraySync(),
    ).toEqual([
      [2, 6],
      [7, 6],
    ]);
  });

  it('keeps int32 between whole bounds', () => {
    const clamped = clamp(tensor([-3, 7], { dtype: 'int32' }), 0, 5);
    expect(formatSpec(clamped)).toBe('int32[2]');
    expect(clamped.toArraySync()).toEqual([0, 5]);
  });
});
