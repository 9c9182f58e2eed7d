export { Buffer } from '../leaves.ts';
export {
  CrossAttention,
  SelfAttention,
  type AttentionOptions,
  type CrossAttentionOptions,
} from './attention.ts';
export { Conv2d, type Conv2dOptions } from './conv.ts';
export { Embedding, type EmbeddingOptions } from './embedding.ts';
export { init, type Initializer } from './init.ts';
export { Linear, type LinearOptions } from './linear.ts';
export { bceWithLogits, type BceWithLogitsOptions } from './losses/binary-cross-entropy.ts';
export { crossEntropy, type CrossEntropyOptions } from './losses/cross-entropy.ts';
export { klDiv, type KlDivOptions } from './losses/divergence.ts';
export type { LossOptions, Reduction } from './losses/reduction.ts';
export { mseLoss, smoothL1, type SmoothL1Options } from './losses/regression.ts';
export { Mlp, type MlpOptions } from './mlp.ts';
export { countParameters, loadTensors, Module, namedParameters, namedTensors } from './module.ts';
export { GroupNorm, LayerNorm, type NormOptions } from './norm.ts';
