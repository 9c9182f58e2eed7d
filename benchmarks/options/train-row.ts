// Trains one row of the table for a given time, and measures what it draws.

import { key, split, tensor } from '@tessera/tensor';
import {
  batchOrder,
  compiledTrainStep,
  diffusionLoss,
  DiT,
  gatherPosteriors,
  initialState,
  TrainedRun,
  type Autoencoder,
  type DiffusionBatch,
  type LatentSet,
  type TrainConfig,
  type TrainState,
} from '@tessera/dit';
import { evaluateRun, type RealImages, type Ruler } from '@tessera/dit/node';

/** What all rows share. */
export interface Shared {
  readonly autoencoder: Autoencoder;
  readonly latents: LatentSet;
  readonly labels: Int32Array;
  readonly ruler: Ruler;
  readonly real: RealImages;
}

/** How long a row trains, and how much it draws. */
export interface Effort {
  /** Seconds of training steps. The compiler's time, and a few steps that measure the speed, come on top. */
  readonly seconds: number;
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

/** Steps that measure the speed, after one that compiles. */
const TIMED = 5;

/** Trains a row, draws with its average, and reads what it has drawn. */
export async function trainRow(
  config: TrainConfig,
  { autoencoder, latents, labels, ruler, real }: Shared,
  { seconds, count, seed }: Effort,
): Promise<Figures> {
  const order = batchOrder({ count: latents.count, batch: config.batch, seed });
  const batchAt = (i: number): DiffusionBatch => {
    const indices = order.indices(i);
    const chosen = Int32Array.from(indices, (index) => labels[index]);
    return { posterior: gatherPosteriors(latents, indices), labels: tensor(chosen) };
  };
  // A compiled step takes its state over, the key too: each start has its own.
  const start = (): TrainState<DiT> => {
    const [initKey, stepKey] = split(key(seed));
    return initialState(DiT.init(config.model, initKey), stepKey, config.optimizer);
  };
  const loss = diffusionLoss(config, latents.scale);
  const steps = await stepsIn(
    seconds,
    compiledTrainStep(loss, config.optimizer, 100),
    start(),
    batchAt,
  );
  const warmupSteps = Math.min(config.optimizer.warmupSteps, Math.floor(steps / 4));
  const step = compiledTrainStep(loss, { ...config.optimizer, warmupSteps }, steps);
  let state = start();
  let last = NaN;
  for (let i = 0; i < steps; i++) {
    const [next, metrics] = step(state, batchAt(i));
    state = next;
    if (i === steps - 1 || i % 10 === 0) last = await metrics.loss.item();
  }
  const run = new TrainedRun({ ...config, latentScale: latents.scale }, autoencoder, state.average);
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

/** How many steps fit into a time, at least 2. */
async function stepsIn(
  seconds: number,
  step: ReturnType<typeof compiledTrainStep<DiT, DiffusionBatch>>,
  start: TrainState<DiT>,
  batchAt: (i: number) => DiffusionBatch,
): Promise<number> {
  let state = start;
  let since = performance.now();
  for (let i = 0; i <= TIMED; i++) {
    const [next, metrics] = step(state, batchAt(i));
    state = next;
    await metrics.loss.item();
    if (i === 0) since = performance.now();
  }
  const each = (performance.now() - since) / 1000 / TIMED;
  return Math.max(2, Math.floor(seconds / each));
}
