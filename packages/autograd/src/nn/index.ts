/**
 * Neural network modules: classes whose fields are their parameters, so that a model is its own
 * parameter tree ({@link Module}), layers, initializers ({@link init}), losses, and a {@link summary} with
 * shapes and FLOPs. Names of fields are the names in checkpoints.
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
} from './attention.ts';
export { BatchNorm2d, type BatchNormOptions } from './batch-norm.ts';
export {
  Conv2d,
  ConvTranspose2d,
  type Conv2dOptions,
  type ConvTranspose2dOptions,
} from './conv.ts';
export { Dropout } from './dropout.ts';
export { Embedding, type EmbeddingOptions } from './embedding.ts';
export { init, type Initializer } from './init.ts';
export { Linear, type LinearOptions } from './linear.ts';
export { bceWithLogits, type BceWithLogitsOptions } from './losses/binary-cross-entropy.ts';
export { crossEntropy, type CrossEntropyOptions } from './losses/cross-entropy.ts';
export { klDiv, type KlDivOptions } from './losses/divergence.ts';
export type { LossOptions, Reduction } from './losses/reduction.ts';
export { mseLoss, smoothL1, type SmoothL1Options } from './losses/regression.ts';
export { Mlp, type MlpOptions } from './mlp.ts';
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
export { GroupNorm, LayerNorm, RMSNorm, type NormOptions } from './norm.ts';
export { observe, type Observer } from './observe.ts';
export { Apply, Sequential } from './sequential.ts';
export { measure, summary, type Forward, type ModuleCost } from './summary.ts';
