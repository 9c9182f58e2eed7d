import {
  attention,
  compile,
  key,
  logSoftmax,
  logSumExp,
  normal,
  softmax,
  tensor,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { describe, expect, it } from 'vitest';

describe('an empty axis', () => {
  it('has no probabilities, and a sum of none is ln 0', () => {
    for (const shape of [[2, 0], [0], [2, 0, 3]]) {
      const axis = shape.indexOf(0);
      expect(softmax(zeros(shape), axis).shape).toEqual(shape);
      expect(logSoftmax(zeros(shape), axis).shape).toEqual(shape);
      const sums = [...logSumExp(zeros(shape), axis).dataSync()];
      expect(sums.every((each) => each === -Infinity)).toBe(true);
      expect(compile((x: Tensor) => softmax(x, axis))(zeros(shape)).shape).toEqual(shape);
    }
    const [q, none] = [zeros([2, 3]), zeros([0, 3])];
    expect(attention(q, none, none).toArraySync()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });
});

describe('logSumExp', () => {
  const x = normal(key(0), [2, 3, 4]);

  it('reduces one axis, several or all', () => {
    for (const axes of [1, [0, 2], [-1, 0], null] as const) {
      const expected = x.exp().sum(axes).log();
      const reduced = logSumExp(x, axes);
      expect(reduced.shape).toEqual(expected.shape);
      expect(reduced.sub(expected).abs().max().itemSync()).toBeLessThan(1e-6);
      const kept = logSumExp(x, axes, { keepDims: true });
      expect(kept.shape).toEqual(x.sum(axes, { keepDims: true }).shape);
      expect([...kept.dataSync()]).toEqual([...reduced.dataSync()]);
    }
    expect(logSumExp(x, []).sub(x).abs().max().itemSync()).toBeLessThan(1e-6);
  });

  it('neither overflows nor turns −∞ into NaN', () => {
    const rows = tensor([[1e4, 1e4], [-Infinity, -Infinity], [Infinity, 0]]); // prettier-ignore
    expect(logSumExp(rows).toArraySync()).toEqual([
      Math.fround(1e4 + Math.LN2),
      -Infinity,
      Infinity,
    ]);
  });

  it('refuses axes that are not there', () => {
    expect(() => logSumExp(x, [0, 3])).toThrowErrorMatchingInlineSnapshot(
      `[AxisError: logSumExp: axis 3 does not exist: valid axes are -3 to 2.]`,
    );
  });
});
