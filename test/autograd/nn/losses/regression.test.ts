import { grad, gradcheck } from '@tessera/autograd';
import { mseLoss, smoothL1, type Reduction } from '@tessera/autograd/nn';
import { key, normal, ones, tensor, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

describe('mseLoss', () => {
  it('is the mean of the squared differences', () => {
    expect(mseLoss(tensor([1, 2]), tensor([3, 5])).itemSync()).toBe(6.5);
    const gradient = grad((x: Tensor, target: Tensor) => mseLoss(x, target));
    expect(gradient(tensor([1, 2]), tensor([3, 5])).toArraySync()).toEqual([-2, -3]);
  });

  it('is their sum, or all of them, if asked', () => {
    const [x, target] = [tensor([1, 2]), tensor([3, 5])];
    expect(mseLoss(x, target, { reduction: 'sum' }).itemSync()).toBe(13);
    expect(mseLoss(x, target, { reduction: 'none' }).toArraySync()).toEqual([4, 9]);
  });

  it('refuses to broadcast, and reductions that it does not know', () => {
    expect(() => mseLoss(ones([4, 1]), ones([4]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: mseLoss: prediction [4, 1] and target [4] must have one shape.]`,
    );
    const reduction = 'median' as Reduction;
    expect(() => mseLoss(ones([4]), ones([4]), { reduction })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: mseLoss: reduction 'median' is not known: none, sum or mean expected.]`,
    );
  });
});

describe('smoothL1', () => {
  const x = tensor([-3, -0.5, 0, 0.25, 2]);
  const target = tensor([0, 0, 0, 0, 0]);

  it('is quadratic up to beta and linear beyond', () => {
    const each = (beta: number): unknown =>
      smoothL1(x, target, { beta, reduction: 'none' }).toArraySync();
    expect(each(1)).toEqual([2.5, 0.125, 0, 0.03125, 1.5]);
    expect(each(0.5)).toEqual([2.75, 0.25, 0, 0.0625, 1.75]);
    expect(each(0)).toEqual([3, 0.5, 0, 0.25, 2]);
    expect(smoothL1(x, target).itemSync()).toBeCloseTo(4.15625 / 5, 6);
  });

  it('has slope ±1 at the joints and beyond, and 0 at 0', () => {
    const slope = (beta: number): unknown =>
      grad((y: Tensor) => smoothL1(y, target, { beta, reduction: 'sum' }))(x).toArraySync();
    expect(slope(1)).toEqual([-1, -0.5, 0, 0.25, 1]);
    expect(slope(0.5)).toEqual([-1, -1, 0, 0.5, 1]);
    expect(slope(0)).toEqual([-1, -1, 0, 1, 1]);
  });

  it('has right gradients', async () => {
    const inputs: [Tensor, Tensor] = [normal(key(0), [3, 4]), normal(key(1), [3, 4])];
    const f = (a: Tensor, b: Tensor): Tensor => smoothL1(a, b, { beta: 1.3, reduction: 'none' });
    await expect(gradcheck(f, inputs, { order: 2 })).resolves.toBeDefined();
  });

  it('refuses what does not fit', () => {
    expect(() => smoothL1(ones([4, 1]), ones([4]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: smoothL1: prediction [4, 1] and target [4] must have one shape.]`,
    );
    expect(() => smoothL1(x, target, { beta: -1 })).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: smoothL1: beta must be at least 0, but got -1.]`,
    );
  });
});
