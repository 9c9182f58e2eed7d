import { expectDType } from '../dtype.ts';
import { formatShape, ShapeError } from '../errors.ts';
import { sameShape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import type { Composite } from './composite.ts';

/** Added to the variance. */
export type LayerNormParams = { readonly eps: number };

/**
 * `y = (x − mean x) / √(var x + eps)` over the last axis, without affine parameters.
 *
 * Source: Ba et al. 2016, "Layer normalization", equation 3.
 */
export const layerNorm: Composite<LayerNormParams> = {
  kind: 'composite',
  name: 'layerNorm',
  doc: 'y = (x − mean x) / √(var x + eps) over the last axis',
  infer: ([x]) => {
    expectDType('layerNorm', x.dtype, ['float32']);
    if (x.shape.length === 0)
      throw new ShapeError('layerNorm', 'a scalar has no last axis.', [x.shape]);
    return [x];
  },
  decompose: ([x], { eps }) => [normalize(x, eps).normalized],
  flops: ([x]) => 8 * sizeOf(x.shape),
};

/** The vjp of layerNorm from its input: `x̄ = (ȳ − mean ȳ − y · mean(ȳ·y)) / √(var x + eps)`. */
export const layerNormGrad: Composite<LayerNormParams> = {
  kind: 'composite',
  name: 'layerNormGrad',
  doc: 'of x and ȳ: x̄ = (ȳ − mean ȳ − y · mean(ȳ·y)) / √(var x + eps)',
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
    const { normalized, scale } = normalize(x, eps);
    const mean = cotangent.mean(-1, { keepDims: true });
    const along = cotangent.mul(normalized).mean(-1, { keepDims: true });
    return [cotangent.sub(mean).sub(normalized.mul(along)).mul(scale)];
  },
  flops: ([x]) => 14 * sizeOf(x.shape),
};

function normalize(x: Tensor, eps: number): { normalized: Tensor; scale: Tensor } {
  const centered = x.sub(x.mean(-1, { keepDims: true }));
  const scale = centered.square().mean(-1, { keepDims: true }).add(eps).rsqrt();
  return { normalized: centered.mul(scale), scale };
}
