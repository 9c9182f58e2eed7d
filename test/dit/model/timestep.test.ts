import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tensor } from '@tessera/tensor';
import { timestepEmbedding } from '@tessera/dit';

/** The embedding of one timestep in float64. */
function exactEmbedding(t: number, width: number): number[] {
  const half = Math.floor(width / 2);
  const angles = Array.from({ length: half }, (_, k) => t * 10_000 ** (-k / half));
  return [...angles.map(Math.cos), ...angles.map(Math.sin), ...(width % 2 === 1 ? [0] : [])];
}

function worstError(times: readonly number[], width: number, dtype: 'float32' | 'int32'): number {
  const embedding = timestepEmbedding(tensor(times, { dtype }), width);
  expect(embedding.shape).toEqual([times.length, width]);
  const data = embedding.dataSync();
  const exact = times.flatMap((t) => exactEmbedding(t, width));
  return Math.max(...exact.map((value, i) => Math.abs(data[i] - value)));
}

describe('timestepEmbedding', () => {
  it('gives the numbers of the official embedding, cosine first', () => {
    const expected = [
      0.28366219, 0.87758256, 0.99875026, 0.9999875, -0.95892427, 0.47942554, 0.04997917,
      0.00499998,
    ];
    const data = timestepEmbedding(tensor([5], { dtype: 'int32' }), 8).dataSync();
    expected.forEach((value, i) => expect(data[i]).toBeCloseTo(value, 7));
  });

  // Each of the two products in the addition theorem rounds twice: 4 · 2⁻²⁵ is 1.2e-7.
  const TOLERANCE = 2e-7;

  it('is exact to float32 for every whole timestep below 4096, where a float32 product is not', () => {
    const times = fc.array(fc.integer({ min: 0, max: 4095 }), { minLength: 1, maxLength: 4 });
    const width = fc.integer({ min: 2, max: 33 });
    fc.assert(
      fc.property(times, width, (t, w) => {
        expect(worstError(t, w, 'int32')).toBeLessThan(TOLERANCE);
      }),
    );
    const naive = Math.cos(Math.fround(999 * Math.fround(10_000 ** (-1 / 128))));
    expect(Math.abs(naive - exactEmbedding(999, 256)[1])).toBeGreaterThan(1e-6);
  });

  it('takes fractional timesteps', () => {
    const fraction = fc.integer({ min: 0, max: 4000 * 1024 }).map((n) => Math.fround(n / 1024));
    fc.assert(
      fc.property(fraction, (t) => {
        expect(worstError([t], 32, 'float32')).toBeLessThan(TOLERANCE);
      }),
    );
  });

  it('fills an odd width with a zero', () => {
    expect(
      timestepEmbedding(tensor([3, 4]), 7)
        .select(1, 6)
        .toArraySync(),
    ).toEqual([0, 0]);
  });

  it('takes a vector of timesteps only', () => {
    expect(() => timestepEmbedding(tensor([[1], [2]]))).toThrow(
      'timestepEmbedding: t is [2, 1], but [B] is expected.',
    );
  });
});
