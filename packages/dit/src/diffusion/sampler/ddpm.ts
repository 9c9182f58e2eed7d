// The ancestral sampler of DDPM.

import { full, type Tensor } from '@tessera/tensor';
import type { Diffusion } from '../process/diffusion.ts';
import { coefficient, modelTimestep } from '../process/noising.ts';
import { checkStep, pReverse, type DenoiseOptions } from '../process/reverse.ts';
import type { NoiseSource } from './noise.ts';
import { noiseMask, type SamplerStep } from './step.ts';
import type { SampledModel } from './way.ts';

/**
 * One ancestral step: draws x_{t−1} from p(x_{t−1} | x_t). At t = 0 it gives the mean.
 *
 * Source: Ho et al. 2020, algorithm 2.
 *
 * @param output The model's output for x at t.
 * @param x x_t, `[B, C, ...]`
 * @param t int32 `[B]`, kept timesteps.
 * @param noise Standard normal, of the shape of x.
 * @example
 * const x = normal(key(0), [1, 1, 2, 2]);
 * const t = tensor([999], { dtype: 'int32' });
 * ddpmStep(createDiffusion(), zeros([1, 1, 2, 2]), x, t, normal(key(1), x.shape)).x; // float32[1, 1, 2, 2]
 */
export function ddpmStep(
  diffusion: Diffusion,
  output: Tensor,
  x: Tensor,
  t: Tensor,
  noise: Tensor,
  options: DenoiseOptions = {},
): SamplerStep {
  checkStep('ddpmStep', diffusion, { output, x, t, noise }, options);
  const { mean, logVariance, xStart } = pReverse(diffusion, output, x, t, options);
  const deviation = logVariance
    .mul(0.5)
    .exp()
    .mul(coefficient(noiseMask(diffusion.schedule), t, x));
  return { x: mean.add(deviation.mul(noise)), xStart };
}

/** Takes {@link ddpmStep} from the kept timestep `from` down to 0. */
export function* ddpmSteps(
  diffusion: Diffusion,
  model: SampledModel,
  source: NoiseSource,
  from: number,
  options: DenoiseOptions,
): Generator<SamplerStep, void, void> {
  const { schedule } = diffusion;
  let x = source.xT;
  for (let index = from; index >= 0; index--) {
    const t = full([x.shape[0]], index, 'int32');
    const output = model(x, modelTimestep(schedule, t), schedule.timestepMap[index]);
    const step = ddpmStep(diffusion, output, x, t, source.step(from - index), options);
    yield step;
    x = step.x;
  }
}
