// The configuration of a run that trains a ControlNet on the model of another run.

import { ValueError } from '@tessera/tensor';
import type { ControlName } from '../config/choices.ts';
import { codecName, imageShapeOfRun } from '../config/codec/codec-rules.ts';
import { INPAINT, type ControlConditionConfig } from '../config/condition.ts';
import { parseTrainConfig, type TrainConfig } from '../config/config.ts';
import { changedDiffusion, warmupSteps, type PresetChanges } from '../config/presets.ts';

/** Settings of a branch's training that differ from those of the run it is trained on. */
export type BranchChanges = Omit<
  PresetChanges,
  'design' | 'conditions' | 'objective' | 'pixels' | 'schedule'
>;

/** The share of blocks that the branch copies. */
const BRANCH_SHARE = 1 / 2;

/**
 * The configuration of a ControlNet on the model of a run: that of the run, with a branch that copies the first half
 * of its blocks.
 *
 * @param run The configuration of the run to start from.
 * @param from The folder of that run.
 * @throws ValueError if the run is a flow map, or was trained on given latents; FormatError if the settings do not go together
 */
export function branchConfig(
  run: TrainConfig,
  from: string,
  name: ControlName,
  changes: BranchChanges,
): TrainConfig {
  const { model, optimizer, accumulate: _a, checkpoint: _c, ...rest } = run;
  if (run.diffusion.objective === 'mean-flow') {
    throw new ValueError(
      'train',
      `${from} is a flow map, which is trained to follow a flow and not to take a ControlNet. Name the run of its flow.`,
    );
  }
  if (codecName(run) === 'latents') {
    throw new ValueError(
      'train',
      `${from} was trained on latents, and a ControlNet reads maps of images. Name a run on images.`,
    );
  }
  const { timestepSampling: _t, weighting: _w, ...others } = changes;
  const { steps = run.steps } = changes;
  const image = imageShapeOfRun('train', run);
  const control: ControlConditionConfig = {
    kind: 'control',
    name,
    size: image.size,
    channels: name === INPAINT ? image.channels : 1,
    blocks: Math.ceil(model.depth * BRANCH_SHARE),
    dropoutProb: 0,
  };
  return parseTrainConfig(
    {
      ...rest,
      ...others,
      from,
      model: { ...model, conditions: [...(model.conditions ?? []), control] },
      diffusion: changedDiffusion(run.diffusion, changes),
      optimizer: { ...optimizer, warmupSteps: Math.min(optimizer.warmupSteps, warmupSteps(steps)) },
    },
    from,
  );
}
