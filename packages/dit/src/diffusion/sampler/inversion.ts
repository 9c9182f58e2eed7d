// DDIM inversion: from a latent to the noise that DDIM turns into it.

import {
  checkFunction,
  checkOptions,
  checkTensors,
  full,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import { checkWhole } from '../../config/argument-check.ts';
import { checkDiffusion, splitOutput, type Diffusion } from '../process/diffusion.ts';
import { modelTimestep } from '../process/noising.ts';
import { denoise } from '../process/reverse.ts';
import type { SampledModel } from './way.ts';

/** Options of {@link invertDdim}. */
export interface InversionOptions {
  /** Calls of the model a step. Default 1; with more, {@link sample} comes back closer to the latent. */
  readonly iterations?: number;
}

/**
 * The noise from which the ddim sampler with eta 0 draws a latent, step by step from the data to the last
 * kept timestep. A step of DDIM takes x to `x' = a' (x − b eps)/a + b' eps`, with a² = alphaBar and
 * b² = 1 − alphaBar. So `x = a (x' − b' eps)/a' + b eps`, but eps is that of the unknown x. The first call
 * asks the model at x' in its place, each further one at the x of the call before.
 *
 * Sources: Song et al. 2021, section 4.3; Pan et al. 2023, "Effective real image editing with accelerated
 * iterative diffusion inversion" (the iteration).
 *
 * @param xStart `[B, C, ...]`
 * @returns `[B, C, ...]`, to be the xT of {@link sample}. From there, sample with changed labels to edit.
 * @throws ValueError if the last kept timestep has no signal: its noise tells nothing of the latent.
 * @example
 * const diffusion = createDiffusion({ predicts: 'v', respacing: 20 });
 * const model = (x: Tensor) => x.mul(0.1);
 * const xT = invertDdim(diffusion, model, normal(key(0), [1, 4, 8, 8]), { iterations: 4 });
 * sample(diffusion, model, { ...randomNoise(key(1), [1, 4, 8, 8]), xT }); // float32[1, 4, 8, 8]
 */
export function invertDdim(
  diffusion: Diffusion,
  model: SampledModel,
  xStart: Tensor,
  options: InversionOptions = {},
): Tensor {
  checkDiffusion('invertDdim', diffusion);
  checkFunction('invertDdim', model);
  checkTensors('invertDdim', { xStart });
  checkOptions('invertDdim', options, ['iterations']);
  const { iterations = 1 } = options;
  checkWhole('invertDdim', 'iterations', iterations, 1);
  const { schedule } = diffusion;
  if (schedule.alphaBar.includes(0)) {
    throw new ValueError(
      'invertDdim',
      'the last kept timestep is noise without any signal (alphaBar 0), from which nothing comes back. ' +
        "Keep other timesteps, such as 'ddim50', or leave zeroTerminalSnr out.",
    );
  }
  let x = xStart;
  for (let index = 0; index < schedule.timesteps; index++) {
    const t = full([x.shape[0]], index, 'int32');
    const [a, b] = [schedule.sqrtAlphaBar[index], schedule.sqrtOneMinusAlphaBar[index]];
    const before = schedule.alphaBarPrev[index];
    const grow = a / Math.sqrt(before);
    const rest = b - grow * Math.sqrt(1 - before);
    let noisier = x;
    for (let n = 0; n < iterations; n++) {
      const output = model(noisier, modelTimestep(schedule, t), schedule.timestepMap[index]);
      const { prediction } = splitOutput(diffusion, output, noisier);
      const { eps } = denoise(diffusion, prediction, noisier, t);
      noisier = x.mul(grow).add(eps.mul(rest));
    }
    x = noisier;
  }
  return x;
}
