// The public names that need Node: data files, run folders, training and sampling (@tessera/dit/node).

/**
 * What needs Node: the digits of MNIST ({@link loadMnist}), other data ({@link readData}), folders of runs and their checkpoints, whole
 * training runs ({@link train}) and sampling from them ({@link sampleRun}).
 *
 * @module @tessera/dit/node
 */
export {
  captionOf,
  heldOutCombinations,
  strokeWords,
  type StrokeWords,
} from './data/measures/captions.ts';
export { conditionMap } from './data/measures/maps.ts';
export { strokeOf, type Stroke } from './data/measures/strokes.ts';
export {
  loadMnist,
  MNIST_CLASSES,
  type DigitSet,
  type LoadOptions,
  type Mnist,
} from './data/mnist.ts';
export {
  evaluateImages,
  type ImageEvaluation,
  type ReadableImages,
} from './evaluate/evaluate-images.ts';
export {
  drawEvaluationPart,
  evaluateRun,
  type EvaluateOptions,
  type EvaluateProgress,
  type Evaluation,
  type GuidedScores,
} from './evaluate/evaluate-run.ts';
export type { DenoisingError } from './evaluate/denoising-error.ts';
export type { LeNet } from './evaluate/lenet.ts';
export type { Marks, RealImages } from './evaluate/reference.ts';
export {
  readImages,
  readRuler,
  type Reading,
  type Ruler,
  type RulerCard,
} from './evaluate/ruler.ts';
export type { FeatureSet } from './evaluate/features.ts';
export type { Scores } from './evaluate/scores.ts';
export type { Estimate } from './evaluate/student.ts';
export type {
  AnnotatedImages,
  Annotations,
  BadFile,
  DataFacts,
  DataSet,
  GivenLatents,
  ImageData,
  ImageSet,
  Labels,
  LatentData,
} from './data/data-set.ts';
export { exportToOnnx, type OnnxExport, type OnnxOptions } from './exchange/onnx/export-onnx.ts';
export type { OnnxPart } from './exchange/onnx/parts.ts';
export { exportToPytorch, type ExportOptions } from './exchange/pytorch/export-run.ts';
export { importFromPytorch, type ImportOptions } from './exchange/pytorch/import-run.ts';
export { loadDiffusers, saveDiffusers } from './exchange/diffusers/diffusers-folder.ts';
export { exportWeights, type ExportWeightsOptions } from './exchange/weights/export-weights.ts';
export { importWeights, type ImportWeightsOptions } from './exchange/weights/import-weights.ts';
export { readData } from './data/read-data.ts';
export type { ReadOptions } from './data/readers/reader.ts';
export { presetConfig, type PresetChanges } from './config/presets.ts';
export { reportRun, type ReportOptions } from './report/report.ts';
export type { StepPlace } from './run/anomaly-file.ts';
export { writeFileAtomic } from './run/atomic-file.ts';
export { loadModule, saveModule, type LoadModuleOptions } from './run/checkpoint.ts';
export { appendLogRow, readLog, type LogRow, type ModuleNorms } from './run/log.ts';
export type { StateName } from './run/state/state-folder.ts';
export {
  chooseRunFolder,
  claimRunFolder,
  readRunConfig,
  RUN_FILES,
  SHIPPED_RUN,
  writeRunConfig,
} from './run/run-folder.ts';
export type { GenerateOptions } from './sample/generate-options.ts';
export { Generator, type Decoder } from './sample/generator.ts';
export type { SampleOptions, SampleProgress } from './sample/options.ts';
export { readRun, sampleRun } from './sample/sample-run.ts';
export { replayStep, type ReplayedStep, type ReplayOptions } from './train/anomaly/replay.ts';
export {
  latentTraining,
  type LabelledLatents,
  type LatentTraining,
} from './train/latents/latent-training.ts';
export {
  sharedLatents,
  type LabelledImages,
  type SharedLatents,
} from './train/latents/shared-latents.ts';
export { trainingFlops, trainingHours } from './train/cost.ts';
export type {
  ResumeOptions,
  SaveInterval,
  StageStart,
  TrainOptions,
  TrainProgress,
} from './train/options.ts';
export { resumeRun, train } from './train/train.ts';
