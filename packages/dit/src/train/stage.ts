// The loop around a training step: batches in, log rows and progress out.

import { StateError, tree, type Compiled } from '@tessera/tensor';
import type { TrainStage } from '../config/choices.ts';
import type { LogRow } from '../run/log.ts';
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
  /** Takes the rows of the steps, in their order. */
  readonly onRows: (rows: readonly LogRow[]) => Promise<void>;
  readonly onProgress: ((progress: TrainProgress) => void) | undefined;
  /** Called after step i (1, the last, every READ_EVERY-th) with the state, which must not be kept. */
  readonly afterStep?: (i: number, state: TrainState<M>) => Promise<void>;
}

/** Reading a loss waits for the step on some backends, so it is done for this many steps at once. */
export const READ_EVERY = 10;

/** Clocks of browsers may stand still for a while; steps take longer than this. */
const SHORTEST_MS = 1e-3;

/**
 * Runs a stage to its end and gives its last state. Every step becomes a row.
 *
 * @throws StateError if the loss or the gradient is no longer finite; the rows before that are handed on
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

/** Hands on the rows of the steps up to `last` and shows the last one. */
async function report<M, B>(
  { name, batch, totalSteps, onRows, onProgress }: Stage<M, B>,
  last: number,
  metrics: readonly StepMetrics[],
  since: number,
): Promise<void> {
  const losses = await Promise.all(metrics.map(({ loss }) => loss.item()));
  const norms = await Promise.all(metrics.map(({ gradNorm }) => gradNorm.item()));
  const seconds = Math.max(performance.now() - since, SHORTEST_MS) / 1000;
  const imagesPerSecond = (batch * metrics.length) / seconds;
  const rows = losses.map((loss, i): LogRow => {
    const step = last - losses.length + 1 + i;
    return { stage: name, step, loss, gradNorm: norms[i], imagesPerSecond };
  });
  const end = rows.findIndex(
    ({ loss, gradNorm }) => !Number.isFinite(loss) || !Number.isFinite(gradNorm),
  );
  await onRows(end === -1 ? rows : rows.slice(0, end));
  if (end !== -1) throw diverged(rows[end], totalSteps);
  const { loss, gradNorm } = rows[rows.length - 1];
  onProgress?.({ stage: name, step: last, totalSteps, loss, gradNorm, imagesPerSecond });
}

/** The end of a training whose numbers are no longer finite. */
function diverged({ stage, step, loss, gradNorm }: LogRow, totalSteps: number): StateError {
  const metric = Number.isFinite(loss)
    ? `the gradient's norm is ${gradNorm}`
    : `the loss is ${loss}`;
  const settings = stage === 'autoencoder' ? 'autoencoder' : 'optimizer';
  return new StateError(
    'train',
    `${metric} at step ${step} of ${totalSteps} of the ${stage}: the training has diverged. Lower ${settings}.learningRate, in a configuration that --config names.`,
  );
}
