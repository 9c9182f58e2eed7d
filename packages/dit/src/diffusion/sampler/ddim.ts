// The implicit sampler DDIM, forwards and backwards.

import { checkOptions, checkTensors, full, kindOf, ValueError, type Tensor } from '@tessera/tensor';
import { checkDiffusion, splitOutput, type Diffusion } from '../process/diffusion.ts';
import { coefficient, modelTimestep } from '../process/noising.ts';
import { checkStep, denoise, type DenoiseOptions } from '../process/reverse.ts';
import { checkSchedule, type NoiseSchedule } from '../schedule/schedule.ts';
import type { NoiseSource } from './noise.ts';
import { noiseMask, type SamplerStep } from './step.ts';
import type { SampledModel } from './way.ts';

/** Options of {@link ddimStep}. */
export interface DdimOptions extends DenoiseOptions {
  /** Share of the ancestral noise: 0 is deterministic, 1 has the variance of the posterior. Default 0. */
  readonly eta?: number;
}

/**
 * One DDIM step:
 *
 *     sigma  = eta · √((1 − alphaBar')/(1 − alphaBar)) · √(1 − alphaBar/alphaBar')
 *     x_{t−1} = √alphaBar' · xStart + √(1 − alphaBar' − sigma²) · eps + sigma · noise
 *
 * Here alphaBar' belongs to the kept timestep before. At t = 0 no noise is added.
 *
 * Source: Song et al. 2021, "Denoising diffusion implicit models", equations 12 and 16.
 *
 * @param noise Standard normal, of the shape of x. It may be null if eta is 0.
 * @throws ValueError if eta is above 0 and there is no noise.
 * @example
 * const diffusion = createDiffusion({ predicts: 'xStart' });
 * const [x, t] = [normal(key(0), [1, 1]), tensor([0], { dtype: 'int32' })];
 * ddimStep(diffusion, ones([1, 1]), x, t, null).x; // [[1]]: the last step ends at the prediction
 */
export function ddimStep(
  diffusion: Diffusion,
  output: Tensor,
  x: Tensor,
  t: Tensor,
  noise: Tensor | null,
  options: DdimOptions = {},
): SamplerStep {
  checkDiffusion('ddimStep', diffusion);
  checkTensors('ddimStep', { output, x, t, ...(noise !== null && { noise }) });
  checkOptions('ddimStep', options, ['eta', 'clipDenoised']);
  const { eta = 0, ...denoising } = options;
  const { schedule } = diffusion;
  const { prediction } = splitOutput(diffusion, output, x);
  const { xStart, eps } = denoise(diffusion, prediction, x, t, denoising);
  const sigma = ddimSigma(schedule, eta);
  const towards = schedule.alphaBarPrev.map((a, j) =>
    Math.sqrt(Math.max(0, 1 - a - sigma[j] ** 2)),
  );
  const start = coefficient(schedule.sqrtAlphaBarPrev, t, x);
  const mean = xStart.mul(start).add(eps.mul(coefficient(towards, t, x)));
  if (eta === 0) return { x: mean, xStart };
  if (noise === null)
    throw new ValueError('ddimStep', `eta is ${eta}, so the step needs noise, but noise is null.`);
  const masked = noiseMask(schedule).map((mask, j) => mask * sigma[j]);
  return { x: mean.add(noise.mul(coefficient(masked, t, x))), xStart };
}

/**
 * The deviation of the noise in {@link ddimStep}, for each kept timestep.
 *
 * @example
 * const schedule = createSchedule({ respacing: 50 });
 * ddimSigma(schedule, 0)[25]; // 0
 * ddimSigma(schedule, 1)[25] ** 2 / schedule.posteriorVariance[25]; // 1.000
 */
export function ddimSigma(schedule: NoiseSchedule, eta: number): Float64Array {
  checkSchedule('ddimSigma', schedule);
  if (!(typeof eta === 'number' && eta >= 0 && eta <= 1)) {
    throw new ValueError('ddimSigma', `eta must lie in [0, 1], but is ${kindOf(eta)}.`);
  }
  const { alphaBar, alphaBarPrev } = schedule;
  return alphaBar.map((a, j) => {
    const previous = alphaBarPrev[j];
    return eta * Math.sqrt((1 - previous) / (1 - a)) * Math.sqrt(1 - a / previous);
  });
}

/**
 * One DDIM step backwards, from x_t to x_{t+1}. Such steps encode a latent as noise; {@link ddimStep}
 * with eta 0 comes back from there close to the latent.
 *
 * Source: Song et al. 2021, section 4.3.
 *
 * @example
 * const diffusion = createDiffusion();
 * const [x, eps] = [normal(key(0), [1, 1]), ones([1, 1])];
 * const noisier = ddimReverseStep(diffusion, eps, x, tensor([400], { dtype: 'int32' })).x;
 * const back = ddimStep(diffusion, eps, noisier, tensor([401], { dtype: 'int32' }), null).x;
 * back.sub(x).abs(); // [[0.000]]
 */
export function ddimReverseStep(
  diffusion: Diffusion,
  output: Tensor,
  x: Tensor,
  t: Tensor,
  options: DenoiseOptions = {},
): SamplerStep {
  checkStep('ddimReverseStep', diffusion, { output, x, t }, options);
  const { sqrtAlphaBarNext, sqrtOneMinusAlphaBarNext } = diffusion.schedule;
  const { prediction } = splitOutput(diffusion, output, x);
  const { xStart, eps } = denoise(diffusion, prediction, x, t, options);
  const start = coefficient(sqrtAlphaBarNext, t, x);
  const towards = coefficient(sqrtOneMinusAlphaBarNext, t, x);
  return { x: xStart.mul(start).add(eps.mul(towards)), xStart };
}

/** Takes {@link ddimStep} from the kept timestep `from` down to 0. */
export function* ddimSteps(
  diffusion: Diffusion,
  model: SampledModel,
  source: NoiseSource,
  from: number,
  options: DdimOptions,
): Generator<SamplerStep, void, void> {
  const { schedule } = diffusion;
  const { eta = 0 } = options;
  let x = source.xT;
  for (let index = from; index >= 0; index--) {
    const t = full([x.shape[0]], index, 'int32');
    const output = model(x, modelTimestep(schedule, t), schedule.timestepMap[index]);
    const noise = eta > 0 ? source.step(from - index) : null;
    const step = ddimStep(diffusion, output, x, t, noise, options);
    yield step;
    x = step.x;
  }
}
