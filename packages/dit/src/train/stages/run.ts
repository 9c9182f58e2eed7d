// A run that has begun: what its stages share, how they begin, are logged, and kept on the way.

import type { Autoencoder } from '../../autoencoder/autoencoder.ts';
import type { TrainStage } from '../../config/choices.ts';
import type { TrainConfig } from '../../config/config.ts';
import { drawLossCurve } from '../../pictures/loss-curve.ts';
import type { LogRow, LogWriter } from '../../run/log.ts';
import { RUN_FILES } from '../../run/run-folder.ts';
import type { SavedState, Sources } from '../../run/state/state-file.ts';
import type { StateWriter } from '../../run/state/state-writer.ts';
import { readNewestState } from '../../run/state/state-folder.ts';
import { Diverged } from '../anomaly/diverged.ts';
import { explainFailure } from '../anomaly/explain.ts';
import type { Start } from '../anomaly/repeat-steps.ts';
import type { RunOptions } from '../options.ts';
import { addPicture, type Album } from '../pictures.ts';
import type { KeptLog } from '../resume/resumed-run.ts';
import type { SaveClock } from '../resume/save-clock.ts';
import type { TrainState } from '../step.ts';
import { runStage, type Saves, type Stage } from './stage.ts';

/** A run that has begun. */
export interface Run extends RunOptions {
  readonly config: TrainConfig;
  /** The state that it goes on from, if it was stopped. */
  readonly state: SavedState | undefined;
  readonly album: Album;
  readonly log: LogWriter;
  /** The losses that the log has already. */
  readonly points: KeptLog['points'];
  /** How its states are kept; `undefined` if none are. */
  readonly saving: Saving | undefined;
}

/** How the states of a run are kept. */
export interface Saving {
  readonly writer: StateWriter;
  readonly clock: SaveClock;
  readonly sources: Sources;
}

/** The names of the trees in a saved state. */
const [TRAINING, AUTOENCODER] = ['training', 'autoencoder'] as const;

/** Where a stage begins: at its first step, or after the steps of the state that the run goes on from. */
export function startOf<M>(
  { state }: Pick<Run, 'state'>,
  stage: TrainStage,
  first: TrainState<M>,
): Pick<Stage<M, unknown>, 'state' | 'stepsBefore'> {
  return state?.stage === stage
    ? { state: state.take(TRAINING, first), stepsBefore: state.step }
    : { state: first, stepsBefore: 0 };
}

/** The autoencoder of a state that was saved in the diffusion; `undefined` if the run goes on from none. */
export function savedAutoencoder({ state }: Run, like: () => Autoencoder): Autoencoder | undefined {
  return state?.stage === 'diffusion' ? state.take(AUTOENCODER, like()) : undefined;
}

/** Keeps states of a stage; `undefined` if the run keeps none. */
export function savesOf<M>(
  { saving, log, config }: Run,
  stage: TrainStage,
  autoencoder?: Autoencoder,
): Saves<M> | undefined {
  if (saving === undefined) return undefined;
  const { writer, clock, sources } = saving;
  return {
    isDue: (i, isRead) => clock.isDue(i, isRead),
    async save(step, state) {
      clock.restart();
      const bytes = await log.flush();
      // A log that cannot be written has said so. The state waits for it.
      if (bytes === undefined) return;
      await writer.save(
        { stage, step, log: bytes, config, sources },
        { [TRAINING]: state, ...(autoencoder !== undefined && { [AUTOENCODER]: autoencoder }) },
      );
    },
  };
}

/** Where a stage that failed can begin again: after its last saved state, or at its first step. */
async function lastStart<M>(
  { album, saving }: Run,
  stage: TrainStage,
  first: () => TrainState<M>,
): Promise<Start<M>> {
  await saving?.writer.settle();
  const state = await readNewestState(album.folder, album.onNotice);
  return startOf({ state }, stage, first());
}

/** A stage of a run, and what repeating it needs. */
export interface Training<M, B> extends Omit<Stage<M, B>, 'onRows' | 'signal'> {
  /** Makes the state before the first step. */
  readonly first: () => TrainState<M>;
  /** The images of the batch of step i, from 0. */
  readonly indicesAt: (i: number) => Int32Array;
}

/**
 * Runs a stage, writes its rows into the log and draws its curve from the rows. If the training fails, the
 * curve shows the steps before, and the error says which operation failed.
 */
export async function runLogged<M, B>(
  run: Run,
  title: string,
  { first, indicesAt, ...stage }: Training<M, B>,
): Promise<TrainState<M>> {
  const { album, log, points: pointsOf, signal } = run;
  const points = pointsOf(stage.name);
  const onRows = async (rows: readonly LogRow[]): Promise<void> => {
    points.push(...rows.map(({ step, loss }) => ({ step, loss })));
    await log.append(rows);
  };
  try {
    return await runStage({ ...stage, signal, onRows });
  } catch (error) {
    if (!(error instanceof Diverged)) throw error;
    const { config } = run;
    const { name, step, batchAt } = stage;
    const restart = (): Promise<Start<M>> => lastStart(run, name, first);
    throw await explainFailure({ ...album, config, step, batchAt, indicesAt, restart }, error);
  } finally {
    if (points.length > 0) {
      await addPicture(album, RUN_FILES.lossCurve, () => drawLossCurve(points, { title }));
    }
  }
}
