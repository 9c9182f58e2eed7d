// The loop of a sampler: from pure noise to latents, step by step.

import {
  checkFunction,
  checkOptions,
  checkTensors,
  full,
  kindOf,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import { checkChoice, checkFields } from '../../config/argument-check.ts';
import { SAMPLERS, type Sampler } from '../../config/choices.ts';
import { checkDiffusion, type Denoiser, type Diffusion } from '../process/diffusion.ts';
import { modelTimestep } from '../process/noising.ts';
import { ddimStep, type DdimOptions } from './ddim.ts';
import { ddpmStep } from './ddpm.ts';
import type { NoiseSource } from './noise.ts';
import type { SamplerStep } from './step.ts';

/** Options of {@link sampleSteps}. */
export interface SamplerOptions extends DdimOptions {
  /** Default `'ddim'`. */
  readonly sampler?: Sampler;
  /**
   * The kept timestep of xT. Default: the last, where xT is pure noise. From an earlier one the sampler
   * changes a noised latent instead of drawing a new one.
   */
  readonly from?: number;
}

/** A step of a sampler, and its place in the loop. */
export interface SampledStep extends SamplerStep {
  /** Number of the step, from 0. */
  readonly n: number;
  /** The kept timestep before the step, from the last down to 0. */
  readonly index: number;
}

/**
 * Runs a sampler from pure noise over all kept timesteps, step by step. Iterate to follow it, to show
 * progress, or to stop early. Arguments are checked at once; nothing is computed before the first
 * iteration.
 *
 * @param model Compile it for speed: `compile(f)` of a function of the model and its inputs.
 * @throws ValueError if eta is given to the ancestral sampler, or `from` is no kept timestep.
 * @example
 * const diffusion = createDiffusion({ respacing: 3 });
 * const visited: number[] = [];
 * for (const { index, x } of sampleSteps(diffusion, (x) => x, randomNoise(key(0), [1, 4, 8, 8]))) {
 *   visited.push(index);
 * }
 * visited; // [2, 1, 0]
 */
export function sampleSteps(
  diffusion: Diffusion,
  model: Denoiser,
  source: NoiseSource,
  options: SamplerOptions = {},
): Generator<SampledStep, void, void> {
  checkDiffusion('sampleSteps', diffusion);
  checkFunction('sampleSteps', model);
  checkFields('sampleSteps', 'source', source, ['xT', 'step'], 'Make one with randomNoise(…).');
  checkTensors('sampleSteps', { 'source.xT': source.xT });
  checkOptions('sampleSteps', options, ['sampler', 'from', 'eta', 'clipDenoised']);
  const { sampler = 'ddim', from = diffusion.schedule.timesteps - 1, ...rest } = options;
  checkChoice('sampleSteps', 'sampler', sampler, SAMPLERS);
  if (sampler === 'ddpm' && rest.eta !== undefined) {
    throw new ValueError(
      'sampleSteps',
      'eta belongs to the ddim sampler; ddpm has its own variance.',
    );
  }
  const { timesteps } = diffusion.schedule;
  if (!Number.isInteger(from) || from < 0 || from >= timesteps) {
    throw new ValueError(
      'sampleSteps',
      `from is ${kindOf(from)}, but must be a kept timestep, 0 to ${timesteps - 1}.`,
    );
  }
  return runSampler(diffusion, model, source, sampler, from, rest);
}

function* runSampler(
  diffusion: Diffusion,
  model: Denoiser,
  source: NoiseSource,
  sampler: Sampler,
  from: number,
  options: DdimOptions,
): Generator<SampledStep, void, void> {
  const { schedule } = diffusion;
  const { eta = 0, ...denoising } = options;
  let x = source.xT;
  for (let n = 0; n <= from; n++) {
    const index = from - n;
    const t = full([x.shape[0]], index, 'int32');
    const output = model(x, modelTimestep(schedule, t));
    const step =
      sampler === 'ddpm'
        ? ddpmStep(diffusion, output, x, t, source.step(n), denoising)
        : ddimStep(diffusion, output, x, t, eta > 0 ? source.step(n) : null, options);
    yield { ...step, n, index };
    x = step.x;
  }
}

/**
 * Runs a sampler to its end, and gives the latents `[B, C, ...]`.
 *
 * @throws ValueError as {@link sampleSteps}
 * @example
 * const model = DiT.init({ ...zoo['DiT-S/8'], depth: 1, numClasses: 10, learnSigma: false }, key(0));
 * const diffusion = createDiffusion({ predicts: 'v', schedule: 'squaredcos_cap_v2', respacing: 5 });
 * const labels = tensor([3, 1], { dtype: 'int32' });
 * const guided = (x: Tensor, t: Tensor) => guidedForward(model, x, t, labels, { scale: 2 });
 * const latents = sample(diffusion, guided, randomNoise(key(0), [2, 4, 32, 32])); // float32[2, 4, 32, 32]
 */
export function sample(
  diffusion: Diffusion,
  model: Denoiser,
  source: NoiseSource,
  options: SamplerOptions = {},
): Tensor {
  const steps = sampleSteps(diffusion, model, source, options);
  let { xT: x } = source;
  for (const step of steps) x = step.x;
  return x;
}
