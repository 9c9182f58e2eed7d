import { grad, gradcheck } from '@tessera/autograd';
import { crossEntropy } from '@tessera/autograd/nn';
import {
  key,
  normal,
  oneHot,
  ones,
  softmax,
  tensor,
  where,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

const ids = (list: number[] | number[][]): Tensor => tensor(list, { dtype: 'int32' });

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

  it('takes probabilities, of which ids are a special case', async () => {
    const probabilities = softmax(normal(key(1), [2, 3, 4]));
    const options = { labelSmoothing: 0.1 };
    const expected = softmax(logits)
      .log()
      .mul(probabilities.mul(0.9).add(0.025))
      .sum(-1)
      .mean()
      .neg();
    expect(crossEntropy(logits, probabilities, options).itemSync()).toBeCloseTo(
      expected.itemSync(),
      5,
    );
    expect(crossEntropy(logits, oneHot(target, 4), options).itemSync()).toBeCloseTo(
      crossEntropy(logits, target, options).itemSync(),
      6,
    );
    const { worst } = await gradcheck(
      (x: Tensor, t: Tensor) => crossEntropy(x, t, options),
      [logits, probabilities],
    );
    expect(worst).toBeLessThan(1);
  });

  it('takes the classes along any axis', () => {
    const moved = logits.permute([0, 2, 1]); // [B, K, ...]
    const plain = crossEntropy(logits, target).itemSync();
    expect(crossEntropy(moved, target, { axis: 1 }).itemSync()).toBe(plain);
    expect(
      crossEntropy(moved, oneHot(target, 4).permute([0, 2, 1]), { axis: -2 }).itemSync(),
    ).toBeCloseTo(plain, 6);
  });

  it('gives one loss a sample, their sum or their mean', () => {
    const each = crossEntropy(logits, target, { reduction: 'none' });
    expect(each.shape).toEqual([2, 3]);
    expect(crossEntropy(logits, target, { reduction: 'sum' }).itemSync()).toBeCloseTo(
      each.sum().itemSync(),
      5,
    );
    expect(crossEntropy(logits, target).itemSync()).toBeCloseTo(each.mean().itemSync(), 5);
  });

  it('leaves out ignored samples, and their gradient', () => {
    const some = ids([[0, -100, 1], [-100, 2, 0]]); // prettier-ignore
    const kept = tensor([[1, 0, 1], [0, 1, 1]]); // prettier-ignore
    const options = { labelSmoothing: 0.2, ignoreIndex: -100 };
    const each = crossEntropy(logits, where(kept.equal(1), target, 0), {
      labelSmoothing: 0.2,
      reduction: 'none',
    });
    const expected = where(kept.equal(1), each, 0);
    const none = crossEntropy(logits, where(kept.equal(1), target, -100), {
      ...options,
      reduction: 'none',
    });
    expect(none.toArraySync()).toEqual(expected.toArraySync());
    const mean = crossEntropy(logits, where(kept.equal(1), target, -100), options);
    expect(mean.itemSync()).toBeCloseTo(expected.sum().itemSync() / 4, 5);
    const gradient = grad((x: Tensor) => crossEntropy(x, some, options))(logits);
    const touched = gradient.abs().sum(-1).greater(0).cast('float32');
    expect(touched.toArraySync()).toEqual(kept.toArraySync());
    const nothing = crossEntropy(logits, ids([[1, 1, 1], [1, 1, 1]]), { ignoreIndex: 1 }); // prettier-ignore
    expect(nothing.itemSync()).toBeNaN(); // the mean of no sample, as in PyTorch
  });

  it('refuses what does not fit', () => {
    expect(() => crossEntropy(ones([2, 3]), ids([1]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: crossEntropy: logits [2, 3] take int32 class ids [2] or float32 probabilities of their own shape, but the target is int32[1].]`,
    );
    expect(() => crossEntropy(ones([2, 3]), ones([2]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: crossEntropy: logits [2, 3] take int32 class ids [2] or float32 probabilities of their own shape, but the target is float32[2].]`,
    );
    expect(() => crossEntropy(tensor(1), ids([]))).toThrowErrorMatchingInlineSnapshot(
      `[AxisError: crossEntropy: axis -1 of logits [] does not exist.]`,
    );
    expect(() =>
      crossEntropy(ones([2, 3]), ids([1, 1]), { axis: 2 }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[AxisError: crossEntropy: axis 2 of logits [2, 3] does not exist.]`,
    );
    expect(() =>
      crossEntropy(ones([1, 3]), ids([1]), { labelSmoothing: 2 }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ValueError: crossEntropy: labelSmoothing must lie in [0, 1], but got 2.]`,
    );
  });
});
