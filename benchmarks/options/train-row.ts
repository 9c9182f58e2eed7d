// Trains one row of the table for a number of steps, and measures what it draws.

import { TrainedRun, type LatentSource, type TrainConfig } from '@tessera/dit';
import {
  evaluateRun,
  latentTraining,
  type LatentTraining,
  type RealImages,
  type Ruler,
  type SharedLatents,
} from '@tessera/dit/node';

/** What all rows share. */
export interface Shared extends SharedLatents {
  /** What a row without an autoencoder trains on. */
  readonly pixels: LatentSource;
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

/** Guidance scales of the table. */
export const GUIDANCE: readonly number[] = [1, 2];

/** What the model of a configuration sees. */
function sourceOf({ autoencoder }: TrainConfig, { latents, pixels }: Shared): LatentSource {
  return autoencoder === undefined ? pixels : latents;
}

/** The training of a configuration, of so many steps and with a seed. */
export function openRow(
  config: TrainConfig,
  shared: Shared,
  { steps, seed }: Pick<Effort, 'steps' | 'seed'>,
): LatentTraining {
  const warmupSteps = Math.min(config.optimizer.warmupSteps, Math.floor(steps / 4));
  const optimizer = { ...config.optimizer, warmupSteps };
  const { labels } = shared;
  return latentTraining(
    { ...config, steps, seed, optimizer },
    { latents: sourceOf(config, shared), labels },
  );
}

/** Trains a row, draws with its average, and reads what it has drawn. */
export async function trainRow(
  config: TrainConfig,
  shared: Shared,
  { steps, count, seed }: Effort,
): Promise<Figures> {
  const { start, step, batchAt } = openRow(config, shared, { steps, seed });
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
