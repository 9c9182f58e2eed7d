// The list of all composites by name.

import { attention, attentionGrad, type AttentionParams } from './attention.ts';
import type { Composite } from './composite.ts';
import {
  layerNorm,
  layerNormGrad,
  layerNormStatistics,
  type LayerNormParams,
} from './layer-norm.ts';
import { logSoftmax, logSumExp, softmax, softmaxGrad, type SoftmaxParams } from './softmax.ts';

/** The attributes of every composite by name. */
export interface CompositeParams {
  softmax: SoftmaxParams;
  softmaxGrad: SoftmaxParams;
  logSumExp: SoftmaxParams;
  logSoftmax: SoftmaxParams;
  layerNorm: LayerNormParams;
  layerNormStatistics: LayerNormParams;
  layerNormGrad: LayerNormParams;
  attention: AttentionParams;
  attentionGrad: AttentionParams;
}

/**
 * The attributes of the composites for which a backend may have a kernel. layerNorm is not among them: it
 * becomes a kernel for its statistics, and pointwise work that fuses with its neighbours.
 */
export type FusedParams = Omit<CompositeParams, 'layerNorm'>;

/** The name of a composite. */
export type CompositeName = keyof CompositeParams;

/**
 * The composites.
 *
 * @example
 * apply(composites.softmax, [zeros([2])], { axis: 0 })[0]; // [0.5, 0.5]
 */
export const composites: { readonly [N in CompositeName]: Composite<CompositeParams[N]> } = {
  softmax,
  softmaxGrad,
  logSumExp,
  logSoftmax,
  layerNorm,
  layerNormStatistics,
  layerNormGrad,
  attention,
  attentionGrad,
};
