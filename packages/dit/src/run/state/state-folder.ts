// The saved states of a run: their names, which of them stay, and the newest that is whole.

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FormatError, ValueError } from '@tessera/tensor';
import { STAGES, type TrainStage } from '../../config/choices.ts';
import { isTemporaryName } from '../atomic-file.ts';
import { readWeights } from '../checkpoint.ts';
import { fileErrorCode, nameFile, problemOf } from '../file-error.ts';
import { filesIn, RUN_FILES } from '../run-folder.ts';
import { decodeState, type SavedState } from './state-file.ts';

/** What names a saved state. */
export interface StateName {
  readonly stage: TrainStage;
  /** Steps that the stage has taken. */
  readonly step: number;
}

/** The folder of a run's states. */
export function stateFolder(run: string): string {
  return join(run, RUN_FILES.state);
}

/** Makes the folder of a run's states, but none above it: if that of the run has vanished, it stays away. */
export async function makeStateFolder(run: string): Promise<void> {
  const folder = stateFolder(run);
  try {
    await mkdir(folder);
  } catch (error) {
    if (fileErrorCode(error) !== 'EEXIST') throw nameFile('train', folder, 'written', error);
  }
}

/** The file of a state, such as `runs/mnist/state/diffusion-000500.safetensors`. */
export function statePath(run: string, { stage, step }: StateName): string {
  return join(stateFolder(run), `${stage}-${String(step).padStart(6, '0')}.safetensors`);
}

/** The states of a run, the newest first. */
export async function listStates(run: string): Promise<StateName[]> {
  const files = await filesIn('train', stateFolder(run));
  const names = files.flatMap((file) => {
    const [, name, steps] = /^(\w+)-(\d{6,})\.safetensors$/.exec(file) ?? [];
    const stage = STAGES.find((each) => each === name);
    return stage === undefined ? [] : [{ stage, step: Number(steps) }];
  });
  return names.sort((a, b) => compare(b, a));
}

/** Below 0 if a stands before b in the run. */
function compare(a: StateName, b: StateName): number {
  return STAGES.indexOf(a.stage) - STAGES.indexOf(b.stage) || a.step - b.step;
}

/**
 * The states that go once one more is saved. The last `keep` stay. Those after the one just saved go too: they were
 * damaged, so that the run went on from an earlier one. What else deserves to stay, such as the best by a measure,
 * would be said here.
 */
function superfluous(
  names: readonly StateName[],
  saved: StateName,
  keep: number,
): readonly StateName[] {
  const stay = new Set(names.filter((each) => compare(each, saved) <= 0).slice(0, keep));
  return names.filter((each) => !stay.has(each));
}

/** Removes the states that need not stay after one was saved. */
export async function removeOldStates(run: string, saved: StateName, keep: number): Promise<void> {
  for (const name of superfluous(await listStates(run), saved, keep)) {
    await rm(statePath(run, name), { force: true });
  }
}

/** Removes files that a process was writing when it was killed. Nobody else may write into the folder. */
export async function removeUnfinished(run: string): Promise<void> {
  for (const folder of [run, stateFolder(run)]) {
    for (const file of await filesIn('train', folder)) {
      if (isTemporaryName(file)) await rm(join(folder, file), { force: true });
    }
  }
}

/**
 * Reads the newest state of a run that is whole; `undefined` if none has been saved.
 *
 * @param onNotice called with a sentence about each damaged state that is passed over
 * @throws ValueError if all states are damaged, or one cannot be read
 */
export async function readNewestState(
  run: string,
  onNotice: (text: string) => void,
): Promise<SavedState | undefined> {
  const names = await listStates(run);
  for (const name of names) {
    const path = statePath(run, name);
    try {
      return decodeState(await readWeights(path), path);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      onNotice(`${problemOf(error)} The state before it is used.`);
    }
  }
  if (names.length === 0) return undefined;
  throw new ValueError(
    'train',
    `all saved states of ${run} are damaged (${names.length}). Start anew: tessera train --config ${join(run, RUN_FILES.config)}`,
  );
}
