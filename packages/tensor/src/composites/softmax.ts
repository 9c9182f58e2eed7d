// Softmax, its gradient, logSumExp and logSoftmax, defined by primitives.

import { expectDType } from '../array/dtype.ts';
import { formatShape, ShapeError } from '../errors.ts';
import { sameShape, sizeOf } from '../array/shape.ts';
import type { Composite } from './composite.ts';

/** The axis along which probabilities sum to 1, counted from the front. */
export type SoftmaxParams = { readonly axis: number };

/** `y = e^(x − max x) / Σ e^(x − max x)` along an axis. The cpu backend runs this definition. */
export const softmax: Composite<SoftmaxParams> = {
  kind: 'composite',
  name: 'softmax',
  infer: ([x]) => {
    expectDType('softmax', x.dtype, ['float32']);
    return [x];
  },
  decompose: ([x], { axis }) => {
    if (x.shape[axis] === 0) return [x];
    const exponentials = x.sub(x.max(axis, { keepDims: true })).exp();
    return [exponentials.div(exponentials.sum(axis, { keepDims: true }))];
  },
  flops: ([x]) => 5 * sizeOf(x.shape),
};

/** The vjp of softmax from its result: `x̄ = y · (ȳ − Σ ȳ·y)`. */
export const softmaxGrad: Composite<SoftmaxParams> = {
  kind: 'composite',
  name: 'softmaxGrad',
  infer: ([y, cotangent]) => {
    if (!sameShape(y.shape, cotangent.shape)) {
      throw new ShapeError(
        'softmaxGrad',
        `y is ${formatShape(y.shape)}, ȳ is ${formatShape(cotangent.shape)}: they must agree.`,
        [y.shape, cotangent.shape],
      );
    }
    return [y];
  },
  decompose: ([y, cotangent], { axis }) => [
    y.mul(cotangent.sub(cotangent.mul(y).sum(axis, { keepDims: true }))),
  ],
  flops: ([y]) => 4 * sizeOf(y.shape),
};

/** `y = ln Σ e^x` along an axis, which the result lacks; safe from overflow, and −∞ if all x are −∞. */
export const logSumExp: Composite<SoftmaxParams> = {
  kind: 'composite',
  name: 'logSumExp',
  infer: ([x], { axis }) => {
    expectDType('logSumExp', x.dtype, ['float32']);
    return [{ shape: x.shape.filter((_, i) => i !== axis), dtype: 'float32' }];
  },
  decompose: ([x], { axis }) => {
    if (x.shape[axis] === 0) return [x.sum(axis).log()];
    const peak = x.max(axis, { keepDims: true });
    const finite = peak.abs().less(Infinity).where(peak, 0);
    return [x.sub(finite).exp().sum(axis).log().add(finite.squeeze(axis))];
  },
  flops: ([x]) => 4 * sizeOf(x.shape),
};

/** `y = x − ln Σ e^x` along an axis. The largest x is subtracted first, so that large x do not cancel. */
export const logSoftmax: Composite<SoftmaxParams> = {
  kind: 'composite',
  name: 'logSoftmax',
  infer: ([x]) => {
    expectDType('logSoftmax', x.dtype, ['float32']);
    return [x];
  },
  decompose: ([x], { axis }) => {
    if (x.shape[axis] === 0) return [x];
    const peak = x.max(axis, { keepDims: true });
    const shifted = x.sub(peak.abs().less(Infinity).where(peak, 0));
    return [shifted.sub(shifted.exp().sum(axis, { keepDims: true }).log())];
  },
  flops: ([x]) => 5 * sizeOf(x.shape),
};
