// The forward process that the configuration of a run describes.

import { checkFields, checkWhole } from '../config/argument-check.ts';
import { isFlowObjective } from '../config/choices.ts';
import type { TrainConfig } from '../config/config.ts';
import { createDiffusion } from './process/diffusion.ts';
import { createFlow } from './process/flow.ts';
import type { Process } from './process/process.ts';

/**
 * Makes the forward process that the configuration of a run describes: a rectified flow, or a noise schedule.
 *
 * @param steps How many steps a sampler takes. A noise schedule keeps as many timesteps, spaced as
 *   `sampling.spacing` says. Default: all timesteps; for a flow as many as `sampling.steps`.
 * @throws ValueError as {@link createDiffusion}
 * @example
 * runDiffusion(presetConfig('smoke')).predicts; // 'v'
 */
export function runDiffusion(config: TrainConfig, steps?: number): Process {
  const fields = ['model', 'diffusion', 'sampling'];
  checkFields('runDiffusion', 'config', config, fields, 'Make one with presetConfig(…).');
  if (steps !== undefined) checkWhole('runDiffusion', 'steps', steps, 1);
  const { model, diffusion, sampling } = config;
  const { objective, timesteps, shift = 1, zeroTerminalSnr = false } = diffusion;
  if (isFlowObjective(objective)) {
    return createFlow({ predicts: objective, timesteps, shift, steps: steps ?? sampling.steps });
  }
  const { spacing = 'official' } = sampling;
  return createDiffusion({
    schedule: diffusion.schedule,
    timesteps,
    zeroTerminalSnr,
    predicts: objective,
    variance: model.learnSigma ? 'learned-range' : (diffusion.variance ?? 'fixed-large'),
    ...(steps !== undefined && { respacing: spacing === 'official' ? steps : spacing + steps }),
  });
}
