/** The loop around a training step: batches in, log rows and progress out. */

import { tree, type Compiled } from '@tessera/tensor';
import type { TrainStage } from '../choices.ts';
import { appendLogRow } from '../run/log.ts';
import type { TrainProgress } from './options.ts';
import type { StepMetrics, TrainState } from './step.ts';

/** One training of a run. */
export interface Stage<M, B> {
  readonly name: TrainStage;
  readonly step: Compiled<[TrainState<M>, B], [TrainState<M>, StepMetrics]>;
  readonly state: TrainState<M>;
  /** The batch of step i, from 0. */
  readonly batchAt: (i: number) => B;
  readonly batch: number;
  readonly totalSteps: number;
  /** The log that every step adds a row to. */
  readonly log: string;
  readonly onProgress: ((progress: TrainProgress) => void) | undefined;
  /** Called after step i (1, the last, every READ_EVERY-th) with the state, which must not be kept. */
  readonly afterStep?: (i: number, state: TrainState<M>) => Promise<void>;
}

/** Reading a loss waits for the step on some backends, so it is done for this many steps at once. */
export const READ_EVERY = 10;

/**
 * Runs a stage to its end and gives its last state. Every step becomes a row of the log.
 *
 * @throws StateError if the loss is no longer finite
 */
export async function runStage<M, B>(stage: Stage<M, B>): Promise<TrainState<M>> {
  const { totalSteps, afterStep } = stage;
  let { state } = stage;
  let unread: StepMetrics[] = [];
  let since = performance.now();
  for (let i = 1; i <= totalSteps; i++) {
    let metrics: StepMetrics;
    const batch = stage.batchAt(i - 1);
    [state, metrics] = stage.step(state, batch);
    dispose(batch);
    unread.push(metrics);
    if (i % READ_EVERY !== 0 && i !== 1 && i !== totalSteps) continue;
    await report(stage, i, unread, since);
    dispose(unread);
    unread = [];
    await afterStep?.(i, state);
    since = performance.now();
  }
  return state;
}

/** Frees what a step is done with: the memory of a device is no reason for a collector to hurry. */
function dispose(values: unknown): void {
  for (const leaf of tree.leaves(values)) leaf[Symbol.dispose]();
}

/** Writes the rows of the steps up to `last` and shows the last one. */
async function report<M, B>(
  { name, batch, totalSteps, log, onProgress }: Stage<M, B>,
  last: number,
  metrics: readonly StepMetrics[],
  since: number,
): Promise<void> {
  const losses = await Promise.all(metrics.map(({ loss }) => loss.item()));
  const norms = await Promise.all(metrics.map(({ gradNorm }) => gradNorm.item()));
  const seconds = (performance.now() - since) / 1000;
  const imagesPerSecond = (batch * metrics.length) / seconds;
  for (const [i, loss] of losses.entries()) {
    const step = last - metrics.length + 1 + i;
    await appendLogRow(log, { stage: name, step, loss, gradNorm: norms[i], imagesPerSecond });
  }
  onProgress?.({
    stage: name,
    step: last,
    totalSteps,
    loss: losses[losses.length - 1],
    gradNorm: norms[norms.length - 1],
    imagesPerSecond,
  });
}
