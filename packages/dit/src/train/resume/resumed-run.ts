// What a stopped run goes on with: its configuration and newest state, which must belong together.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ValueError } from '@tessera/tensor';
import { parseTrainConfig, type TrainConfig } from '../../config/config.ts';
import { cutLog, readLog, type LogRow } from '../../run/log.ts';
import { problemOf } from '../../run/file-error.ts';
import { oddField } from '../../run/odd-field.ts';
import { RUN_FILES } from '../../run/run-folder.ts';
import type { SavedState, Sources } from '../../run/state/state-file.ts';
import { readNewestState, removeUnfinished } from '../../run/state/state-folder.ts';
import type { LossPoint } from '../../pictures/loss-curve.ts';
import type { TrainStage } from '../../config/choices.ts';

/** A run to go on with. */
export interface StoppedRun {
  readonly config: TrainConfig;
  /** The state to go on from; `undefined` if none was saved yet. */
  readonly state: SavedState | undefined;
}

/**
 * Reads the newest state of a run whose folder is locked.
 *
 * @param written the configuration in the run's folder
 * @param steps steps of the Diffusion Transformer in all; `undefined` for those of the run
 * @throws ValueError if there is nothing to go on from, or the state is of another configuration
 */
export async function readStoppedRun(
  run: string,
  written: TrainConfig,
  steps: number | undefined,
  onNotice: (text: string) => void,
): Promise<StoppedRun> {
  await removeUnfinished(run);
  const state = await readNewestState(run, onNotice);
  const config = withSteps(written, steps, run);
  if (state === undefined) {
    if (existsSync(join(run, RUN_FILES.model))) {
      throw new ValueError(
        'train',
        `${run} is trained to its end and has no saved state, so there is nothing to go on from. Start anew: tessera train --config ${join(run, RUN_FILES.config)}`,
      );
    }
    onNotice(`${run} has no saved state yet. The training begins anew.`);
    return { config, state };
  }
  checkSame(run, written, state);
  const { stage, step } = state;
  if (stage === 'diffusion' && config.steps < step) {
    throw new ValueError(
      'train',
      `${run} has taken ${step} steps of the diffusion, more than the ${config.steps} that are asked for. Give --steps ${step} or more.`,
    );
  }
  const total = stage === 'diffusion' ? config.steps : config.autoencoder?.steps;
  onNotice(`Going on after step ${step} of ${total} of the ${stage}.`);
  if (stage === 'diffusion') {
    const before = state.config.steps;
    if (before !== config.steps) onNotice(longerNotice(config, before, step));
  }
  return { config, state };
}

function withSteps(written: TrainConfig, steps: number | undefined, run: string): TrainConfig {
  if (steps === undefined) return written;
  return parseTrainConfig({ ...written, steps }, join(run, RUN_FILES.config));
}

/** What another number of steps means for the learning rate. */
function longerNotice({ steps, optimizer }: TrainConfig, before: number, step: number): string {
  const { schedule = 'cosine' } = optimizer;
  const rate =
    schedule === 'constant'
      ? 'The learning rate stays constant.'
      : `From step ${step + 1} on the learning rate is that of the ${schedule} schedule of ${steps} steps.`;
  return `The run has ${steps} steps in place of ${before}. ${rate}`;
}

/** Fields that may be others than when the state was saved: they change what is written, or are checked elsewhere. */
const FREE = ['steps', 'data', 'latentScale', 'sampleEvery', 'logEvery'] as const;

/** Throws a ValueError unless a state was trained by the configuration in the folder. */
export function checkSame(run: string, written: TrainConfig, { config, path }: SavedState): void {
  const bound = (all: TrainConfig): object =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !FREE.some((each) => each === name)));
  const odd = oddField(bound(written), bound(config));
  if (odd === undefined) return;
  throw new ValueError(
    'train',
    `${join(run, RUN_FILES.config)} has another ${odd} than ${path} was trained with. Put it back, or start anew with --config.`,
  );
}

/** Throws a ValueError unless a run reads what it read before. */
export function checkSources(
  { data, from }: TrainConfig,
  state: SavedState | undefined,
  now: Sources,
): void {
  if (state === undefined) return;
  const { path, sources } = state;
  if (sources.data !== now.data) {
    throw new ValueError(
      'train',
      `the data ${data} are not those that ${path} was trained on: images, labels and captions must be the same.`,
    );
  }
  if (sources.base !== now.base) {
    throw new ValueError(
      'train',
      `${from} has other weights than ${path} was trained on. Put its files back, or start anew.`,
    );
  }
}

/** The log of a run that goes on: how long it is, and the losses of a stage that it has. */
export interface KeptLog {
  readonly bytes: number;
  readonly points: (stage: TrainStage) => LossPoint[];
}

/** The log of a new run. */
export const NEW_LOG: KeptLog = { bytes: 0, points: () => [] };

/** Cuts the log of a run to the rows before its state, and reads them. */
export async function keepLog(
  run: string,
  state: SavedState | undefined,
  onNotice: (text: string) => void,
): Promise<KeptLog> {
  const path = join(run, RUN_FILES.log);
  const { log = 0 } = state ?? {};
  const bytes = await cutLog(path, log);
  if (bytes < log) onNotice(`${path} has lost rows from before the saved state.`);
  let rows: readonly LogRow[] = [];
  try {
    rows = await readLog(path);
  } catch (error) {
    onNotice(`${problemOf(error)} The loss curve begins where the training goes on.`);
  }
  return {
    bytes,
    points: (stage) =>
      rows.filter((row) => row.stage === stage).map(({ step, loss }) => ({ step, loss })),
  };
}
