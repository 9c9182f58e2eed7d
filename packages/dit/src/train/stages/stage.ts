// The loop around a training step: batches in, log rows and progress out.

import { setImmediate as nextTask } from 'node:timers/promises';
import { tree, type Compiled } from '@tessera/tensor';
import type { TrainStage } from '../../config/choices.ts';
import type { LogRow } from '../../run/log.ts';
import { Diverged } from '../anomaly/diverged.ts';
import type { TrainProgress } from '../options.ts';
import type { StepMetrics, TrainState } from '../step.ts';
import { areWeightsFinite, isFiniteLook, Watch, WATCH_EVERY, type Look } from '../watch/watch.ts';

/** One training of a run. */
export interface Stage<M, B> {
  readonly name: TrainStage;
  readonly step: Compiled<[TrainState<M>, B], [TrainState<M>, StepMetrics]>;
  readonly state: TrainState<M>;
  /** Steps that led to this state. */
  readonly stepsBefore: number;
  /** The batch of step i, from 0. */
  readonly batchAt: (i: number) => B;
  readonly batch: number;
  readonly totalSteps: number;
  /** Takes log rows in their order. */
  readonly onRows: (rows: readonly LogRow[]) => Promise<void>;
  readonly onProgress: ((progress: TrainProgress) => void) | undefined;
  /** Steps from one row of the log to the next. The first and the last step have rows too. Default 1. */
  readonly logEvery?: number | undefined;
  /** What is done after some steps. */
  readonly visits?: readonly Visits<M>[];
  /** Keeps states on the way. */
  readonly saves?: Saves<M> | undefined;
  /** Ends the stage after a step, once its state is saved. */
  readonly signal?: AbortSignal | undefined;
}

/** What is done after every n-th step but the last. */
export interface Visits<M> {
  readonly every: number;
  /** Gets a state that it must not keep. */
  readonly visit: (i: number, state: TrainState<M>) => Promise<void>;
}

/** Keeps states of a training. */
export interface Saves<M> {
  /** Whether the state after step i is to be kept. `isRead`: whether its loss is read anyway. */
  readonly isDue: (i: number, isRead: boolean) => boolean;
  /** Resolves once the state may change. */
  readonly save: (i: number, state: TrainState<M>) => Promise<void>;
}

/** Number of steps whose losses are read at once, since on some backends reading waits for the step. */
export const READ_EVERY = 10;

/** Least duration of a step: the clock of a browser may stand still for a while. */
const SHORTEST_MS = 1e-3;

/**
 * Runs a stage to its end and gives its last state. Every step becomes a row, or every `logEvery`-th.
 *
 * @throws Diverged if the loss, the gradient or the weights are no longer finite. The rows before are logged. The
 *   reason of the signal, if it ends the stage.
 */
export async function runStage<M, B>(stage: Stage<M, B>): Promise<TrainState<M>> {
  const { totalSteps, stepsBefore, visits = [], saves, signal } = stage;
  const watch = new Watch<M>();
  let { state } = stage;
  let unread: StepMetrics[] = [];
  let since = performance.now();
  for (let i = stepsBefore + 1; i <= totalSteps; i++) {
    let metrics: StepMetrics;
    const batch = stage.batchAt(i - 1);
    const isLast = i === totalSteps;
    const isWatched = i % WATCH_EVERY === 0 || i === 1 || isLast;
    const before = isWatched ? watch.before(state.model) : undefined;
    [state, metrics] = stage.step(state, batch);
    dispose(batch);
    unread.push(metrics);
    // Signals, and files that are being written, get their turn.
    await nextTask();
    const ends = signal?.aborted === true;
    const due = isLast ? [] : visits.filter(({ every }) => i % every === 0);
    const isRead = i % READ_EVERY === 0 || i === 1 || isLast || due.length > 0 || ends;
    const saved = ends || (!isLast && saves?.isDue(i, isRead) === true);
    if (!isRead && !saved) continue;
    const look = before && (await watch.after(before, state.model, metrics));
    await report(stage, i, unread, since, look);
    dispose(unread);
    unread = [];
    for (const { visit } of due) await visit(i, state);
    if (saved) await saves?.save(i, state);
    if (ends) signal.throwIfAborted();
    since = performance.now();
  }
  return state;
}

/** Frees the tensors of a tree once a step is finished. A garbage collector does not see how full a device is. */
export function dispose(values: unknown): void {
  for (const leaf of tree.leaves(values)) leaf[Symbol.dispose]();
}

/** Logs a row for each step up to `last`, and reports the progress of the last one. */
async function report<M, B>(
  { name, batch, totalSteps, logEvery = 1, onRows, onProgress }: Stage<M, B>,
  last: number,
  metrics: readonly StepMetrics[],
  since: number,
  look: Look | undefined,
): Promise<void> {
  const losses = await Promise.all(metrics.map(({ loss }) => loss.item()));
  const norms = await Promise.all(metrics.map(({ gradNorm }) => gradNorm.item()));
  const seconds = Math.max(performance.now() - since, SHORTEST_MS) / 1000;
  const imagesPerSecond = (batch * metrics.length) / seconds;
  const rows = losses.map((loss, i): LogRow => {
    const step = last - losses.length + 1 + i;
    const row = { stage: name, step, loss, gradNorm: norms[i], imagesPerSecond };
    // The last step is looked at too, but has such a row only where a longer training has one.
    const isTold = step === last && (step === 1 || step % WATCH_EVERY === 0);
    return isTold && look !== undefined && isFiniteLook(look) ? { ...row, ...look } : row;
  });
  const end = rows.findIndex(
    ({ loss, gradNorm }) => !Number.isFinite(loss) || !Number.isFinite(gradNorm),
  );
  const kept = end === -1 ? rows : rows.slice(0, end);
  await onRows(
    kept.filter(({ step }) => step % logEvery === 0 || step === 1 || step === totalSteps),
  );
  if (end !== -1) throw diverged(rows[end], totalSteps);
  const { loss, gradNorm } = rows[rows.length - 1];
  if (look !== undefined && !areWeightsFinite(look)) {
    throw new Diverged('the weights are not finite', name, last, totalSteps);
  }
  onProgress?.({ stage: name, step: last, totalSteps, loss, gradNorm, imagesPerSecond });
}

/** The error of a training whose loss or gradient is no longer finite. */
function diverged({ stage, step, loss, gradNorm }: LogRow, totalSteps: number): Diverged {
  const what = Number.isFinite(loss) ? `the gradient's norm is ${gradNorm}` : `the loss is ${loss}`;
  return new Diverged(what, stage, step, totalSteps);
}
