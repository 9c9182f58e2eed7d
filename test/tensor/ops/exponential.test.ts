import { formatSpec, expm1, log1p, softplus, tensor, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

/** Numbers of both signs with magnitudes from e^low to e^high, evenly spaced in the exponent. */
function magnitudes(low: number, high: number): Float32Array {
  const count = 4001;
  return Float32Array.from({ length: count }, (_, i) => {
    return (i % 2 === 0 ? 1 : -1) * Math.exp(low + ((high - low) * i) / count);
  });
}

/** The largest relative deviation of `f` from `exact`, in roundings of float32. */
function worstRounding(
  f: (x: Tensor) => Tensor,
  exact: (x: number) => number,
  points: Float32Array,
): number {
  const values = f(tensor(points)).dataSync();
  const errors = Array.from(points, (x, i) => {
    const want = exact(x);
    return Math.abs(values[i] - want) / Math.abs(want) / 2 ** -24;
  });
  return Math.max(...errors);
}

describe('expm1 and log1p', () => {
  // A handful of float32 operations, each rounded by at most one unit.
  const ROUNDINGS = 6;

  it('have all digits at every scale', () => {
    expect(worstRounding(expm1, Math.expm1, magnitudes(-80, 4.4))).toBeLessThan(ROUNDINGS);
    const below = magnitudes(-80, -0.001);
    expect(worstRounding(log1p, Math.log1p, below)).toBeLessThan(ROUNDINGS);
    expect(worstRounding(log1p, Math.log1p, magnitudes(-80, 80).map(Math.abs))).toBeLessThan(
      ROUNDINGS,
    );
  });

  it('have all digits where the branches meet', () => {
    const around = (x: number): Float32Array => {
      return Float32Array.from({ length: 101 }, (_, i) => x * (1 + (i - 50) * 1e-6));
    };
    for (const x of [1, -1]) {
      expect(worstRounding(expm1, Math.expm1, around(x))).toBeLessThan(ROUNDINGS);
    }
    for (const x of [0.4, -0.4]) {
      expect(worstRounding(log1p, Math.log1p, around(x))).toBeLessThan(ROUNDINGS);
    }
  });

  it('hold at the ends', () => {
    const ends = tensor([0, -0, Infinity, -Infinity, NaN, 100, -200]);
    expect([...expm1(ends).dataSync()]).toEqual([0, -0, Infinity, -1, NaN, Infinity, -1]);
    const low = tensor([0, -0, Infinity, -Infinity, NaN, -1, -2]);
    expect([...log1p(low).dataSync()]).toEqual([0, -0, Infinity, NaN, NaN, -Infinity, NaN]);
  });

  it('take whole numbers and nothing at all', () => {
    expect(log1p(tensor([0, 1], { dtype: 'int32' })).toArraySync()).toEqual([
      0,
      Math.fround(Math.LN2),
    ]);
    expect(formatSpec(expm1(tensor([false, false])))).toBe('float32[2]');
    expect(expm1(tensor([], { shape: [0, 3] })).shape).toEqual([0, 3]);
  });
});

describe('softplus', () => {
  it('has all digits where it is small, and is x where it is large', () => {
    const exact = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    expect(worstRounding(softplus, exact, magnitudes(-5, 4.3))).toBeLessThan(6);
    expect(softplus(tensor([1000, -1000])).toArraySync()).toEqual([1000, 0]);
  });
});
