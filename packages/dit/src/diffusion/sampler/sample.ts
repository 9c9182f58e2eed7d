// The loop of a sampler: from pure noise to latents, step by step.

import {
  checkFunction,
  checkOptions,
  checkTensors,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import { checkChoice, checkFields } from '../../config/argument-check.ts';
import { SAMPLERS, samplersOf, type Sampler } from '../../config/choices.ts';
import type { Diffusion } from '../process/diffusion.ts';
import { checkProcess, isFlow, type Process } from '../process/process.ts';
import { ddimSteps, type DdimOptions } from './ddim.ts';
import { ddpmSteps } from './ddpm.ts';
import { dpmSolverSteps } from './dpm-solver.ts';
import { eulerSteps } from './euler.ts';
import { heunSteps } from './heun.ts';
import { midpointSteps } from './midpoint.ts';
import type { NoiseSource } from './noise.ts';
import { checkFrom, lastStep } from './place.ts';
import type { SamplerStep } from './step.ts';
import { uniPcSteps } from './unipc.ts';
import { wayThrough, type SampledModel } from './way.ts';

/** Options of {@link sampleSteps}. */
export interface SamplerOptions extends DdimOptions {
  /** Default `'ddim'`, for a flow `'euler'`. */
  readonly sampler?: Sampler;
  /**
   * How many steps are left after the first: for a noise schedule the kept timestep of xT. Default: all but
   * one, so that xT is pure noise. From an earlier place the sampler changes a noised latent instead of
   * drawing a new one.
   */
  readonly from?: number;
}

/** A step of a sampler, and its place in the loop. */
export interface SampledStep extends SamplerStep {
  /** Number of the step, from 0. */
  readonly n: number;
  /** How many steps are left: for a noise schedule the kept timestep before the step, from the last to 0. */
  readonly index: number;
}

/**
 * Runs a sampler from pure noise to the data, step by step. Iterate to follow it, to show progress, or to
 * stop early. Arguments are checked at once; nothing is computed before the first iteration. A step of
 * `heun` and `midpoint` calls the model twice, one of the others once.
 *
 * @param model Compile it for speed: `compile(f)` of a function of the model and its inputs.
 * @throws ValueError if the process does not have the sampler, eta is given to another one than ddim, or
 *   `from` is no step.
 * @example
 * const diffusion = createDiffusion({ respacing: 3 });
 * const visited: number[] = [];
 * for (const { index, x } of sampleSteps(diffusion, (x) => x, randomNoise(key(0), [1, 4, 8, 8]))) {
 *   visited.push(index);
 * }
 * visited; // [2, 1, 0]
 */
export function sampleSteps(
  process: Process,
  model: SampledModel,
  source: NoiseSource,
  options: SamplerOptions = {},
): Generator<SampledStep, void, void> {
  checkProcess('sampleSteps', process);
  checkFunction('sampleSteps', model);
  checkFields('sampleSteps', 'source', source, ['xT', 'step'], 'Make one with randomNoise(…).');
  checkTensors('sampleSteps', { 'source.xT': source.xT });
  checkOptions('sampleSteps', options, ['sampler', 'from', 'eta', 'clipDenoised']);
  const last = lastStep(process);
  const { sampler = isFlow(process) ? 'euler' : 'ddim', from = last, ...rest } = options;
  checkSampler(process, sampler, rest);
  checkFrom('sampleSteps', 'from', process, from);
  return numbered(stepsOf(process, model, source, { sampler, from, last, ...rest }), from);
}

/** Throws a ValueError unless the process has the sampler, and the sampler has the options. */
function checkSampler(process: Process, sampler: Sampler, { eta }: DdimOptions): void {
  checkChoice('sampleSteps', 'sampler', sampler, SAMPLERS);
  const known = samplersOf(process.predicts);
  if (!known.includes(sampler)) {
    const flow = process.predicts === 'mean-flow' ? 'a flow map' : 'a flow';
    const what = isFlow(process) ? flow : 'a noise schedule';
    throw new ValueError(
      'sampleSteps',
      `${what} has no sampler ${sampler}. Use ${known.join(', ')}.`,
    );
  }
  if (sampler === 'ddim' || eta === undefined) return;
  throw new ValueError(
    'sampleSteps',
    sampler === 'ddpm'
      ? 'eta belongs to the ddim sampler; ddpm has its own variance.'
      : `eta belongs to the ddim sampler; ${sampler} adds no noise.`,
  );
}

interface Chosen extends DdimOptions {
  readonly sampler: Sampler;
  readonly from: number;
  readonly last: number;
}

function stepsOf(
  process: Process,
  model: SampledModel,
  source: NoiseSource,
  { sampler, from, last, eta = 0, ...denoising }: Chosen,
): Generator<SamplerStep, void, void> {
  if (!isFlow(process)) {
    const diffusion: Diffusion = process;
    if (sampler === 'ddpm') return ddpmSteps(diffusion, model, source, from, denoising);
    if (sampler === 'ddim') return ddimSteps(diffusion, model, source, from, { ...denoising, eta });
  }
  const whole = wayThrough(process, model, denoising);
  const way = { ...whole, places: whole.places.slice(last - from) };
  if (sampler === 'dpm-solver++') return dpmSolverSteps(way, source.xT);
  if (sampler === 'unipc') return uniPcSteps(way, source.xT);
  if (sampler === 'heun') return heunSteps(way, source.xT);
  return way.placeAt !== null && sampler === 'midpoint'
    ? midpointSteps(way, way.placeAt, source.xT)
    : eulerSteps(way, source.xT);
}

function* numbered(steps: Iterable<SamplerStep>, from: number): Generator<SampledStep, void, void> {
  let n = 0;
  for (const step of steps) {
    yield { ...step, n, index: from - n };
    n++;
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
  process: Process,
  model: SampledModel,
  source: NoiseSource,
  options: SamplerOptions = {},
): Tensor {
  const steps = sampleSteps(process, model, source, options);
  let { xT: x } = source;
  for (const step of steps) x = step.x;
  return x;
}
