import { composites } from '../composites/table.ts';
import { apply } from '../interpreter.ts';
import type { Tensor } from '../tensor.ts';

/**
 * `(x − mean) / √(var + eps)` over the last axis, without affine parameters.
 *
 * @param eps Default 1e-6, DiT's.
 *
 * Source: Ba et al. 2016, "Layer normalization", equation 3.
 */
export function layerNorm(x: Tensor, eps = 1e-6): Tensor {
  return apply(composites.layerNorm, [x], { eps })[0];
}
