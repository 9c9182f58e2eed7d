import type { TrainConfig } from '../config/config.ts';
import { createDiffusion, type Diffusion } from './diffusion.ts';

/**
 * Makes the diffusion process that the configuration of a run describes.
 *
 * @param respacing How many timesteps to keep, evenly spaced. Default: all of them.
 * @throws ValueError as {@link createDiffusion}
 * @example
 * runDiffusion(presetConfig('smoke')).schedule.timesteps; // 1000
 * runDiffusion(presetConfig('smoke'), 50).schedule.timesteps; // 50
 */
export function runDiffusion({ model, diffusion }: TrainConfig, respacing?: number): Diffusion {
  return createDiffusion({
    schedule: diffusion.schedule,
    timesteps: diffusion.timesteps,
    predicts: diffusion.objective,
    variance: model.learnSigma ? 'learned-range' : 'fixed-large',
    ...(respacing === undefined ? {} : { respacing }),
  });
}
