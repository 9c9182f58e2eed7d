// Repeats the steps of a training up to the one that went wrong, to have the state before it.

import { all, compile, isFinite, tree } from '@tessera/tensor';
import { dispose } from '../stages/stage.ts';
import type { StepMetrics, TrainState, TrainStep } from '../step.ts';

/** What repeating a training needs. The same steps give the same bits. */
export interface Repeatable<M, B> {
  readonly step: TrainStep<M, B>;
  /** The batch of step i, from 0. */
  readonly batchAt: (i: number) => B;
}

/** A state and the steps that led to it. */
export interface Start<M> {
  readonly state: TrainState<M>;
  readonly stepsBefore: number;
}

/** A step that went wrong, with what it was computed from. */
export interface FailedStep<M, B> {
  /** Its number, from 1. */
  readonly step: number;
  readonly state: TrainState<M>;
  readonly batch: B;
}

/**
 * Steps before the one whose loss is not finite in which weights are looked at too. A weight that is not finite may
 * show in the loss of a later step.
 */
const CAREFUL = 10;

/**
 * Repeats the steps from a start up to one that is known to fail.
 *
 * @param failed the number of the step whose loss, gradient or weights are not finite, from 1
 * @param pause called after each step, so that signals get their turn
 * @returns the first step whose loss, gradient or new state is not finite; `undefined` if all are finite this time
 */
export async function repeatSteps<M, B>(
  { step, batchAt }: Repeatable<M, B>,
  { state: start, stepsBefore }: Start<M>,
  failed: number,
  pause: () => Promise<void>,
): Promise<FailedStep<M, B> | undefined> {
  const copy = compile((state: TrainState<M>) => state);
  let state = start;
  for (let i = stepsBefore + 1; i <= failed; i++) {
    const batch = batchAt(i - 1);
    const before = i > failed - CAREFUL ? copy(state) : undefined;
    let metrics: StepMetrics;
    [state, metrics] = step(state, batch);
    await pause();
    if (before !== undefined && !(await areFinite([metrics, state]))) {
      return { step: i, state: before, batch };
    }
    dispose([metrics, batch, before]);
  }
  return undefined;
}

/** Whether all numbers of a tree are finite. */
async function areFinite(root: unknown): Promise<boolean> {
  const truths = tree.leaves(root).map((leaf) => all(isFinite(leaf)).item());
  return (await Promise.all(truths)).every((truth) => truth === 1);
}
