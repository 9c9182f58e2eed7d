import {
  attention,
  key,
  normal,
  ones,
  softmax,
  split,
  tensor,
  tril,
  where,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

const [kq, kk, kv, km] = split(key(0), 4);
const q = normal(kq, [2, 3, 4, 5]); // [B, N, T, E]
const k = normal(kk, [2, 3, 6, 5]); // [B, N, S, E]
const v = normal(kv, [2, 3, 6, 7]); // [B, N, S, F]

/** The definition with an additive mask. */
function definition(mask: Tensor, scale = 1 / Math.sqrt(5)): Tensor {
  return softmax(q.matmul(k.transpose()).mul(scale).add(mask)).matmul(v);
}

function distance(a: Tensor, b: Tensor): number {
  expect(a.shape).toEqual(b.shape);
  return a.sub(b).abs().max().itemSync();
}

/** A handful of float32 roundings of numbers of size 1. */
const CLOSE = 1e-6;

const additive = (visible: Tensor): Tensor => where(visible, 0, -Infinity);

describe('attention with masks', () => {
  const noise = normal(km, [2, 1, 4, 6]);
  const visible = noise.greater(-0.5).or(tensor([true, false, false, false, false, false]));

  it('hides what a bool mask does not show', () => {
    expect(
      distance(attention(q, k, v, { mask: visible }), definition(additive(visible))),
    ).toBeLessThan(CLOSE);
    const some = tensor([true, true, false, true, false, true]);
    expect(
      distance(attention(q, k, v, { mask: some, scale: 0.3 }), definition(additive(some), 0.3)),
    ).toBeLessThan(CLOSE);
  });

  it('adds an additive mask', () => {
    expect(distance(attention(q, k, v, { mask: noise }), definition(noise))).toBeLessThan(CLOSE);
    const mask = additive(visible).add(noise);
    expect(distance(attention(q, k, v, { mask }), definition(mask))).toBeLessThan(CLOSE);
  });

  it('looks no further than its own place if causal', () => {
    const past = tril(ones([4, 6], 'bool'));
    expect(distance(attention(q, k, v, { causal: true }), definition(additive(past)))).toBeLessThan(
      CLOSE,
    );
    const both = attention(q, k, v, { causal: true, mask: visible });
    expect(distance(both, definition(additive(past.and(visible))))).toBeLessThan(CLOSE);
    const [first] = attention(q, k, v, { causal: true }).split([1, 3], 2);
    expect(distance(first, v.slice([null, null, [0, 1]]))).toBeLessThan(CLOSE);
  });

  it('is plain attention where everything is visible', () => {
    const all = ones([6], 'bool');
    expect(distance(attention(q, k, v, { mask: all }), attention(q, k, v))).toBeLessThan(CLOSE);
    expect(distance(attention(q, k, v, { mask: null }), attention(q, k, v))).toBe(0);
  });

  it('gives 0 to queries that see nothing, of either kind of mask', () => {
    const rows = tensor([true, false, true, true]).unsqueeze(1); // [T, 1]
    for (const mask of [rows, additive(rows)]) {
      const y = attention(q, k, v, { mask });
      expect(
        y
          .slice([null, null, [1, 2]])
          .abs()
          .max()
          .itemSync(),
      ).toBe(0);
      expect(
        distance(y.slice([null, null, [2]]), attention(q, k, v).slice([null, null, [2]])),
      ).toBeLessThan(CLOSE);
    }
  });

  it('takes no queries at all', () => {
    expect(attention(zeros([0, 5]), ones([3, 5]), ones([3, 2]), { causal: true }).shape).toEqual([
      0, 2,
    ]);
  });

  it('refuses masks that do not fit', () => {
    expect(() =>
      attention(q, k, v, { mask: ones([5], 'bool') }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: attention (mask): shapes [2, 3, 4, 6] and [5] do not broadcast: sizes 6 and 5 clash at axis -1. Sizes must be equal or 1, aligned at the last axis.]`,
    );
    expect(() => attention(q, k, v, { mask: ones([5]) })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: attention (mask): shapes [2, 3, 4, 6] and [5] do not broadcast: sizes 6 and 5 clash at axis -1. Sizes must be equal or 1, aligned at the last axis.]`,
    );
    expect(() =>
      attention(q, k.transpose(), v, { causal: true }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: attention: q is [2, 3, 4, 5], k is [2, 3, 5, 6], v is [2, 3, 6, 7]: [..., T, E], [..., S, E] and [..., S, F] with equal batch dimensions expected.]`,
    );
  });
});
