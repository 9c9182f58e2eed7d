// How well a model tells the noise in latents that it has not seen, by timestep.

import { compile, foldIn, normal, tensor, type Tensor } from '@tessera/tensor';
import type { TrainConfig } from '../config/config.ts';
import { splitOutput } from '../diffusion/process/diffusion.ts';
import { flowEnds, flowSample } from '../diffusion/process/flow.ts';
import { modelTimestep, qSample } from '../diffusion/process/noising.ts';
import { isFlow, type Process } from '../diffusion/process/process.ts';
import { denoise } from '../diffusion/process/reverse.ts';
import { runDiffusion } from '../diffusion/run-diffusion.ts';
import type { Conditioning } from '../model/conditions/conditions.ts';
import type { DiT } from '../model/dit.ts';

/** The error at some timesteps. */
export interface DenoisingError {
  /** The first and the last timestep, counted as the model is told them. */
  readonly from: number;
  readonly to: number;
  /** Mean squared error of the noise, whatever the model predicts. A model that says 0 has 1. */
  readonly epsMse: number;
}

/** Latents, and what goes with them. */
export interface HeldOut {
  /** Scaled to unit variance: `[count, C, h, w]`. */
  readonly latents: Tensor;
  readonly conditioning: Conditioning;
  /** Key of the noise and of the timesteps within a bin. */
  readonly key: Tensor;
}

/** Number of bins that the timesteps are cut into. */
const BINS = 10;

/**
 * The error of the noise that a model sees in held-out latents, for ten bins of timesteps. Timesteps lie evenly
 * within a bin, one for each latent, and every model is asked about the same noise. What a model predicts
 * (noise, clean latent, velocity) is turned into the noise, so runs of different objectives compare.
 */
export async function denoisingErrors(
  config: TrainConfig,
  model: DiT,
  { latents, conditioning, key }: HeldOut,
): Promise<DenoisingError[]> {
  const process = runDiffusion(config);
  const total = isFlow(process) ? process.timesteps : process.schedule.timesteps;
  const bins = Math.min(BINS, total);
  const error = compile((dit: DiT, xStart: Tensor, t: Tensor, eps: Tensor, y: Conditioning) =>
    predictedNoise(process, dit, { xStart, t, eps }, y).sub(eps).square().mean(),
  );
  const errors: DenoisingError[] = [];
  for (let bin = 0; bin < bins; bin++) {
    const [from, to] = [
      Math.round((bin * total) / bins),
      Math.round(((bin + 1) * total) / bins) - 1,
    ];
    const t = timestepsOf(process, latents.shape[0], from, to);
    const eps = normal(foldIn(key, bin), latents.shape);
    const mse = error(model, latents, t, eps, conditioning);
    errors.push({ from, to, epsMse: await mse.item() });
    for (const done of [t, eps, mse]) done.dispose();
  }
  return errors;
}

/** One timestep for each of `count` latents, evenly from `from` to `to`; for a flow the time. */
function timestepsOf(process: Process, count: number, from: number, to: number): Tensor {
  const share = (i: number): number => from + ((i + 0.5) * (to + 1 - from)) / count;
  return isFlow(process)
    ? tensor(Float32Array.from({ length: count }, (_, i) => share(i) / process.timesteps))
    : tensor(Int32Array.from({ length: count }, (_, i) => Math.floor(share(i))));
}

/** The noise that the model sees in the noised latents. */
function predictedNoise(
  process: Process,
  model: DiT,
  { xStart, t, eps }: { readonly xStart: Tensor; readonly t: Tensor; readonly eps: Tensor },
  y: Conditioning,
): Tensor {
  if (isFlow(process)) {
    const x = flowSample(xStart, t, eps);
    return flowEnds(x, t, model.forward(x, t.mul(process.timesteps), y)).eps;
  }
  const x = qSample(process.schedule, xStart, t, eps);
  const output = model.forward(x, modelTimestep(process.schedule, t), y);
  return denoise(process, splitOutput(process, output, x).prediction, x, t).eps;
}
