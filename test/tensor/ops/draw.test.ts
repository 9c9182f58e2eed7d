import {
  formatSpec,
  arange,
  bincount,
  categorical,
  key,
  ones,
  permutation,
  sort,
  splitKey,
  split,
  tensor,
  zeros,
} from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

describe('permutation', () => {
  it('holds each number once, in another order for another key', () => {
    for (const n of [0, 1, 2, 1000]) {
      const order = permutation(key(n), n);
      expect(formatSpec(order)).toBe(`int32[${n}]`);
      expect(sort(order).toArraySync()).toEqual(arange(n).toArraySync());
    }
    expect(permutation(key(1), 9).toArraySync()).toEqual(permutation(key(1), 9).toArraySync());
    expect(permutation(key(1), 9).toArraySync()).not.toEqual(permutation(key(2), 9).toArraySync());
  });

  it('draws all orders equally often', () => {
    const seen = new Map<string, number>();
    const draws = 6000;
    for (const each of splitKey(key(3), draws)) {
      const order = permutation(each, 3).dataSync().join();
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(6);
    // Five standard deviations of a binomial count with p = 1/6.
    for (const count of seen.values()) {
      expect(Math.abs(count - draws / 6)).toBeLessThan(5 * Math.sqrt((draws * 5) / 36));
    }
  });

  it('puts the entries of a tensor in order', () => {
    const x = arange(20).reshape([10, 2]);
    const mixed = permutation(key(0), x).toArraySync() as number[][];
    expect(mixed.map(([a, b]) => b - a)).toEqual(new Array(10).fill(1));
    expect(mixed.map(([a]) => a).sort((a, b) => a - b)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]); // prettier-ignore
    expect(permutation(key(0), zeros([0, 2])).shape).toEqual([0, 2]);
  });
});

describe('categorical', () => {
  it('draws with the probabilities of the softmax', () => {
    const probabilities = [0.5, 0.3, 0.15, 0.05, 0];
    const draws = 20_000;
    const drawn = categorical(key(5), tensor(probabilities).log().add(7), { shape: [draws] });
    const counts = bincount(drawn, 5).dataSync();
    probabilities.forEach((p, i) => {
      // Five standard deviations of a binomial count; none of what is impossible.
      const deviation = Math.abs(counts[i] - draws * p);
      expect(deviation).toBeLessThanOrEqual(5 * Math.sqrt(draws * p * (1 - p)));
    });
  });

  it('draws for each row, along any axis', () => {
    const never = -Infinity;
    const logits = tensor([
      [never, 0, never],
      [0, never, never],
    ]);
    expect(categorical(key(0), logits).toArraySync()).toEqual([1, 0]);
    expect(categorical(key(0), logits.transpose(), { axis: 0 }).toArraySync()).toEqual([1, 0]);
    expect(categorical(key(0), logits, { shape: [3, 2] }).toArraySync()).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
    expect(categorical(key(0), ones([4])).shape).toEqual([]);
    expect(categorical(key(0), tensor([0, Infinity])).itemSync()).toBe(1);
  });

  it('says −1 where nothing can be drawn', () => {
    const logits = tensor([
      [-Infinity, -Infinity],
      [NaN, 0],
      [-Infinity, 0],
    ]);
    expect(categorical(key(0), logits).toArraySync()).toEqual([-1, -1, 1]);
  });
});

describe('splitKey', () => {
  it('is split by another name', () => {
    const [a, b] = [splitKey(key(4), 3), split(key(4), 3)];
    expect(a.map((each) => each.toArraySync())).toEqual(b.map((each) => each.toArraySync()));
  });

  it('split says how tensors are cut', () => {
    expect(() => split(ones([2, 16]), 4)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: split: a key is an int32 tensor of shape [2], but got float32[2, 16]. Make one with key(seed) or splitKey(key, n); tensors are cut by x.split(sizes, axis) and x.chunk(count, axis).]`,
    );
    expect(() => splitKey(ones([2, 16]))).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: splitKey: a key is an int32 tensor of shape [2], but got float32[2, 16]. Make one with key(seed) or splitKey(key, n).]`,
    );
  });
});
