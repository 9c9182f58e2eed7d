// A training on the command line: its progress, and its end at Ctrl-C, from which it can go on.

import type { RunOptions } from '../../train/options.ts';
import {
  asArgument,
  endBySignal,
  interruptedText,
  onInterrupt,
  type EndSignal,
  type TrainingPlace,
} from '../interrupt.ts';
import type { TrainArguments } from '../program.ts';
import { createProgress } from '../progress.ts';

/** The options of a run that do not come from the user's. */
type Reports = Pick<
  RunOptions,
  'signal' | 'onStart' | 'onStage' | 'onProgress' | 'onNotice' | 'onSave'
>;

/** The options that a run takes again each time it goes on. */
type KeptArguments = Pick<TrainArguments, 'saveEvery' | 'keep' | 'cache' | 'skipBad'>;

/** What is known of a training before it begins. */
interface TrainingFacts extends Pick<TrainingPlace, 'hasAutoencoder'> {
  /** A sentence for its begin, if any. */
  readonly notice?: string | undefined;
}

/**
 * Shows the progress of a training. The first Ctrl-C ends it once its state is saved, the second one at once.
 *
 * @param run starts the training
 * @returns the folder of the run
 */
export async function showTraining(
  args: KeptArguments,
  { hasAutoencoder, notice }: TrainingFacts,
  run: (reports: Reports) => Promise<string>,
): Promise<string> {
  const progress = createProgress();
  const end = new AbortController();
  let where: TrainingPlace = {
    options: keptOptions(args),
    ...(hasAutoencoder !== undefined && { hasAutoencoder }),
  };
  const ended: { by?: EndSignal } = {};
  const restore = onInterrupt(
    progress,
    () => interruptedText(where),
    (signal) => {
      if (ended.by !== undefined || where.stage === undefined) return false;
      ended.by = signal;
      end.abort();
      progress.notice('Stopping after this step. The same signal again stops at once.');
      return true;
    },
  );
  try {
    return await run({
      signal: end.signal,
      onStart: (folder) => {
        where = { ...where, folder };
        progress.notice(`Training in ${folder}.`);
        if (notice !== undefined) progress.notice(notice);
      },
      onStage: ({ name, totalSteps, stepsBefore }) => {
        const saved = stepsBefore > 0 && { saved: { stage: name, step: stepsBefore } };
        where = { ...where, stage: name, step: stepsBefore, totalSteps, ...saved };
        progress.stage(name, totalSteps);
      },
      onProgress: ({ step, loss, imagesPerSecond }) => {
        where = { ...where, step };
        progress.step(step, [`loss ${loss.toFixed(4)}`, `${imagesPerSecond.toFixed(0)} images/s`]);
      },
      onNotice: (text) => {
        progress.notice(text);
      },
      onSave: (saved) => {
        where = { ...where, saved };
      },
    });
  } catch (error) {
    if (ended.by === undefined || error !== end.signal.reason) throw error;
    return await endBySignal(progress, ended.by, interruptedText(where));
  } finally {
    restore();
    progress.stop();
  }
}

/** The options as they were given. */
function keptOptions({ saveEvery, keep, cache, skipBad }: KeptArguments): string {
  const options = [
    saveEvery && `--save-every ${'steps' in saveEvery ? saveEvery.steps : `${saveEvery.minutes}m`}`,
    keep !== undefined && `--keep ${keep}`,
    cache !== undefined && `--cache ${asArgument(cache)}`,
    skipBad === true && '--skip-bad',
  ];
  return options
    .flatMap((option) => (option === false || option === undefined ? [] : [` ${option}`]))
    .join('');
}
