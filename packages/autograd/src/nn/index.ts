// The public names for neural networks (@tessera/autograd/nn).

/**
 * Neural network modules: classes whose fields are their parameters, so that a model is its own parameter
 * tree ({@link Module}), layers, initializers ({@link init}), losses, and a {@link summary} with shapes and
 * FLOPs. Field names are the names in checkpoints.
 *
 * @module @tessera/autograd/nn
 */
export { Buffer } from '../leaves.ts';
export {
  CrossAttention,
  SelfAttention,
  type AttentionMask,
  type AttentionOptions,
  type CrossAttentionOptions,
} from './layers/attention.ts';
export { BatchNorm2d, type BatchNormOptions } from './layers/batch-norm.ts';
export {
  Conv2d,
  ConvTranspose2d,
  type Conv2dOptions,
  type ConvTranspose2dOptions,
} from './layers/conv2d.ts';
export { Dropout } from './layers/dropout.ts';
export { Embedding, type EmbeddingOptions } from './layers/embedding.ts';
export { init, type Initializer } from './layers/init.ts';
export { Linear, type LinearOptions } from './layers/linear.ts';
export { bceWithLogits, type BceWithLogitsOptions } from './losses/binary-cross-entropy.ts';
export { crossEntropy, type CrossEntropyOptions } from './losses/cross-entropy.ts';
export { klDiv, type KlDivOptions } from './losses/divergence.ts';
export type { LossOptions, Reduction } from './losses/reduction.ts';
export { mseLoss, smoothL1, type SmoothL1Options } from './losses/regression.ts';
export { Mlp, type MlpOptions } from './layers/mlp.ts';
export {
  countParameters,
  loadTensors,
  Module,
  namedModules,
  namedParameters,
  namedTensors,
  withFields,
  type Layer,
  type Trained,
} from './module.ts';
export { GroupNorm, LayerNorm, RMSNorm, type NormOptions } from './layers/norm.ts';
export { observe, type Observer } from './observe.ts';
export { Apply, Sequential } from './layers/sequential.ts';
export { measure, summary, type Forward, type ModuleCost } from './summary.ts';
