// The diffusion process that the configuration of a run describes.

import { checkFields } from '../config/argument-check.ts';
import type { TrainConfig } from '../config/config.ts';
import { createDiffusion, type Diffusion } from './process/diffusion.ts';

/**
 * Makes the diffusion process that the configuration of a run describes.
 *
 * @param respacing How many timesteps to keep, evenly spaced. Default: all of them.
 * @throws ValueError as {@link createDiffusion}
 * @example
 * runDiffusion(presetConfig('smoke')).schedule.timesteps; // 1000
 * runDiffusion(presetConfig('smoke'), 50).schedule.timesteps; // 50
 */
export function runDiffusion(config: TrainConfig, respacing?: number): Diffusion {
  const fields = ['model', 'diffusion'];
  checkFields('runDiffusion', 'config', config, fields, 'Make one with presetConfig(…).');
  const { model, diffusion } = config;
  return createDiffusion({
    schedule: diffusion.schedule,
    timesteps: diffusion.timesteps,
    predicts: diffusion.objective,
    variance: model.learnSigma ? 'learned-range' : 'fixed-large',
    ...(respacing === undefined ? {} : { respacing }),
  });
}
