export { adam, adamw, type AdamOptions, type AdamState } from './adamw.ts';
export { clipByGlobalNorm, globalNorm, type Clipped } from './clip.ts';
export { emaDecay, emaUpdate } from './ema.ts';
export {
  type Optimizer,
  type ParameterSettings,
  type PerParameter,
  type StepOptions,
  type StepResult,
  type TensorsByPath,
} from './optimizer.ts';
export { constantSchedule, cosineSchedule, type CosineOptions, type Schedule } from './schedule.ts';
export { sgd, type SgdOptions, type SgdState } from './sgd.ts';
