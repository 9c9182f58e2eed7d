// The model of a run under guidance, as one function: what it predicts, and a step towards the data.

import { toOnnx, type OnnxModel } from '@tessera/onnx';
import { ValueError, type Tensor } from '@tessera/tensor';
import { LABEL } from '../../config/condition.ts';
import type { SamplingConfig } from '../../config/diffusion-config.ts';
import { guidedByConditions } from '../../diffusion/guidance/conditions.ts';
import { guidedForward } from '../../diffusion/guidance/guidance.ts';
import { splitOutput } from '../../diffusion/process/diffusion.ts';
import { flowEnds } from '../../diffusion/process/flow.ts';
import { coefficient } from '../../diffusion/process/noising.ts';
import { isFlow, type Process } from '../../diffusion/process/process.ts';
import { denoise, type Denoised } from '../../diffusion/process/reverse.ts';
import { runDiffusion } from '../../diffusion/run-diffusion.ts';
import type { ConditionValues } from '../../model/conditions/conditions.ts';
import { latentShape, type DiT } from '../../model/dit.ts';
import type { TrainedRun } from '../../sample/trained-run.ts';
import type { InputSpec } from './input-spec.ts';

/** The tensors that a denoiser takes. */
interface DenoiserInputs {
  /** Noisy latents `[B, C, h, w]`. */
  readonly x: Tensor;
  /** Their timesteps `[B]`: int32, or float32 for a flow. */
  readonly t: Tensor;
  /** The timesteps `[B]` to go to. */
  readonly next: Tensor;
  /** The scale of guidance, if the model can be guided. */
  readonly guidance?: Tensor;
  /** The values of conditions by name. */
  readonly told: ConditionValues;
}

/**
 * Writes a denoiser of a run: from `x`, `t`, `next`, the values of conditions by their names and `guidance` to
 *
 * - `prediction`: the guided output of the model,
 * - `xStart` and `eps`: the clean latent and the noise that it points to,
 * - `xNext`: the latent at timestep `next` on the line between them, a step of DDIM without noise, or of Euler's method
 *   for a flow. The clean end is at −1 for a noise schedule, and at 0 for a flow.
 *
 * @param conditions The conditions that are inputs; the others are nulls. Default: all.
 * @throws ValueError for a condition that the model does not have
 */
export function denoiserModel(
  { config, model }: TrainedRun,
  batch: number,
  conditions: readonly string[] | undefined,
): Promise<OnnxModel> {
  const process = runDiffusion(config);
  const values = valueSpecs(model, batch, conditions);
  const time: InputSpec = { shape: [batch], dtype: isFlow(process) ? 'float32' : 'int32' };
  const isGuided = process.predicts !== 'mean-flow' && Object.keys(values).length > 0;
  const inputs: Readonly<Record<string, InputSpec>> = {
    x: { shape: latentShape(model.config, batch), dtype: 'float32' },
    t: time,
    next: time,
    ...values,
    ...(isGuided && { guidance: { shape: [], dtype: 'float32' } }),
  };
  const denoiser = ({
    x,
    t,
    next,
    guidance,
    ...told
  }: Readonly<Record<string, Tensor>>): Readonly<Record<string, Tensor>> => {
    const given = { x, t, next, told, ...(isGuided && { guidance }) };
    const prediction = predict(model, config.sampling, given);
    const ends = endsOf(process, prediction, x, t);
    return { prediction, ...ends, xNext: between(process, ends, next) };
  };
  return toOnnx(denoiser, inputs);
}

/** The inputs for the values of conditions. */
function valueSpecs(
  { config, conditions }: DiT,
  batch: number,
  asked: readonly string[] | undefined,
): Readonly<Record<string, InputSpec>> {
  const known: Record<string, InputSpec> = {
    ...(config.numClasses > 0 && { [LABEL]: { shape: [batch], dtype: 'int32' } }),
  };
  for (const [name, { values }] of Object.entries(conditions)) {
    known[name] = { shape: [batch, ...values.shape], dtype: values.dtype };
  }
  for (const name of asked ?? []) {
    if (Object.hasOwn(known, name)) continue;
    const all = Object.keys(known).join(', ') || 'none';
    throw new ValueError('export', `the model has no condition '${name}'. It has ${all}.`);
  }
  const names = asked ?? Object.keys(known);
  return Object.fromEntries(names.map((name) => [name, known[name]]));
}

/** What the model predicts, guided where the run guides. */
function predict(
  model: DiT,
  { guidanceInterval, guidanceRescale = 0, compat = 'fixed' }: SamplingConfig,
  { x, t, next, guidance, told }: DenoiserInputs,
): Tensor {
  const end = model.config.decoderDepth === undefined ? {} : { end: next };
  if (guidance === undefined) return model.forward(x, t, told, end);
  const [from, to] = guidanceInterval ?? [-Infinity, Infinity];
  const inside = t.greaterEqual(from).and(t.lessEqual(to));
  const scale = inside.where(guidance, 1).reshape([-1, 1, 1, 1]); // [B, 1, 1, 1]
  const isLabelled = Object.keys(model.conditions).length === 0;
  return isLabelled
    ? guidedForward(model, x, t, told[LABEL], { scale, rescale: guidanceRescale, compat })
    : guidedByConditions(model, x, t, told, { scale });
}

/** The clean latent and the noise that a prediction points to. */
function endsOf(process: Process, prediction: Tensor, x: Tensor, t: Tensor): Denoised {
  return isFlow(process)
    ? flowEnds(x, t.div(process.timesteps), prediction)
    : denoise(process, splitOutput(process, prediction, x).prediction, x, t);
}

/** The latent at some timesteps, between its ends. */
function between(process: Process, { xStart, eps }: Denoised, at: Tensor): Tensor {
  if (isFlow(process)) {
    const noise = at.div(process.timesteps).reshape([-1, 1, 1, 1]);
    return xStart.mul(noise.neg().add(1)).add(eps.mul(noise));
  }
  // These tables begin at the clean end.
  const { sqrtAlphaBarPrev, alphaBarPrev } = process.schedule;
  const noise = alphaBarPrev.map((share) => Math.sqrt(1 - share));
  const place = at.add(1);
  const kept = xStart.mul(coefficient(sqrtAlphaBarPrev, place, xStart));
  return kept.add(eps.mul(coefficient(noise, place, xStart)));
}
