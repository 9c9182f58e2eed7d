// Layer norm, its statistics and its gradient, defined by primitives.

import { expectDType } from '../array/dtype.ts';
import { formatShape, ShapeError } from '../errors.ts';
import { apply } from '../interpreter.ts';
import { sameShape, sizeOf } from '../array/shape.ts';
import type { Tensor } from '../tensor.ts';
import type { Composite } from './composite.ts';

/** The number that is added to the variance. */
export type LayerNormParams = { readonly eps: number };

/**
 * `y = (x − mean x) / √(var x + eps)` over the last axis, without affine parameters.
 *
 * Source: Ba et al. 2016, "Layer normalization", equation 3.
 */
export const layerNorm: Composite<LayerNormParams> = {
  kind: 'composite',
  name: 'layerNorm',
  infer: ([x]) => {
    expectDType('layerNorm', x.dtype, ['float32']);
    if (x.shape.length === 0)
      throw new ShapeError('layerNorm', 'a scalar has no last axis.', [x.shape]);
    return [x];
  },
  decompose: ([x], { eps }) => {
    const [mean, scale] = apply(layerNormStatistics, [x], { eps });
    return [x.sub(mean.unsqueeze(-1)).mul(scale.unsqueeze(-1))];
  },
  flops: ([x]) => 8 * sizeOf(x.shape),
};

/**
 * The mean and `1 / √(var + eps)` of each row, as layerNorm needs them. With a kernel for these two, the rest
 * is pointwise. So it fuses with the work after it, and is computed again where its gradient needs it.
 */
export const layerNormStatistics: Composite<LayerNormParams> = {
  kind: 'composite',
  name: 'layerNormStatistics',
  infer: ([x]) => {
    expectDType('layerNormStatistics', x.dtype, ['float32']);
    if (x.shape.length === 0)
      throw new ShapeError('layerNormStatistics', 'a scalar has no last axis.', [x.shape]);
    const rows = { shape: x.shape.slice(0, -1), dtype: 'float32' } as const;
    return [rows, rows];
  },
  decompose: ([x], { eps }) => {
    const { mean, scale } = statistics(x, eps);
    return [mean.squeeze(-1), scale.squeeze(-1)];
  },
  flops: ([x]) => 6 * sizeOf(x.shape),
};

/** The vjp of layerNorm from its input: `x̄ = (ȳ − mean ȳ − y · mean(ȳ·y)) / √(var x + eps)`. */
export const layerNormGrad: Composite<LayerNormParams> = {
  kind: 'composite',
  name: 'layerNormGrad',
  infer: ([x, cotangent]) => {
    if (!sameShape(x.shape, cotangent.shape)) {
      throw new ShapeError(
        'layerNormGrad',
        `x is ${formatShape(x.shape)}, ȳ is ${formatShape(cotangent.shape)}: they must agree.`,
        [x.shape, cotangent.shape],
      );
    }
    return [x];
  },
  decompose: ([x, cotangent], { eps }) => {
    const { centered, scale } = statistics(x, eps);
    const normalized = centered.mul(scale);
    const mean = cotangent.mean(-1, { keepDims: true });
    const along = cotangent.mul(normalized).mean(-1, { keepDims: true });
    return [cotangent.sub(mean).sub(normalized.mul(along)).mul(scale)];
  },
  flops: ([x]) => 14 * sizeOf(x.shape),
};

/** The mean of each row, x minus the mean, and `1 / √(var + eps)`. */
function statistics(x: Tensor, eps: number): { mean: Tensor; centered: Tensor; scale: Tensor } {
  const mean = x.mean(-1, { keepDims: true });
  const centered = x.sub(mean);
  const scale = centered.square().mean(-1, { keepDims: true }).add(eps).rsqrt();
  return { mean, centered, scale };
}
