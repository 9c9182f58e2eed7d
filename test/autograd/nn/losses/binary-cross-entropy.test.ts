import { grad, gradcheck } from '@tessera/autograd';
import { bceWithLogits } from '@tessera/autograd/nn';
import { key, normal, ones, tensor, uniform, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

describe('bceWithLogits', () => {
  const logits = normal(key(0), [3, 4]);
  const target = uniform(key(1), [3, 4]);

  it('agrees with the definition', () => {
    const posWeight = tensor([0.5, 1, 2, 3]);
    const p = logits.sigmoid();
    const positive = target.mul(posWeight).mul(p.log());
    const negative = target.neg().add(1).mul(p.neg().add(1).log());
    const expected = positive.add(negative).neg();
    const each = bceWithLogits(logits, target, { posWeight, reduction: 'none' });
    // A handful of float32 roundings.
    expect(each.sub(expected).abs().max().itemSync()).toBeLessThan(1e-6);
    expect(bceWithLogits(logits, target, { posWeight }).itemSync()).toBeCloseTo(
      expected.mean().itemSync(),
      5,
    );
    const sum = bceWithLogits(logits, target, { posWeight: 1, reduction: 'sum' });
    expect(sum.itemSync()).toBeCloseTo(bceWithLogits(logits, target).itemSync() * 12, 4);
  });

  it('neither overflows nor cancels', () => {
    const extreme = bceWithLogits(tensor([1000, -1000, -30]), tensor([0, 1, 0]), {
      reduction: 'none',
    });
    const [high, low, tiny] = extreme.dataSync();
    expect([high, low]).toEqual([1000, 1000]);
    expect(Math.abs(tiny / Math.exp(-30) - 1)).toBeLessThan(1e-6);
  });

  it('has the gradient σ(x) − t', async () => {
    const gradient = grad((x: Tensor) => bceWithLogits(x, target, { reduction: 'sum' }))(logits);
    const expected = logits.sigmoid().sub(target);
    expect(gradient.sub(expected).abs().max().itemSync()).toBeLessThan(1e-6);
    expect(
      grad((x: Tensor) => bceWithLogits(x, tensor([0, 1]), { reduction: 'sum' }))(
        tensor([0, 0]),
      ).toArraySync(),
    ).toEqual([0.5, -0.5]);
    const f = (x: Tensor, t: Tensor): Tensor =>
      bceWithLogits(x, t, { posWeight: 2, reduction: 'none' });
    await expect(gradcheck(f, [logits, target], { order: 2 })).resolves.toBeDefined();
  });

  it('refuses to broadcast', () => {
    expect(() => bceWithLogits(ones([4, 1]), ones([4]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: bceWithLogits: prediction [4, 1] and target [4] must have one shape.]`,
    );
  });
});
