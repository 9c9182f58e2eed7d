// The public names for training (@tessera/autograd/optim).

/**
 * Optimizers as pure functions of trees ({@link Optimizer}): {@link adamw}, {@link sgd} and others, with
 * learning rate schedules, gradient clipping and moving averages. The state is a tree of tensors, so a whole
 * training step compiles.
 *
 * @module @tessera/autograd/optim
 */
export { adam, adamw, type AdamOptions, type AdamState } from './adamw.ts';
export { clipByGlobalNorm, clipByValue, globalNorm, type Clipped } from './clip.ts';
export { emaDecay, emaUpdate } from './ema.ts';
export { lion, type LionOptions, type LionState } from './lion.ts';
export { muon, orthogonalize, type MuonOptions, type MuonState } from './muon.ts';
export {
  type Optimizer,
  type ParameterSettings,
  type PerParameter,
  type StepOptions,
  type StepResult,
  type TensorsByPath,
} from './optimizer.ts';
export { rmsprop, type RmspropOptions, type RmspropState } from './rmsprop.ts';
export {
  constantSchedule,
  cosineSchedule,
  exponentialSchedule,
  linearSchedule,
  oneCycleSchedule,
  stepSchedule,
  trapezoidSchedule,
  type CosineOptions,
  type ExponentialOptions,
  type LinearOptions,
  type OneCycleOptions,
  type Schedule,
  type StepScheduleOptions,
  type TrapezoidOptions,
} from './schedule.ts';
export { sgd, type SgdOptions, type SgdState } from './sgd.ts';
