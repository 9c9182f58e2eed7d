// What a run trains: a new model, a trained one that is told more, its flow map, or a branch on it.

import type { Tensor } from '@tessera/tensor';
import { lastBranch, type ControlConditionConfig } from '../../config/condition.ts';
import type { TrainConfig } from '../../config/config.ts';
import type { ModelConfig } from '../../config/model-config.ts';
import type { ControlCondition } from '../../model/conditions/control.ts';
import { withControl } from '../../model/control.ts';
import { DiT } from '../../model/dit.ts';
import { withDecoder } from '../../model/extend.ts';
import type { DiffusionBatch } from '../diffusion-loss.ts';
import { lossOf } from '../flow-map-loss.ts';
import { branchLoss, branchOf, withBranch } from '../from-run/branch.ts';
import { extendedModel } from '../from-run/extension.ts';
import type { Loss, RememberingLoss } from '../step.ts';

/** What is trained, and the model that it is or belongs to. */
export interface Trainee<M> {
  readonly start: M;
  readonly loss: Loss<M, DiffusionBatch> | RememberingLoss<M, DiffusionBatch>;
  readonly modelOf: (part: M) => DiT;
}

/** The branch that a run trains on a model that stays as it is; `undefined` for a run that trains a whole model. */
export function trainedBranch({
  diffusion,
  model,
}: Pick<TrainConfig, 'diffusion' | 'model'>): ControlConditionConfig | undefined {
  return diffusion.objective === 'mean-flow' ? undefined : lastBranch(model);
}

/**
 * Hands on what the configuration of a run trains: a branch on the model of a base run, a flow map that starts from
 * it, that model with further conditions, or a new model.
 */
export function withTrainee<R>(
  config: TrainConfig,
  latentScale: number,
  key: Tensor,
  base: DiT | undefined,
  use: <M>(trainee: Trainee<M>) => R,
): R {
  const branch = trainedBranch(config);
  return base === undefined || branch === undefined
    ? use(wholeTrainee(config, latentScale, key, base))
    : use(branchTrainee(config, latentScale, key, base, branch));
}

/** A model all of which is trained: a new one, or one that starts as the model of a base run. */
function wholeTrainee(
  config: TrainConfig,
  latentScale: number,
  key: Tensor,
  base: DiT | undefined,
): Trainee<DiT> {
  const teacher = config.diffusion.objective === 'mean-flow' ? base : undefined;
  return {
    start: startOf(config.model, key, base, teacher),
    loss: lossOf(config, latentScale, teacher),
    modelOf: (whole) => whole,
  };
}

/** The model before the first step. */
function startOf(
  model: ModelConfig,
  key: Tensor,
  base: DiT | undefined,
  teacher: DiT | undefined,
): DiT {
  if (teacher !== undefined) return withDecoder(teacher, model.decoderDepth ?? 0);
  return base === undefined ? DiT.init(model, key) : extendedModel(model, base, key);
}

/** The training of a branch on a model that stays as it is. */
function branchTrainee(
  config: TrainConfig,
  latentScale: number,
  key: Tensor,
  trunk: DiT,
  branch: ControlConditionConfig,
): Trainee<ControlCondition> {
  const { model, ...part } = branchPart(branch, trunk, key);
  return { ...part, loss: branchLoss(lossOf(config, latentScale), model, branch.name) };
}

/** What a trained branch starts as, the model that it starts in, and how it becomes a whole model again. */
interface BranchPart extends Pick<Trainee<ControlCondition>, 'start' | 'modelOf'> {
  readonly model: DiT;
}

/** A branch on a model that stays as it is. */
export function branchPart(branch: ControlConditionConfig, trunk: DiT, key: Tensor): BranchPart {
  const { kind: _, ...control } = branch;
  const model = withControl(trunk, control, key);
  return {
    model,
    start: branchOf(model, control.name),
    modelOf: (trained) => withBranch(model, control.name, trained),
  };
}
