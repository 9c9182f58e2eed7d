// The public names of @tessera/dit: model, diffusion, training step and drawing, none of which needs Node.

/**
 * The Diffusion Transformer ({@link DiT}) with its block designs, the diffusion processes around it
 * ({@link createDiffusion}, {@link trainingLosses}, {@link sample}, {@link guidedForward}), the small
 * {@link Autoencoder} that gives it latents, the training step ({@link trainStep}), and trained runs that
 * draw ({@link loadRun}). Nothing here needs Node.
 *
 * @module @tessera/dit
 */
export { observe, type Observer } from '@tessera/autograd/nn';
export {
  Autoencoder,
  autoencoderLoss,
  samplePosterior,
  type Posterior,
} from './autoencoder/autoencoder.ts';
export { codecOf, type Codec, type Encoded, type LatentSource } from './codec/codec.ts';
export { encodeLatents, gatherPosteriors, type LatentSet } from './codec/latents.ts';
export type {
  ConditionConfig,
  ControlConditionConfig,
  LabelConditionConfig,
  MapConditionConfig,
  ScalarConditionConfig,
  TextConditionConfig,
} from './config/condition.ts';
export { IMAGE_SIZE, type AutoencoderConfig } from './config/autoencoder-config.ts';
export {
  parseTrainConfig,
  type AutoencoderTrainConfig,
  type TrainConfig,
} from './config/config.ts';
export { parseModelConfig, type ModelConfig } from './config/model-config.ts';
export type { OptimizerConfig } from './config/optimizer-config.ts';
export type { DiffusionConfig, SamplingConfig } from './config/diffusion-config.ts';
export {
  batchOrder,
  epochOrder,
  gatherImages,
  gatherLabels,
  padImages,
  scalePixels,
  unscalePixels,
  type BatchOrder,
} from './data/batches.ts';
export type { Annotations, GivenLatents, ImageSet, Labels } from './data/data-set.ts';
export {
  decodeIdxImages,
  decodeIdxLabels,
  encodeIdxImages,
  encodeIdxLabels,
  type IdxImages,
} from './data/idx.ts';
export {
  BACKENDS,
  CODECS,
  CONDITIONS,
  DECAYED,
  DESIGNS,
  OBJECTIVES,
  OPTIMIZERS,
  POSITIONS,
  PRESETS,
  COMPATS,
  RATE_SCHEDULES,
  SAMPLERS,
  samplersOf,
  SCHEDULES,
  SPACINGS,
  STAGES,
  TIMESTEP_SAMPLINGS,
  WEIGHTINGS,
  type BackendName,
  type CodecName,
  type Compat,
  type ConditionName,
  type Decayed,
  type Design,
  type Objective,
  type OptimizerName,
  type Position,
  type Preset,
  type RateSchedule,
  type Sampler,
  type Schedule,
  type Spacing,
  type TimestepSampling,
  type TrainStage,
  type Weighting,
} from './config/choices.ts';
export {
  boundTerm,
  priorTerm,
  variationalBound,
  type Bound,
  type BoundOptions,
  type BoundStep,
} from './diffusion/objective/bound.ts';
export {
  createDiffusion,
  splitOutput,
  type Denoiser,
  type Diffusion,
  type DiffusionOptions,
  type Predicted,
  type ReverseVariance,
} from './diffusion/process/diffusion.ts';
export {
  createFlow,
  flowEnds,
  flowSample,
  shiftTime,
  type Flow,
  type FlowOptions,
} from './diffusion/process/flow.ts';
export type { Process } from './diffusion/process/process.ts';
export {
  denoise,
  pReverse,
  type Denoised,
  type DenoiseOptions,
  type Reverse,
} from './diffusion/process/reverse.ts';
export {
  guidedByConditions,
  type ConditionedModel,
  type ConditionGuidance,
  type GuidanceForm,
} from './diffusion/guidance/conditions.ts';
export {
  guidedBatchForward,
  guidedForward,
  type ConditionalModel,
  type GuidanceOptions,
} from './diffusion/guidance/guidance.ts';
export type { GuidanceInterval } from './diffusion/guidance/interval.ts';
export { rescaleGuidance } from './diffusion/guidance/rescale.ts';
export {
  discretizedGaussianLogLikelihood,
  gaussianLogDensity,
  normalCdf,
  normalKl,
  type TensorOrNumber,
} from './diffusion/objective/likelihood.ts';
export {
  coefficient,
  epsFromV,
  epsFromXStart,
  modelTimestep,
  qMarginal,
  qPosterior,
  qSample,
  velocity,
  xStartFromEps,
  xStartFromV,
  type Gaussian,
} from './diffusion/process/noising.ts';
export {
  predictionTarget,
  trainingLosses,
  type LossKind,
  type LossOptions,
  type NoisedBatch,
  type TrainingLosses,
} from './diffusion/objective/objective.ts';
export {
  drawByLoss,
  lossHistory,
  recordLosses,
  type LossHistory,
  type WeightedTimesteps,
} from './diffusion/objective/loss-history.ts';
export { drawIntervals, type IntervalOptions } from './diffusion/objective/intervals.ts';
export { meanFlowLosses, type FlowMap, type MapBatch } from './diffusion/objective/mean-flow.ts';
export { drawTimesteps, type TimestepOptions } from './diffusion/objective/timesteps.ts';
export { minSnrWeights } from './diffusion/objective/weighting.ts';
export { respaceTimesteps } from './diffusion/schedule/respacing.ts';
export { runDiffusion } from './diffusion/run-diffusion.ts';
export {
  ddimReverseStep,
  ddimSigma,
  ddimStep,
  type DdimOptions,
} from './diffusion/sampler/ddim.ts';
export {
  inpaintSteps,
  type InpaintOptions,
  type KnownRegion,
} from './diffusion/sampler/inpaint.ts';
export {
  inversionSteps,
  invertDdim,
  type InversionOptions,
  type InversionStep,
} from './diffusion/sampler/inversion.ts';
export { ddpmStep } from './diffusion/sampler/ddpm.ts';
export { randomNoise, type NoiseSource } from './diffusion/sampler/noise.ts';
export {
  sample,
  sampleSteps,
  type SampledStep,
  type SamplerOptions,
} from './diffusion/sampler/sample.ts';
export { slerp } from './diffusion/sampler/slerp.ts';
export type { SamplerStep } from './diffusion/sampler/step.ts';
export type { SampledModel } from './diffusion/sampler/way.ts';
export { betaTable } from './diffusion/schedule/betas.ts';
export {
  createSchedule,
  type NoiseSchedule,
  type ScheduleOptions,
} from './diffusion/schedule/schedule.ts';
export { AdaLnZeroBlock } from './model/blocks/adaln-zero.ts';
export { AdaLnBlock } from './model/blocks/adaln.ts';
export { Block, type BlockDesign, type BlockSizes } from './model/blocks/block.ts';
export { CrossAttentionBlock } from './model/blocks/cross-attention.ts';
export { blockDesigns } from './model/blocks/designs.ts';
export { InContextBlock } from './model/blocks/in-context.ts';
export { ModernBlock } from './model/blocks/modern.ts';
export {
  Condition,
  type Branch,
  type ContextTokens,
  type Contribution,
  type ValueKind,
} from './model/conditions/condition.ts';
export type { ControlCondition } from './model/conditions/control.ts';
export {
  type Conditioning,
  type ConditionModules,
  type ConditionValues,
} from './model/conditions/conditions.ts';
export { encodeTexts } from './model/conditions/text.ts';
export { macCount, parameterCount } from './model/counts.ts';
export { withControl, withControlScale } from './model/control.ts';
export { withConditions, withDecoder } from './model/extend.ts';
export { DiT, latentShape, outChannels, patchGrid, type ForwardOptions } from './model/dit.ts';
export { FinalLayer, type FinalLayerOptions } from './model/final-layer.ts';
export {
  blankStart,
  officialStart,
  type Initialization,
  type WeightStart,
} from './model/initialization.ts';
export { LabelEmbedder, type LabelEmbedderOptions } from './model/label.ts';
export { modulate, Modulation, type ModulationOptions } from './model/modulate.ts';
export { patchify, PatchEmbed, unpatchify, type PatchEmbedOptions } from './model/patchify.ts';
export {
  observeForward,
  type ObservedBlock,
  type ObservedForward,
} from './model/observed-forward.ts';
export { sinCos1d, sinCos2d } from './model/position.ts';
export { TimestepEmbedder, timestepEmbedding } from './model/timestep.ts';
export { zoo, type ZooName, type ZooPatch, type ZooSize } from './model/zoo.ts';
export { flowMapConfig, type FlowMapChanges } from './run/flow-map-config.ts';
export { presetConfig, type PresetChanges } from './config/presets.ts';
export type { ConditionArrays } from './sample/conditioning.ts';
export type {
  Asked,
  BlendedEnd,
  GeneratedStep,
  GenerateOptions,
  InvertOptions,
  LatentRegion,
} from './sample/generate-options.ts';
export { Generator, type Decoder } from './sample/generator.ts';
export type { SampleProgress } from './sample/options.ts';
export { loadRun, TrainedRun, type DrawOptions, type RunParts } from './sample/trained-run.ts';
export { branchLoss, branchOf, withBranch } from './train/from-run/branch.ts';
export {
  diffusionLoss,
  rememberingLoss,
  type DiffusionBatch,
  type LossMemory,
} from './train/diffusion-loss.ts';
export { flowMapLoss } from './train/flow-map-loss.ts';
export {
  compiledTrainStep,
  initialState,
  lossOfDraws,
  trainStep,
  type Loss,
  type LossParts,
  type RememberingLoss,
  type StepMetrics,
  type StepOptions,
  type TrainState,
  type TrainStep,
} from './train/step.ts';
export { encodeModule } from './model/weights/encode-weights.ts';
export { loadModule } from './model/weights/decode-weights.ts';
