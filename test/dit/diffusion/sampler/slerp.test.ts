import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { key, normal, tensor, type Tensor } from '@tessera/tensor';
import { slerp } from '@tessera/dit';

const SHAPE = [3, 4, 8, 8];
const seeds = fc.tuple(fc.nat(), fc.nat()).filter(([a, b]) => a !== b);
const shares = fc.double({ min: 0, max: 1, noNaN: true });

function farthest(a: Tensor, b: Tensor): number {
  return a.sub(b).abs().max().itemSync();
}

function norms(x: Tensor): number[] {
  return [...x.square().sum([1, 2, 3]).sqrt().dataSync()];
}

describe('spherical interpolation', () => {
  it('starts and ends exactly at its ends', () => {
    fc.assert(
      fc.property(seeds, ([s, t]) => {
        const [a, b] = [normal(key(s), SHAPE), normal(key(t), SHAPE)];
        expect(slerp(a, b, 0).dataSync()).toEqual(a.dataSync());
        expect(slerp(a, b, 1).dataSync()).toEqual(b.dataSync());
      }),
      { numRuns: 10 },
    );
  });

  it('is the same from the other end', () => {
    fc.assert(
      fc.property(seeds, shares, ([s, t], u) => {
        const [a, b] = [normal(key(s), SHAPE), normal(key(t), SHAPE)];
        // Values up to 5, in float32.
        expect(farthest(slerp(a, b, u), slerp(b, a, 1 - u))).toBeLessThan(1e-5);
      }),
      { numRuns: 20 },
    );
  });

  it('keeps the norm of Gaussian noise, where a straight line loses it', () => {
    fc.assert(
      fc.property(seeds, shares, ([s, t], u) => {
        const [a, b] = [normal(key(s), SHAPE), normal(key(t), SHAPE)];
        const [from, to, on] = [norms(a), norms(b), norms(slerp(a, b, u))];
        on.forEach((norm, i) => {
          // Between the norms of the ends, up to their angle: |cos θ| is below 0.32 in 256 dimensions (five
          // deviations of 1/16), which weighs the difference of the ends alone.
          const [low, high] = [Math.min(from[i], to[i]), Math.max(from[i], to[i])];
          const slack = 0.32 * (high - low) + 1e-4;
          expect(norm).toBeGreaterThan(low - slack);
          expect(norm).toBeLessThan(high + slack);
        });
        const straight = norms(a.add(b).div(2));
        straight.forEach((norm, i) => {
          expect(norm).toBeLessThan(0.9 * Math.max(from[i], to[i]));
        });
      }),
      { numRuns: 20 },
    );
  });

  it('moves at even angles on a circle, and straight where there is no arc', () => {
    const [a, b] = [tensor([[1, 0]]), tensor([[0, 1]])];
    for (const u of [0.1, 0.5, 0.8]) {
      const [x, y] = slerp(a, b, u).dataSync();
      expect(Math.atan2(y, x)).toBeCloseTo((u * Math.PI) / 2, 5);
    }
    expect([...slerp(a, a, 0.3).dataSync()]).toEqual([1, 0]);
    expect([...slerp(a, a.neg(), 0.25).dataSync()]).toEqual([0.5, 0]);
    expect([...slerp(a.mul(0), b, 0.5).dataSync()]).toEqual([0, 0.5]);
  });

  it('is refused between different shapes', () => {
    expect(() => slerp(tensor([[1, 0]]), tensor([[1]]), 0.5)).toThrow(
      'slerp: a is [1, 2], b is [1, 1]: expected two tensors of one shape.',
    );
    expect(() => slerp(tensor([[1]]), tensor([[1]]), 2)).toThrow('slerp: u must be a number in');
  });
});
