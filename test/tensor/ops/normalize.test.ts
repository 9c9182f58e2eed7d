import {
  batchNorm,
  groupNorm,
  key,
  layerNorm,
  normal,
  ones,
  rmsNorm,
  split,
  tensor,
  uniform,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

const random = (seed: number, shape: number[]): Tensor => normal(key(seed), shape).mul(2).add(1);

/** The largest difference of two tensors of one shape. */
function distance(a: Tensor, b: Tensor): number {
  expect(a.shape).toEqual(b.shape);
  return a.sub(b).abs().max().itemSync();
}

/** A handful of float32 roundings of numbers of size 1 to 10. */
const CLOSE = 1e-5;

/** The definition over `axes`. */
function standardized(x: Tensor, axes: readonly number[], eps: number): Tensor {
  const centred = x.sub(x.mean(axes, { keepDims: true }));
  return centred.div(x.variance(axes, { keepDims: true, correction: 0 }).add(eps).sqrt());
}

describe('layerNorm', () => {
  const x = random(0, [3, 4, 5]);
  const [weight, bias] = split(key(1)).map((each) => normal(each, [4, 5]));

  it('normalises the last axes, then scales and shifts', () => {
    expect(distance(layerNorm(x), standardized(x, [2], 1e-5))).toBeLessThan(CLOSE);
    const both = standardized(x, [1, 2], 0.1);
    expect(distance(layerNorm(x, { normalizedShape: [4, 5], eps: 0.1 }), both)).toBeLessThan(CLOSE);
    const affine = layerNorm(x, { weight, bias, eps: 0.1 });
    expect(distance(affine, both.mul(weight).add(bias))).toBeLessThan(CLOSE);
    const shifted = layerNorm(x, { normalizedShape: [4, 5], bias, eps: 0.1 });
    expect(distance(shifted, both.add(bias))).toBeLessThan(CLOSE);
  });

  it('takes views and nothing', () => {
    const view = x.transpose(0, 2).flip(1);
    expect(distance(layerNorm(view), standardized(view, [2], 1e-5))).toBeLessThan(CLOSE);
    expect(layerNorm(zeros([0, 3])).shape).toEqual([0, 3]);
    expect(layerNorm(zeros([0, 3]), { normalizedShape: [0, 3] }).shape).toEqual([0, 3]);
  });

  it('refuses shapes that do not fit', () => {
    expect(() => layerNorm(x, { normalizedShape: [4] })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: layerNorm: x is [3, 4, 5], but its last axes must be the normalised ones, [4].]`,
    );
    expect(() =>
      layerNorm(x, { normalizedShape: [1, 3, 4, 5] }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: layerNorm: x is [3, 4, 5], but its last axes must be the normalised ones, [1, 3, 4, 5].]`,
    );
    expect(() => layerNorm(x, { weight: ones([4]) })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: layerNorm: x is [3, 4, 5], but its last axes must be the normalised ones, [4].]`,
    );
    expect(() => layerNorm(x, { weight, bias: ones([5]) })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: layerNorm: weight, bias and statistics must be [4, 5], but one is [5].]`,
    );
    expect(() => layerNorm(tensor(1))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: layerNorm: a scalar has no last axis.]`,
    );
  });
});

describe('rmsNorm', () => {
  it('divides by the root of the mean square', () => {
    const x = random(2, [3, 8]);
    const weight = normal(key(3), [8]);
    const expected = x.div(x.square().mean(1, { keepDims: true }).add(0.1).sqrt());
    expect(distance(rmsNorm(x, { eps: 0.1 }), expected)).toBeLessThan(CLOSE);
    expect(distance(rmsNorm(x, { weight, eps: 0.1 }), expected.mul(weight))).toBeLessThan(CLOSE);
  });

  it('refuses what does not fit', () => {
    expect(() => rmsNorm(tensor(1))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: rmsNorm: a scalar has no last axis.]`,
    );
    expect(() => rmsNorm(ones([2, 3]), { weight: ones([2]) })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: rmsNorm: weight, bias and statistics must be [3], but one is [2].]`,
    );
  });
});

describe('groupNorm', () => {
  it('normalises groups of channels, then scales and shifts each channel', () => {
    const x = random(4, [2, 6, 3, 2]);
    const [weight, bias] = split(key(5)).map((each) => normal(each, [6]));
    const grouped = standardized(x.reshape([2, 3, 2, 3, 2]), [2, 3, 4], 1e-5).reshape(x.shape);
    expect(distance(groupNorm(x, 3), grouped)).toBeLessThan(CLOSE);
    const expected = grouped.mul(weight.reshape([6, 1, 1])).add(bias.reshape([6, 1, 1]));
    expect(distance(groupNorm(x, 3, { weight, bias }), expected)).toBeLessThan(CLOSE);
    expect(groupNorm(zeros([0, 6, 2]), 2).shape).toEqual([0, 6, 2]);
    expect(groupNorm(x.flatten(1).slice([null, [0, 6]]), 3).shape).toEqual([2, 6]);
  });

  it('refuses what does not fit', () => {
    expect(() => groupNorm(ones([2, 6, 3]), 4)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: groupNorm: the 6 channels of x [2, 6, 3] do not divide into 4 groups.]`,
    );
    expect(() => groupNorm(ones([2, 6, 3]), 0)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: groupNorm: the 6 channels of x [2, 6, 3] do not divide into 0 groups.]`,
    );
    expect(() => groupNorm(ones([6]), 2)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: groupNorm: [B, C, ...] expected, but got [6].]`,
    );
    expect(() =>
      groupNorm(ones([2, 6]), 2, { bias: ones([1]) }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: groupNorm: weight, bias and statistics must be [6], but one is [1].]`,
    );
  });
});

describe('batchNorm', () => {
  const x = random(6, [4, 3, 2, 5]);
  const running = { mean: normal(key(7), [3]), variance: uniform(key(8), [3]).add(0.5) };
  const [weight, bias] = split(key(9)).map((each) => normal(each, [3]));
  const perChannel = (t: Tensor): Tensor => t.reshape([3, 1, 1]);

  it('normalises by the batch in training, and moves the running statistics', () => {
    const trained = batchNorm(x, running, { training: true, weight, bias, momentum: 0.3 });
    const expected = standardized(x, [0, 2, 3], 1e-5).mul(perChannel(weight)).add(perChannel(bias));
    expect(distance(trained.output, expected)).toBeLessThan(CLOSE);
    const mean = running.mean.mul(0.7).add(x.mean([0, 2, 3]).mul(0.3));
    const variance = running.variance.mul(0.7).add(x.variance([0, 2, 3]).mul(0.3)); // unbiased
    expect(distance(trained.running.mean, mean)).toBeLessThan(CLOSE);
    expect(distance(trained.running.variance, variance)).toBeLessThan(CLOSE);
  });

  it('normalises by the running statistics otherwise, and keeps them', () => {
    const evaluated = batchNorm(x, running, { eps: 0.1 });
    const scale = running.variance.add(0.1).sqrt();
    const expected = x.sub(perChannel(running.mean)).div(perChannel(scale));
    expect(distance(evaluated.output, expected)).toBeLessThan(CLOSE);
    expect(evaluated.running).toBe(running);
    const single = x.slice([[0, 1], null, [0, 1], [0, 1]]);
    expect(batchNorm(single, running).output.shape).toEqual([1, 3, 1, 1]);
  });

  it('takes a batch of vectors', () => {
    const rows = random(10, [7, 3]);
    const { output } = batchNorm(rows, running, { training: true });
    expect(distance(output, standardized(rows, [0], 1e-5))).toBeLessThan(CLOSE);
  });

  it('refuses what does not fit', () => {
    const training = { training: true };
    expect(() => batchNorm(ones([1, 3, 1]), running, training)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: batchNorm: x [1, 3, 1] has a single value per channel, so it has no variance. Train on larger batches.]`,
    );
    expect(() => batchNorm(ones([2, 4]), running)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: batchNorm: weight, bias and statistics must be [4], but one is [3].]`,
    );
    expect(() => batchNorm(ones([3]), running)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: batchNorm: [B, C, ...] expected, but got [3].]`,
    );
    expect(() => batchNorm(x, running, { weight: ones([1]) })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: batchNorm: weight, bias and statistics must be [3], but one is [1].]`,
    );
  });
});
