import { gradcheck, grad } from '@tessera/autograd';
import { crossEntropy, mseLoss } from '@tessera/autograd/nn';
import { key, normal, ones, tensor, zeros, type Tensor } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

const ids = (list: number[] | number[][]): Tensor => tensor(list, { dtype: 'int32' });

describe('mseLoss', () => {
  it('is the mean of the squared differences', () => {
    expect(mseLoss(tensor([1, 2]), tensor([3, 5])).itemSync()).toBe(6.5);
    expect(grad(mseLoss)(tensor([1, 2]), tensor([3, 5])).toArraySync()).toEqual([-2, -3]);
  });

  it('refuses to broadcast', () => {
    expect(() => mseLoss(ones([4, 1]), ones([4]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: mseLoss: prediction [4, 1] and target [4] must have one shape.]`,
    );
  });
});

describe('crossEntropy', () => {
  const logits = normal(key(0), [2, 3, 4]);
  const target = ids([[0, 3, 1], [2, 2, 0]]); // prettier-ignore

  /** The definition, in float64. */
  function definition(smoothing: number): number {
    const rows = (logits.toArraySync() as number[][][]).flat();
    const labels = [...target.dataSync()];
    const losses = rows.map((row, i) => {
      const total = row.reduce((sum, x) => sum + Math.exp(x), 0);
      return row.reduce((sum, x, k) => {
        const weight = smoothing / 4 + (k === labels[i] ? 1 - smoothing : 0);
        return sum - weight * Math.log(Math.exp(x) / total);
      }, 0);
    });
    return losses.reduce((a, b) => a + b) / losses.length;
  }

  it.each([0, 0.1, 1])('agrees with the definition at label smoothing %f', (labelSmoothing) => {
    expect(crossEntropy(logits, target, { labelSmoothing }).itemSync()).toBeCloseTo(
      definition(labelSmoothing),
      5,
    );
  });

  it('is ln K for even logits and holds for huge ones', () => {
    expect(crossEntropy(zeros([2, 10]), ids([3, 7])).itemSync()).toBeCloseTo(Math.log(10), 5);
    expect(crossEntropy(tensor([[1e4, -1e4]]), ids([1])).itemSync()).toBe(2e4);
  });

  it('has a right gradient', async () => {
    const { worst } = await gradcheck(
      (x: Tensor) => crossEntropy(x, target, { labelSmoothing: 0.2 }),
      [logits],
    );
    expect(worst).toBeLessThan(1);
  });

  it('refuses what does not fit', () => {
    expect(() => crossEntropy(ones([2, 3]), ids([1]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: crossEntropy: logits [2, 3] take int32 class ids [2] or float32 probabilities of their own shape, but the target is int32[1].]`,
    );
    expect(() =>
      crossEntropy(ones([1, 3]), ids([1]), { labelSmoothing: 2 }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: crossEntropy: labelSmoothing must lie in [0, 1], but got 2.]`,
    );
  });
});
