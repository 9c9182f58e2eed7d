// Explains why a training went wrong: repeats it up to the step, checks that one, and keeps it in a file.

import { join } from 'node:path';
import { setImmediate as nextTask } from 'node:timers/promises';
import { AnomalyError, detectAnomaly } from '@tessera/autograd/debug';
import { StateError } from '@tessera/tensor';
import type { TrainConfig } from '../../config/config.ts';
import { writeAnomalyFile, type StepPlace } from '../../run/anomaly-file.ts';
import { problemOf } from '../../run/file-error.ts';
import { RUN_FILES } from '../../run/run-folder.ts';
import type { Diverged } from './diverged.ts';
import { formatIndices } from './anomaly-text.ts';
import { repeatSteps, type FailedStep, type Repeatable, type Start } from './repeat-steps.ts';

/** A training that went wrong. */
export interface BrokenTraining<M, B> extends Repeatable<M, B> {
  /** The folder of the run. */
  readonly folder: string;
  readonly config: TrainConfig;
  /** The images of the batch of step i, from 0. */
  readonly indicesAt: (i: number) => Int32Array;
  /** A state that was before the failure, the later the better. */
  readonly restart: () => Promise<Start<M>>;
  readonly onNotice: (text: string) => void;
}

/**
 * Repeats a training from an earlier state up to the step that failed, and that step in checked mode. The step goes
 * into a file of the run. Nothing of this was prepared while all went well: a training gives the same bits again.
 *
 * @returns the error with what was found out
 */
export async function explainFailure<M, B>(
  training: BrokenTraining<M, B>,
  error: Diverged,
): Promise<StateError> {
  const { folder, config, indicesAt, restart, onNotice } = training;
  const start = await restart();
  const count = error.step - start.stepsBefore;
  onNotice(
    `${capitalized(error.what)} at step ${error.step} of the ${error.stage}. ${count === 1 ? 'It is' : `The last ${count} steps are`} repeated to find the cause.`,
  );
  const failed = await repeatSteps(training, start, error.step, () => nextTask());
  if (failed === undefined) {
    return told(
      error,
      'Repeated from the state before, all numbers are finite: the device may be at fault.',
    );
  }
  const { step } = failed;
  const indices = [...indicesAt(step - 1)];
  const cause = await causeOf(training, failed);
  const place = { stage: error.stage, step, config, indices };
  const file = await keepStep(join(folder, RUN_FILES.anomaly), place, failed, onNotice);
  const when = step === error.step ? '' : `It began at step ${step}: `;
  const hint = file === undefined ? '' : ` tessera replay ${file} shows more.`;
  return told(error, `${when}${cause} Its batch: images ${formatIndices(indices)}.${hint}`);
}

/** What a step in checked mode says. */
async function causeOf<M, B>(
  { step }: Repeatable<M, B>,
  { state, batch }: FailedStep<M, B>,
): Promise<string> {
  try {
    await detectAnomaly(step)(state, batch);
    return 'Operation by operation its numbers are finite: the compiled step is at fault.';
  } catch (error) {
    const problem = problemOf(error);
    return `${error instanceof AnomalyError ? 'The cause' : 'It cannot be checked'}: ${problem}`;
  }
}

/** Writes the file of a step; `undefined` if it cannot be written. */
async function keepStep<M, B>(
  path: string,
  place: StepPlace,
  { state, batch }: FailedStep<M, B>,
  onNotice: (text: string) => void,
): Promise<string | undefined> {
  try {
    await writeAnomalyFile(path, place, state, batch);
    return path;
  } catch (error) {
    onNotice(`The step is not kept: ${problemOf(error)}`);
    return undefined;
  }
}

/** The error with more to say. */
function told({ message, op, hint }: Diverged, found: string): StateError {
  return new StateError(op, `${message.slice(op.length + 2)} ${found} ${hint}`);
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
