import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bernoulli,
  compile,
  foldIn,
  key,
  normal,
  randomInt,
  split,
  uniform,
  ValueError,
  type Tensor,
} from '@tessera/tensor';

const COUNT = 40_000;

/** Five standard errors of the mean of COUNT draws with this deviation: a false alarm once in 1.7 million runs. */
const margin = (deviation: number): number => (5 * deviation) / Math.sqrt(COUNT);

describe('random keys', () => {
  it('give the same numbers for the same key, others for another', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 50 }), (seed, n) => {
        const draw = (k: Tensor): number[] => Array.from(uniform(k, [n]).dataSync());
        expect(draw(key(seed))).toEqual(draw(key(seed)));
        const [a, b] = split(key(seed));
        expect(draw(a)).not.toEqual(draw(b));
      }),
    );
  });

  it('split and foldIn agree for any number of keys', () => {
    const parent = key(7);
    const children = split(parent, 5);
    children.forEach((child, i) => {
      expect(foldIn(parent, i).toArraySync()).toEqual(child.toArraySync());
    });
    expect(new Set(children.map((child) => String(child.toArraySync()))).size).toBe(5);
  });

  it('do not depend on the shape drawn around an element', () => {
    const flat = Array.from(uniform(key(3), [12]).dataSync());
    expect(Array.from(uniform(key(3), [3, 4]).dataSync())).toEqual(flat);
    expect(Array.from(uniform(key(3), [5]).dataSync())).toEqual(flat.slice(0, 5));
  });

  it('give the same bits compiled and eager', () => {
    const draw = (k: Tensor): Tensor[] => [
      uniform(k, [64]),
      normal(k, [64]),
      randomInt(k, [64], -3, 12),
    ];
    const compiled = compile(draw);
    draw(key(11)).forEach((x, i) => {
      expect(compiled(key(11))[i].toArraySync()).toEqual(x.toArraySync());
    });
  });

  it('use all 53 bits of a seed', () => {
    expect(key(2 ** 32 + 5).toArraySync()).not.toEqual(key(5).toArraySync());
    expect(() => key(-1)).toThrow(ValueError);
    expect(() => key(0.5)).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: key: a seed is a whole number from 0 to 2^53 - 1, but got 0.5.]`,
    );
  });
});

describe('distributions', () => {
  it('uniform has the moments of a uniform and stays in range', () => {
    const x = uniform(key(1), [COUNT], -2, 4);
    expect(x.min().itemSync()).toBeGreaterThanOrEqual(-2);
    expect(x.max().itemSync()).toBeLessThan(4);
    expect(Math.abs(x.mean().itemSync() - 1)).toBeLessThan(margin(6 / Math.sqrt(12)));
  });

  it('normal has mean 0, variance 1 and kurtosis 3', () => {
    const x = normal(key(2), [COUNT]);
    expect(Math.abs(x.mean().itemSync())).toBeLessThan(margin(1));
    expect(Math.abs(x.variance().itemSync() - 1)).toBeLessThan(margin(Math.SQRT2));
    expect(Math.abs(x.pow(4).mean().itemSync() - 3)).toBeLessThan(margin(Math.sqrt(96)));
  });

  it('randomInt reaches both ends, evenly', () => {
    const x = Array.from(randomInt(key(3), [COUNT], -1, 3).dataSync());
    for (const value of [-1, 0, 1, 2]) {
      const share = x.filter((each) => each === value).length / COUNT;
      expect(Math.abs(share - 0.25)).toBeLessThan(margin(Math.sqrt(0.25 * 0.75)));
    }
    expect(Math.min(...x)).toBe(-1);
    expect(Math.max(...x)).toBe(2);
  });

  it('bernoulli is true with probability p', () => {
    const share = bernoulli(key(4), 0.1, [COUNT]).cast('float32').mean().itemSync();
    expect(Math.abs(share - 0.1)).toBeLessThan(margin(0.3));
    expect(bernoulli(key(4), 0, [100]).sum().itemSync()).toBe(0);
    expect(bernoulli(key(4), 1, [100]).sum().itemSync()).toBe(100);
  });
});
