// Trains one row of the table for a number of steps, and measures what it draws.

import { key, split, tensor } from '@tessera/tensor';
import {
  batchOrder,
  compiledTrainStep,
  diffusionLoss,
  DiT,
  initialState,
  TrainedRun,
  type Autoencoder,
  type DiffusionBatch,
  type LatentSource,
  type TrainConfig,
  type TrainState,
} from '@tessera/dit';
import { evaluateRun, type RealImages, type Ruler } from '@tessera/dit/node';

/** What all rows share. */
export interface Shared {
  readonly autoencoder: Autoencoder;
  /** What a row trains on, with the autoencoder or on pixels. */
  readonly latents: LatentSource;
  readonly pixels: LatentSource;
  readonly labels: Int32Array;
  readonly ruler: Ruler;
  readonly real: RealImages;
}

/** How long a row trains, and how much it draws. */
export interface Effort {
  /** Training steps: what fits into the time of the table. */
  readonly steps: number;
  /** Digits drawn for each guidance scale. */
  readonly count: number;
  readonly seed: number;
}

/** The figures of a row and a seed. */
export interface Figures {
  readonly steps: number;
  readonly loss: number;
  /** Percent read as asked, and the Fréchet distance, by guidance scale. */
  readonly guidance: readonly {
    readonly scale: number;
    readonly accuracy: number;
    readonly fcd: number;
  }[];
}

/** What the training of a row begins with. */
export interface OpenRow {
  /** A new state. A compiled step takes its state over, the key too: each training needs its own. */
  readonly start: () => TrainState<DiT>;
  /** The compiled step of a training of so many steps. */
  readonly stepOf: (steps: number) => ReturnType<typeof compiledTrainStep<DiT, DiffusionBatch>>;
  /** The batch of a step, from 0. */
  readonly batchAt: (step: number) => DiffusionBatch;
}

/** Guidance scales of the table. */
export const GUIDANCE: readonly number[] = [1, 2];

/** What the model of a configuration sees. */
function sourceOf({ autoencoder }: TrainConfig, { latents, pixels }: Shared): LatentSource {
  return autoencoder === undefined ? pixels : latents;
}

/** What the training of a configuration with a seed begins with. */
export function openRow(config: TrainConfig, shared: Shared, seed: number): OpenRow {
  const latents = sourceOf(config, shared);
  const order = batchOrder({ count: latents.count, batch: config.batch, seed });
  const loss = diffusionLoss(config, latents.scale);
  return {
    start: () => {
      const [initKey, stepKey] = split(key(seed));
      return initialState(DiT.init(config.model, initKey), stepKey, config.optimizer);
    },
    stepOf: (steps) => {
      const warmupSteps = Math.min(config.optimizer.warmupSteps, Math.floor(steps / 4));
      return compiledTrainStep(loss, { ...config.optimizer, warmupSteps }, steps);
    },
    batchAt: (i) => {
      const indices = order.indices(i);
      const chosen = Int32Array.from(indices, (index) => shared.labels[index]);
      return { posterior: latents.gather(indices), labels: tensor(chosen) };
    },
  };
}

/** Trains a row, draws with its average, and reads what it has drawn. */
export async function trainRow(
  config: TrainConfig,
  shared: Shared,
  { steps, count, seed }: Effort,
): Promise<Figures> {
  const { start, stepOf, batchAt } = openRow(config, shared, seed);
  const step = stepOf(steps);
  let state = start();
  let last = NaN;
  for (let i = 0; i < steps; i++) {
    const [next, metrics] = step(state, batchAt(i));
    state = next;
    if (i === steps - 1 || i % 10 === 0) last = await metrics.loss.item();
  }
  const { ruler, real } = shared;
  const autoencoder = config.autoencoder === undefined ? undefined : shared.autoencoder;
  const latentScale = sourceOf(config, shared).scale;
  const run = new TrainedRun({ ...config, latentScale }, autoencoder, state.average);
  const options = { samples: count, guidance: GUIDANCE, seeds: 1 };
  const { guidance } = await evaluateRun(run, ruler, real, options);
  return {
    steps,
    loss: last,
    guidance: guidance.map(({ guidance: scale, accuracy, fcd }) => ({
      scale,
      accuracy: 100 * (accuracy?.mean ?? NaN),
      fcd: fcd.mean,
    })),
  };
}
