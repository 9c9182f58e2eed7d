// The configuration of a run that turns the flow of another run into a flow map, and its rules.

import { checkOptions, ValueError } from '@tessera/tensor';
import { checkFields, checkText } from '../config/argument-check.ts';
import { parseTrainConfig, type TrainConfig } from '../config/config.ts';
import { TRAINED_RATE_SHARE, warmupSteps, type PresetChanges } from '../config/presets.ts';

/** Settings of a flow map's training that differ from those of the flow's, or from the defaults. */
export type FlowMapChanges = Pick<
  PresetChanges,
  'steps' | 'batch' | 'accumulate' | 'checkpoint' | 'seed' | 'backend' | 'data' | 'timestepSampling'
>;

const CHANGES = [
  'steps',
  'batch',
  'accumulate',
  'checkpoint',
  'seed',
  'backend',
  'data',
  'timestepSampling',
] as const;

/** The share of blocks that hear the end of a step. */
const DECODER_SHARE = 1 / 3;

/** The steps that samples take. */
const SAMPLED_STEPS = 4;

/**
 * The configuration of a run that trains a flow map. It starts from the weights of a run with the objective `flow`,
 * takes over its autoencoder, and follows its velocity under guidance. So samples need few steps and no guidance of
 * their own. Everything that is not changed is as in the flow's run, and a step has its guidance scale.
 *
 * @param flow The configuration of the run to start from.
 * @param from The folder of that run.
 * @param changes Settings that differ.
 * @throws ValueError if the run to start from is no flow; FormatError if the settings do not go together.
 * @example
 * const flow = presetConfig('smoke', { objective: 'flow' });
 * const map = flowMapConfig({ ...flow, latentScale: 1 }, 'runs/flow', { steps: 500 });
 * [map.diffusion.objective, map.model.decoderDepth, map.sampling.steps]; // ['mean-flow', 1, 4]
 */
export function flowMapConfig(
  flow: TrainConfig,
  from: string,
  changes: FlowMapChanges = {},
): TrainConfig {
  const op = 'flowMapConfig';
  const hint = 'Read one with readRunConfig(…).';
  checkFields(op, 'flow', flow, ['model', 'diffusion', 'optimizer', 'sampling'], hint);
  checkText(op, 'from', from);
  checkOptions(op, changes, CHANGES);
  const { model, diffusion, optimizer, accumulate: _a, checkpoint: _c, ...rest } = flow;
  const { objective, timesteps, schedule, shift } = diffusion;
  if (objective !== 'flow') {
    throw new ValueError(
      op,
      `a flow map follows a flow, but ${from} was trained with the objective ${objective}. Train one with --objective flow first.`,
    );
  }
  const { timestepSampling, ...others } = changes;
  const steps = changes.steps ?? flow.steps;
  return parseTrainConfig(
    {
      ...rest,
      ...others,
      steps,
      from,
      model: { ...model, decoderDepth: Math.max(1, Math.round(model.depth * DECODER_SHARE)) },
      diffusion: {
        schedule,
        timesteps,
        objective: 'mean-flow',
        ...(shift !== undefined && { shift }),
        ...(timestepSampling !== undefined && { timestepSampling }),
        guidance: flow.sampling.guidance,
      },
      optimizer: {
        ...optimizer,
        learningRate: optimizer.learningRate * TRAINED_RATE_SHARE,
        warmupSteps: warmupSteps(steps),
      },
      sampling: { guidance: 1, steps: SAMPLED_STEPS, sampler: 'euler' },
    },
    from,
  );
}
