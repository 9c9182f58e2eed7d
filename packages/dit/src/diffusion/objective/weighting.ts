// Min-SNR weights: no timestep counts for more than a bounded signal-to-noise ratio.

import { checkTensors, indexSelect, tensor, type Tensor } from '@tessera/tensor';
import { checkWithin } from '../../config/argument-check.ts';
import type { Predicted } from '../process/diffusion.ts';
import { checkProcess, isFlow, type Process } from '../process/process.ts';

/** The bound γ that the paper recommends. */
export const MIN_SNR_GAMMA = 5;

/**
 * The min-SNR-γ weight of each timestep. It makes the squared error of any prediction that of xStart times
 * `min(SNR, γ)`, where SNR = signal²/noise². At a given xT an error e of xStart is an error of
 *
 * - `eps` of √SNR · e, since `eps = (xT − signal · xStart)/noise`: the weight is `min(SNR, γ)/SNR`;
 * - `v = signal · eps − noise · xStart` of e/noise, and 1/noise² = SNR + 1: `min(SNR, γ)/(SNR + 1)`;
 * - the velocity `eps − xStart` of a flow of e/s, since its noise is s: `min(SNR, γ) · s²`.
 *
 * Source: Hang et al. 2023, "Efficient diffusion training via min-SNR weighting strategy", section 3; the
 * form for the flow follows in the same way.
 *
 * @param t `[B]`: kept timesteps, int32; for a flow times from 0 to 1, float32.
 * @returns float32 `[B]`
 * @example
 * minSnrWeights(createFlow(), tensor([0.1, 0.5, 1])); // [0.05, 0.25, 0]
 * const t = tensor([999], { dtype: 'int32' });
 * minSnrWeights(createDiffusion({ predicts: 'eps' }), t); // [1]: the ratio is below γ
 */
export function minSnrWeights(process: Process, t: Tensor, gamma: number = MIN_SNR_GAMMA): Tensor {
  checkProcess('minSnrWeights', process);
  checkTensors('minSnrWeights', { t });
  checkWithin('minSnrWeights', 'gamma', gamma, 1e-6, 1e6);
  if (isFlow(process)) return t.neg().add(1).square().minimum(t.square().mul(gamma));
  const weight = WEIGHTS[process.predicts];
  const table = process.schedule.alphaBar.map((a) => weight(a, 1 - a, gamma));
  return indexSelect(tensor(Float32Array.from(table)), t, 0);
}

/** The weights, from the variance of the signal and that of the noise, whose sum is 1. */
const WEIGHTS: Readonly<
  Record<Predicted, (signal: number, noise: number, gamma: number) => number>
> = {
  eps: (signal, noise, gamma) => Math.min(1, (gamma * noise) / signal),
  xStart: (signal, noise, gamma) => Math.min(signal / noise, gamma),
  v: (signal, noise, gamma) => Math.min(signal, gamma * noise),
};
