// What a run trains in PyTorch, and how it becomes a whole model again.

import { key } from '@tessera/tensor';
import type { TrainConfig } from '../../config/config.ts';
import { DiT } from '../../model/dit.ts';
import { withHistory } from '../../train/diffusion-loss.ts';
import { branchPart, trainedBranch } from '../../train/stages/trainee.ts';
import { initialState, type TrainState } from '../../train/step.ts';

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
  const { start, modelOf } = branchPart(branch, base, key(0));
  return use(blank(start), modelOf);
}
