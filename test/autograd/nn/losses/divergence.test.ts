import { grad, gradcheck } from '@tessera/autograd';
import { klDiv } from '@tessera/autograd/nn';
import { key, logSoftmax, normal, ones, softmax, tensor, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

describe('klDiv', () => {
  const prediction = logSoftmax(normal(key(0), [3, 4]));
  const logTarget = logSoftmax(normal(key(1), [3, 4]));

  it('agrees with the definition, for probabilities and their logarithms', () => {
    const expected = logTarget.exp().mul(logTarget.sub(prediction));
    for (const [target, options] of [
      [logTarget.exp(), {}],
      [logTarget, { logTarget: true }],
    ] as const) {
      const each = klDiv(prediction, target, { ...options, reduction: 'none' });
      expect(each.sub(expected).abs().max().itemSync()).toBeLessThan(1e-6); // a few roundings
      const sum = klDiv(prediction, target, { ...options, reduction: 'sum' }).itemSync();
      expect(sum).toBeCloseTo(expected.sum().itemSync(), 5);
      expect(klDiv(prediction, target, options).itemSync()).toBeCloseTo(sum / 3, 6);
      expect(klDiv(prediction, target, { ...options, reduction: 'mean' }).itemSync()).toBeCloseTo(
        sum / 12,
        6,
      );
    }
  });

  it('is 0 for equal distributions, and ignores what cannot happen', () => {
    expect(klDiv(prediction, prediction, { logTarget: true }).itemSync()).toBe(0);
    const certain = klDiv(tensor([[0.5, 0.5, 0]]).log(), tensor([[1, 0, 0]]));
    expect(certain.itemSync()).toBeCloseTo(Math.LN2, 6);
    expect(klDiv(tensor(-1), tensor(1)).itemSync()).toBe(1);
  });

  it('has the gradient −t', () => {
    const target = tensor([[0.25, 0, 0.75]]);
    const gradient = grad((x: Tensor) => klDiv(x, target))(tensor([[-1, -2, -3]]));
    expect(gradient.toArraySync()).toEqual([[-0.25, 0, -0.75]]);
  });

  it('has right gradients in both operands', async () => {
    const target = softmax(normal(key(2), [2, 3]));
    const x = logSoftmax(normal(key(3), [2, 3]));
    const f = (a: Tensor, b: Tensor): Tensor => klDiv(a, b, { reduction: 'none' });
    await expect(gradcheck(f, [x, target])).resolves.toBeDefined();
    const g = (a: Tensor, b: Tensor): Tensor => klDiv(a, b, { logTarget: true });
    await expect(gradcheck(g, [x, target.log()], { order: 2 })).resolves.toBeDefined();
  });

  it('refuses to broadcast', () => {
    expect(() => klDiv(ones([4, 1]), ones([4]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: klDiv: prediction [4, 1] and target [4] must have one shape.]`,
    );
  });
});
