// The configuration of a run that trains the model of another on, with further conditions.

import { ValueError } from '@tessera/tensor';
import { CONDITIONS, type ConditionName } from '../config/choices.ts';
import { codecName, imageShapeOfRun } from '../config/codec/codec-rules.ts';
import { INPAINT, LABEL, type ConditionConfig } from '../config/condition.ts';
import { parseTrainConfig, type TrainConfig } from '../config/config.ts';
import type { ModelConfig } from '../config/model-config.ts';
import {
  changedDiffusion,
  checkConditionNames,
  conditionOf,
  JOINT_DROPOUT,
  TRAINED_RATE_SHARE,
  warmupSteps,
} from '../config/presets.ts';
import type { BranchChanges } from './branch-config.ts';

/**
 * Probability that a condition which is added to a model is dropped: the model is to draw without it, as it did, as
 * well as with it.
 */
const ADDED_DROPOUT = 0.5;

/**
 * The configuration of a training that goes on from the model of a run and tells it more: that of the run, with the
 * conditions that are asked for and that it does not have. All its weights are trained.
 *
 * @param run The configuration of the run to start from.
 * @param from The folder of that run.
 * @param asked All conditions of the new model, those of the run among them.
 * @throws ValueError if the run is a flow map, has a ControlNet or was trained on given latents, or if its own conditions are
 *   not among those that are asked for; FormatError if the settings do not go together
 */
export function extendedConfig(
  run: TrainConfig,
  from: string,
  asked: readonly ConditionName[],
  changes: BranchChanges,
): TrainConfig {
  checkConditionNames('train', asked);
  checkExtensible(run, from);
  const { model, optimizer, sampling, accumulate: _a, checkpoint: _c, ...rest } = run;
  const added = addedNames(model, from, asked).flatMap((name) =>
    conditionOf(name, ADDED_DROPOUT).map((condition) => fitted(run, condition)),
  );
  const conditions = [...(model.conditions ?? []), ...added];
  // What is guided by several conditions has neither.
  const { guidanceRescale: _r, compat: _o, ...guided } = sampling;
  const { timestepSampling: _t, weighting: _w, ...others } = changes;
  const { steps = run.steps } = changes;
  return parseTrainConfig(
    {
      ...rest,
      ...others,
      from,
      model: {
        ...model,
        ...(conditions.length > 0 && { conditions }),
        ...(added.length > 0 && {
          jointDropoutProb: model.jointDropoutProb ?? jointDropout(model),
        }),
      },
      diffusion: changedDiffusion(run.diffusion, changes),
      optimizer: {
        ...optimizer,
        learningRate: optimizer.learningRate * TRAINED_RATE_SHARE,
        warmupSteps: Math.min(optimizer.warmupSteps, warmupSteps(steps)),
      },
      sampling: added.length > 0 ? guided : sampling,
    },
    from,
  );
}

/** Throws a ValueError unless the model of a run can be told more. */
function checkExtensible(run: TrainConfig, from: string): void {
  if (run.diffusion.objective === 'mean-flow') {
    throw new ValueError(
      'train',
      `${from} is a flow map, which is trained to follow a flow and takes no further conditions. Name the run of its flow.`,
    );
  }
  if (run.model.conditions?.some(({ kind }) => kind === 'control') === true) {
    throw new ValueError(
      'train',
      `${from} has a ControlNet, which copies the blocks of the model that it was trained on. Name the run of that model.`,
    );
  }
  if (codecName(run) === 'latents') {
    throw new ValueError(
      'train',
      `${from} was trained on latents, and conditions are measured in images. Name a run on images.`,
    );
  }
}

/** The names that are asked for and that a model does not know. */
function addedNames(
  { numClasses, conditions = [] }: ModelConfig,
  from: string,
  asked: readonly ConditionName[],
): readonly ConditionName[] {
  const own = [...(numClasses > 0 ? [LABEL] : []), ...conditions.map(({ name }) => name)];
  const chosen = CONDITIONS.filter((name) => name !== 'none' && asked.includes(name));
  const missing = own.filter((name) => !chosen.some((each) => each === name));
  if (missing.length > 0) {
    throw new ValueError(
      'train',
      `--condition ${asked.join(',')}: the model of ${from} is told ${own.join(', ')} already. Write --condition ${[...own, ...chosen.filter((name) => !own.includes(name))].join(',')}.`,
    );
  }
  if (chosen.includes(LABEL) && numClasses === 0) {
    throw new ValueError(
      'train',
      `--condition ${asked.join(',')}: the model of ${from} has no classes, and a label cannot be added. Leave label out, or start from a run with labels.`,
    );
  }
  return chosen.filter((name) => !own.includes(name));
}

/** A condition of a preset for the images of a run. */
function fitted(run: TrainConfig, condition: ConditionConfig): ConditionConfig {
  if (condition.kind !== 'map') return condition;
  const { size, channels } = imageShapeOfRun('train', run);
  return { ...condition, size, channels: condition.name === INPAINT ? channels : 1 };
}

/** How often all conditions are dropped together. A model without a null class cannot drop its label. */
function jointDropout({ numClasses, classDropoutProb }: ModelConfig): number {
  return numClasses > 0 && classDropoutProb === 0 ? 0 : JOINT_DROPOUT;
}
