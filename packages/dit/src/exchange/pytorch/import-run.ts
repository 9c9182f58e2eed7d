// Makes a run of what a training in PyTorch has saved.

import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkOptions, FormatError, ValueError } from '@tessera/tensor';
import { Autoencoder } from '../../autoencoder/autoencoder.ts';
import { checkText } from '../../config/argument-check.ts';
import { DiT } from '../../model/dit.ts';
import { writeFileAtomic } from '../../run/atomic-file.ts';
import { withBackend } from '../../run/backends.ts';
import { readWeights, saveModule } from '../../run/checkpoint.ts';
import { problemOf } from '../../run/file-error.ts';
import { readLog } from '../../run/log.ts';
import { averageFile, RUN_FILES, writeRunConfig } from '../../run/run-folder.ts';
import { decodeState, encodeState, type SavedState } from '../../run/state/state-file.ts';
import { statePath } from '../../run/state/state-folder.ts';
import { beginsSealed } from '../../run/integrity/seal.ts';
import { baseModelOf } from '../../train/from-run/base.ts';
import { checkNewFolder, writeNewFolder } from '../new-folder.ts';
import { EXPORT_FILES } from './export-run.ts';
import { withTrainedPart } from './trained-part.ts';

/** Options of {@link importFromPytorch}. */
export interface ImportOptions {
  /** The checkpoint.safetensors that `train.py` wrote. */
  readonly checkpoint: string;
  /** The folder of the new run. It must be new or empty. */
  readonly out: string;
  /** Called with one sentence for the user. */
  readonly onNotice?: (text: string) => void;
}

/**
 * Makes a run of a checkpoint of `train.py`: its averages, and the state of its training. The run draws and is
 * evaluated as any other, and `tessera train --resume` goes on with it. The log beside the checkpoint becomes the log
 * of the run. The folder appears once it is whole.
 *
 * @returns the step of the checkpoint
 * @throws ValueError if there is no such file, or the folder is not empty; FormatError if the file is damaged, is no
 *   checkpoint, or is one of another model
 * @example
 * // not run: needs a checkpoint
 * await importFromPytorch({ checkpoint: 'big/checkpoint.safetensors', out: 'runs/big' });
 */
export async function importFromPytorch(options: ImportOptions): Promise<number> {
  const op = 'importFromPytorch';
  checkOptions(op, options, ['checkpoint', 'out', 'onNotice']);
  const { checkpoint, out, onNotice = () => undefined } = options;
  checkText(op, 'checkpoint', checkpoint);
  checkText(op, 'out', out);
  await checkNewFolder(op, out);
  const state = await readCheckpoint(op, checkpoint);
  const { config, step } = state;
  // Nothing is computed, so the plainest backend will do.
  await withBackend('cpu', async () => {
    const autoencoder =
      config.autoencoder && state.take('autoencoder', Autoencoder.blank(config.autoencoder));
    const baseModel = baseModelOf(config);
    const base = baseModel && state.take('base', DiT.blank(baseModel));
    const log = await logOf(checkpoint, state, onNotice);
    await withTrainedPart(config, base, async (blank, modelOf) => {
      const training = state.take('training', blank);
      const trees = { training, ...(autoencoder !== undefined && { autoencoder }) };
      const bytes = await encodeState({ ...state, log: log.length }, trees);
      await writeNewFolder(op, out, async (folder) => {
        await writeRunConfig(folder, config);
        await writeFileAtomic(join(folder, RUN_FILES.log), log);
        if (autoencoder !== undefined) {
          await saveModule(join(folder, RUN_FILES.autoencoder), autoencoder);
        }
        await saveModule(join(folder, RUN_FILES.model), modelOf(training.average));
        for (const [i, decay] of (config.optimizer.emaDecays ?? []).entries()) {
          const average = (training.averages ?? [])[i];
          await saveModule(join(folder, averageFile(decay)), modelOf(average));
        }
        await mkdir(join(folder, RUN_FILES.state));
        await writeFileAtomic(statePath(folder, { stage: 'diffusion', step }), bytes);
      });
    });
  });
  return step;
}

/** Reads the state that a file holds. */
async function readCheckpoint(op: string, path: string): Promise<SavedState> {
  if (!existsSync(path)) {
    throw new ValueError(op, `${path} does not exist. Name a checkpoint that train.py wrote.`);
  }
  const bytes = await readWeights(path);
  if (!beginsSealed(bytes)) {
    const hint = 'expected a checkpoint that train.py wrote';
    throw new FormatError(
      op,
      `${path} is not the saved state of a training: ${hint}. For weights alone, name a run with the same model by --like.`,
    );
  }
  try {
    const state = decodeState(bytes, path);
    if (state.stage === 'diffusion') return state;
    throw new FormatError(op, `${path} is the state of an autoencoder that is being trained.`);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(op, `${problemOf(error)} Expected a whole file that train.py wrote.`);
  }
}

/** The bytes of the log beside a checkpoint up to it, if all of them are rows; none with a notice otherwise. */
async function logOf(
  checkpoint: string,
  { log }: SavedState,
  onNotice: (text: string) => void,
): Promise<Uint8Array> {
  const path = join(dirname(checkpoint), EXPORT_FILES.log);
  const without = (problem: string): Uint8Array => {
    onNotice(`${problem} The run begins with an empty log.`);
    return new Uint8Array();
  };
  if (!existsSync(path)) return without(`${path} does not exist.`);
  try {
    await readLog(path);
  } catch (error) {
    return without(problemOf(error));
  }
  const bytes = await readWeights(path);
  return bytes.length < log ? without(`${path} has lost rows.`) : bytes.subarray(0, log);
}
