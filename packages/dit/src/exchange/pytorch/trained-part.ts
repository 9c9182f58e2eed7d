// What a run trains in PyTorch, and the weights of another run that go with it.

import { key } from '@tessera/tensor';
import { lastBranch } from '../../config/condition.ts';
import type { TrainConfig } from '../../config/config.ts';
import type { ModelConfig } from '../../config/model-config.ts';
import { withControl } from '../../model/control.ts';
import { DiT } from '../../model/dit.ts';
import { withHistory } from '../../train/diffusion-loss.ts';
import { branchOf, withBranch } from '../../train/from-run/branch.ts';
import { trainedBranch } from '../../train/stages/trainee.ts';
import { initialState, type TrainState } from '../../train/step.ts';

/**
 * The model of the run that a training starts from and does not change: the teacher of a flow map, or the model below
 * a ControlNet; `undefined` for a run that needs none.
 */
export function baseModelOf({ diffusion, model }: TrainConfig): ModelConfig | undefined {
  if (diffusion.objective === 'mean-flow') {
    const { decoderDepth: _, ...flow } = model;
    return flow;
  }
  if (lastBranch(model) === undefined) return undefined;
  const { conditions = [], ...own } = model;
  return conditions.length === 1 ? own : { ...own, conditions: conditions.slice(0, -1) };
}

/** Hands on the state of a training to be filled, and how what is trained becomes a whole model. */
export function withTrainedPart<R>(
  config: TrainConfig,
  base: DiT | undefined,
  use: <M>(blank: TrainState<M>, modelOf: (part: M) => DiT) => R,
): R {
  const blank = <M>(part: M): TrainState<M> =>
    withHistory(initialState(part, key(0), config.optimizer), config);
  const branch = trainedBranch(config);
  if (base === undefined || branch === undefined) {
    return use(blank(DiT.blank(config.model)), (whole) => whole);
  }
  const { kind: _, ...control } = branch;
  const model = withControl(base, control, key(0));
  return use(blank(branchOf(model, control.name)), (part) => withBranch(model, control.name, part));
}
