// Writes a run as a folder in which PyTorch goes on with its training.

import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkOptions, Tensor, toNpy, ValueError } from '@tessera/tensor';
import { Autoencoder } from '../../autoencoder/autoencoder.ts';
import { codecOf } from '../../codec/codec.ts';
import { checkText } from '../../config/argument-check.ts';
import type { TrainConfig } from '../../config/config.ts';
import { conditionTable } from '../../data/condition-values.ts';
import type { DataSet } from '../../data/data-set.ts';
import { writeFileAtomic } from '../../run/atomic-file.ts';
import { withBackend } from '../../run/backends.ts';
import { readWeights } from '../../run/checkpoint.ts';
import { LABEL } from '../../config/condition.ts';
import { readRunConfig, RUN_FILES } from '../../run/run-folder.ts';
import { encodeState, type SavedState } from '../../run/state/state-file.ts';
import { readNewestState } from '../../run/state/state-folder.ts';
import type { TrainedRun } from '../../sample/trained-run.ts';
import { checkConfig, checkData } from '../../train/checks.ts';
import { baseModelOf, readBase } from '../../train/from-run/base.ts';
import { sourcesOf } from '../../train/resume/fingerprint.ts';
import { checkSame, checkSources } from '../../train/resume/resumed-run.ts';
import { codecData, readConfigData } from '../../train/run-data.ts';
import { checkNewFolder, writeNewFolder } from '../new-folder.ts';
import { PYTHON_FILES, PYTHON_FOLDER } from '../python-folder.ts';
import { withTrainedPart } from './trained-part.ts';

/** Options of {@link exportToPytorch}. */
export interface ExportOptions {
  /** The folder of a run with a saved state. */
  readonly run: string;
  /** The folder to write. It must be new or empty. */
  readonly out: string;
  /** The data, if they are read already. Default: those that the run names. */
  readonly data?: DataSet;
  /** Leaves bad files of the data out, in place of an error. Default: false. */
  readonly skipBad?: boolean;
  /** Called with one sentence for the user. */
  readonly onNotice?: (text: string) => void;
}

/** The names of the files in an exported folder, beside the Python programs. */
export const EXPORT_FILES = {
  config: 'config.json',
  /** The whole state of the training, as Tessera saves it. */
  state: 'state.safetensors',
  log: 'log.jsonl',
  /** `[N, C, h, w]`: latents, or the means of their posteriors. */
  latents: 'latents.npy',
  /** `[N, C, h, w]`, if latents are drawn from posteriors. */
  logVariances: 'log-variances.npy',
  /** int32 `[N]` */
  labels: 'labels.npy',
} as const;

/** The file of the values of a condition, `[N, ...]`. */
function conditionFile(name: string): string {
  return name === LABEL ? EXPORT_FILES.labels : `condition-${name}.npy`;
}

/**
 * Writes a run as a folder that needs Python with torch and numpy alone. `torchrun train.py` goes on there from the
 * newest saved state, in any number of processes, and draws the numbers that Tessera would have drawn;
 * {@link importFromPytorch} brings the result back. The model that a flow map or a ControlNet starts from goes with
 * the state. The folder appears once it is whole.
 *
 * @returns the step of the state
 * @throws ValueError if the run has no saved state, or other data than it was trained on, or starts from a run that has
 *   changed; or if the folder is not empty
 * @example
 * // not run: needs a trained run
 * await exportToPytorch({ run: 'runs/mnist', out: 'big' });
 */
export async function exportToPytorch(options: ExportOptions): Promise<number> {
  const op = 'exportToPytorch';
  checkOptions(op, options, ['run', 'out', 'data', 'skipBad', 'onNotice']);
  const { run, out, onNotice = () => undefined } = options;
  checkText(op, 'run', run);
  checkText(op, 'out', out);
  const written = await readRunConfig(run);
  await checkNewFolder(op, out);
  const state = await readNewestState(run, onNotice);
  if (state?.stage !== 'diffusion') {
    const hint = 'Train it, and let it keep its states (--keep 1 or more).';
    throw new ValueError(op, `${run} has no saved state of its Diffusion Transformer. ${hint}`);
  }
  checkSame(run, written, state);
  const { latentScale } = state.config;
  // The data may lie elsewhere now, and pictures may come more often.
  const config = { ...written, ...(latentScale !== undefined && { latentScale }) };
  checkConfig(config);
  await withBackend(config.backend, async () => {
    const base = baseModelOf(config) && (await readBase(config));
    const autoencoder =
      config.autoencoder && state.take('autoencoder', Autoencoder.blank(config.autoencoder));
    const arrays = await arraysOf(config, state, { ...options, base, autoencoder });
    await writeNewFolder(op, out, async (folder) => {
      const text = `${JSON.stringify(config, null, 2)}\n`;
      await writeFileAtomic(join(folder, EXPORT_FILES.config), text);
      const stateFile = join(folder, EXPORT_FILES.state);
      if (base === undefined) await copyFile(state.path, stateFile);
      else await writeFileAtomic(stateFile, await stateWithBase(config, state, base, autoencoder));
      await writeFileAtomic(join(folder, EXPORT_FILES.log), await logOf(run, state));
      for (const [name, array] of arrays) {
        await writeFileAtomic(join(folder, name), await toNpy(array));
      }
      for (const name of PYTHON_FILES)
        await copyFile(join(PYTHON_FOLDER, name), join(folder, name));
    });
  });
  return state.step;
}

/** What a training needs and does not change. */
interface Others {
  readonly base: TrainedRun | undefined;
  readonly autoencoder: Autoencoder | undefined;
}

/** The bytes of a saved state together with the model that its training starts from. */
function stateWithBase(
  config: TrainConfig,
  state: SavedState,
  { model }: TrainedRun,
  autoencoder: Autoencoder | undefined,
): Promise<Uint8Array> {
  return withTrainedPart(config, model, (blank) => {
    const training = state.take('training', blank);
    const others = { base: model, ...(autoencoder !== undefined && { autoencoder }) };
    return encodeState(state, { training, ...others });
  });
}

/** The arrays of an export by the names of their files: what the model sees of all training data. */
async function arraysOf(
  config: TrainConfig,
  state: SavedState,
  { data, skipBad = false, base, autoencoder }: Pick<ExportOptions, 'data' | 'skipBad'> & Others,
): Promise<Map<string, Tensor>> {
  const found = data ?? (await readConfigData(config, skipBad));
  checkData(config, found);
  const now = await sourcesOf(found.train, base);
  // A run that started as another one, and changes all of it, needs it no more.
  const sources = base === undefined ? { data: state.sources.data } : state.sources;
  checkSources(config, { ...state, sources }, now);
  const { train } = codecData(config, found);
  const source = await codecOf(config, autoencoder).prepare(train, train.count);
  const indices = Int32Array.from({ length: source.count }, (_, i) => i);
  const { mean, logVariance } = source.gather(indices);
  // Masks are drawn there too, others in each epoch.
  const values = conditionTable(config.model, train).values(indices, null);
  const named = values instanceof Tensor ? { [LABEL]: values } : values;
  return new Map([
    [EXPORT_FILES.latents, mean],
    ...(logVariance === undefined ? [] : [[EXPORT_FILES.logVariances, logVariance] as const]),
    ...Object.entries(named).map(([name, each]) => [conditionFile(name), each] as const),
  ]);
}

/** The log of a run up to a state. */
async function logOf(run: string, { log }: SavedState): Promise<Uint8Array> {
  if (log === 0) return new Uint8Array();
  return (await readWeights(join(run, RUN_FILES.log))).subarray(0, log);
}
