// The optimizer of a run and its learning rate, as its configuration names them.

import {
  adamw,
  cosineSchedule,
  muon,
  trapezoidSchedule,
  type AdamState,
  type MuonState,
  type Optimizer,
  type PerParameter,
  type Schedule,
} from '@tessera/autograd/optim';
import type { Tensor } from '@tessera/tensor';
import type { RateSchedule } from '../config/choices.ts';
import { decaySteps, type OptimizerConfig } from '../config/optimizer-config.ts';

/** The state of either optimizer. */
export type OptimizerState = AdamState | MuonState;

/** The optimizer that a configuration names. */
export function optimizerOf({
  name = 'adamw',
  betas,
  weightDecay,
  decayed = 'all',
  momentum = 0.95,
}: OptimizerConfig): Optimizer<OptimizerState> {
  const decay = { weightDecay, ...(decayed === 'matrices' && { perParameter: decayOfMatrices }) };
  // The state that goes in is the one that init of the same optimizer made; each checks that it is.
  return name === 'muon'
    ? muon({ momentum, matrices: matricesOf, adamw: { betas, ...decay }, ...decay })
    : adamw({ betas, ...decay });
}

/** The same settings for a model that always trains by AdamW on a cosine, without further averages. */
export function plainOptimizer(settings: OptimizerConfig): OptimizerConfig {
  const { learningRate, warmupSteps, finalLrFraction, weightDecay, clipNorm, betas, emaDecay } =
    settings;
  return { learningRate, warmupSteps, finalLrFraction, weightDecay, clipNorm, betas, emaDecay };
}

/** No decay for norms, biases and embeddings: those have one axis, or are tables. */
const decayOfMatrices: PerParameter = (path, { rank }) =>
  rank >= 2 && !path.includes('embedding') ? {} : { weightDecay: 0 };

/**
 * How many matrices Muon finds in a parameter. It takes the weights of blocks; embeddings, the first and the last
 * layer, biases and norms go to AdamW. Queries, keys and values are matrices of their own, as are the vectors of a
 * modulation, since each of them has a role of its own.
 *
 * Source: Jordan et al. 2024, who apply Muon to hidden layers, and to queries, keys and values separately.
 */
export function matricesOf(path: string, { rank, shape: [rows, columns] }: Tensor): number {
  if (rank !== 2 || !/(?:^|\.)blocks\.\d+\./.test(path)) return 0;
  if (path.endsWith('.qkv.weight')) return 3;
  if (/\.(?:kv|w12)\.weight$/.test(path)) return 2;
  if (path.includes('.adaLN_modulation.') && rows % columns === 0) return rows / columns;
  return 1;
}

/** The learning rate after w warm-up steps, for each choice. The formulas stand with the functions. */
const RATES: Readonly<
  Record<
    RateSchedule,
    (settings: OptimizerConfig, warmupSteps: number, totalSteps: number) => Schedule
  >
> = {
  cosine: ({ learningRate, finalLrFraction }, warmupSteps, totalSteps) =>
    cosineSchedule({
      peak: learningRate,
      floor: learningRate * finalLrFraction,
      warmupSteps,
      totalSteps,
    }),
  constant: ({ learningRate }, warmupSteps, totalSteps) =>
    trapezoidSchedule({ peak: learningRate, warmupSteps, totalSteps }),
  linear: ({ learningRate, finalLrFraction }, warmupSteps, totalSteps) =>
    trapezoidSchedule({
      peak: learningRate,
      floor: learningRate * finalLrFraction,
      warmupSteps,
      decaySteps: totalSteps - warmupSteps,
      totalSteps,
    }),
  trapezoid: ({ learningRate, finalLrFraction, decayFraction }, warmupSteps, totalSteps) =>
    trapezoidSchedule({
      peak: learningRate,
      floor: learningRate * finalLrFraction,
      warmupSteps,
      decaySteps: decaySteps(totalSteps, decayFraction),
      totalSteps,
    }),
};

/** The learning rate of each step. It is computed from the step's number, so a compiled step serves all. */
export function learningRateOf(settings: OptimizerConfig, totalSteps: number): Schedule {
  const { schedule = 'cosine', warmupSteps } = settings;
  return RATES[schedule](settings, Math.min(warmupSteps, totalSteps - 1), totalSteps);
}
