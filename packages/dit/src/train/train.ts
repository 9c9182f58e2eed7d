// A whole run: data, autoencoder if it has one, latents, Diffusion Transformer, pictures.

import { join } from 'node:path';
import { checkOptions, key, split, type Tensor } from '@tessera/tensor';
import { Autoencoder } from '../autoencoder/autoencoder.ts';
import { checkText, checkWhole } from '../config/argument-check.ts';
import { codecOf, type LatentSource } from '../codec/codec.ts';
import { encodeLatents, gatherPosteriors } from '../codec/latents.ts';
import type { AutoencoderConfig } from '../config/autoencoder-config.ts';
import { notShown, rulesOf } from '../config/codec/codec-rules.ts';
import type { TrainConfig } from '../config/config.ts';
import { trainedGuidance } from '../config/diffusion-config.ts';
import { conditionTable, type ConditionTable } from '../data/condition-values.ts';
import { imagesOf, type DataHalf, type DataSet } from '../data/data-set.ts';
import { saveModule } from '../run/checkpoint.ts';
import { withBackend } from '../run/backends.ts';
import { LogWriter } from '../run/log.ts';
import {
  averageFile,
  chooseRunFolder,
  claimRunFolder,
  readRunConfig,
  RUN_FILES,
  writeRunConfig,
} from '../run/run-folder.ts';
import { withRunLock, type RunLock } from '../run/state/run-lock.ts';
import type { SavedState, Sources } from '../run/state/state-file.ts';
import { stateFolder } from '../run/state/state-folder.ts';
import { StateWriter, type StateFile } from '../run/state/state-writer.ts';
import { shown } from '../sample/output/shown.ts';
import { drawSampleGrid } from '../sample/sample-grid.ts';
import { Generator } from '../sample/generator.ts';
import type { TrainedRun } from '../sample/trained-run.ts';
import { badNotice, checkConfig, checkData, classesOf } from './checks.ts';
import { BestKeeper } from './evaluation/best-keeper.ts';
import { readBase } from './from-run/base.ts';
import { cachedLatents } from './latents/latent-cache.ts';
import { latentScaleOf, seenImages } from './latents/seen-images.ts';
import {
  KEPT_STATES,
  RUN_OPTIONS,
  type ResumeOptions,
  type RunOptions,
  type TrainOptions,
} from './options.ts';
import { addPicture, drawReconstructions, tryPictures } from './pictures.ts';
import { previewOf, type Preview } from './preview.ts';
import { sourcesOf } from './resume/fingerprint.ts';
import {
  checkSources,
  keepLog,
  NEW_LOG,
  readStoppedRun,
  type KeptLog,
} from './resume/resumed-run.ts';
import { checkSaving, saveClock } from './resume/save-clock.ts';
import { codecData, readConfigData } from './run-data.ts';
import { trainAutoencoder } from './stages/autoencoder-stage.ts';
import { trainModel, type DrawSamples } from './stages/diffusion-stage.ts';
import { savedAutoencoder, type Run } from './stages/run.ts';

/**
 * Trains an autoencoder, and a Diffusion Transformer on its latents; or the latter alone, on pixels or on latents that
 * the data bring along. The data are those that `config.data` names. The run gets a folder of its own with the files
 * of {@link RUN_FILES}, which appears once the data are loaded. Configuration, data and drawing are checked before the
 * first step. If a picture cannot be drawn or written, there is a notice and the run goes on. Its state is saved on
 * the way, so that {@link resumeRun} can go on with it.
 *
 * @returns the folder of the run
 * @throws ValueError or FormatError if images, folder or configuration do not fit; StateError if the
 *   training diverges, after the curve so far is drawn; DeviceError if the configuration's backend is not
 *   there, or fails
 * @example
 * // not run: takes minutes
 * await train({ config: presetConfig('smoke'), out: 'runs/mnist' });
 */
export async function train(options: TrainOptions): Promise<string> {
  checkOptions('train', options, ['config', 'out', ...RUN_OPTIONS]);
  checkSaving('train', options);
  checkConfig(options.config);
  // A taken folder is refused before the images are loaded; a free one is claimed after that.
  await chooseRunFolder(options.out);
  return withBackend(options.config.backend, async (notice) => {
    const prepared = await prepareRun(options.config, options);
    const folder = await claimRunFolder(options.out, prepared.config);
    const { onNotice = () => undefined } = options;
    return withRunLock(folder, onNotice, (lock) =>
      trainRun(options, prepared, { folder, lock, notice, state: undefined, log: NEW_LOG }),
    );
  });
}

/**
 * Goes on with a run that was stopped, from its newest saved state, or with more steps. Weights, averages, moments,
 * random numbers, the order of the images and the log are those of a run that was never stopped, to the bit. A
 * schedule of learning rates that ends at the last step is that of the new number of steps from there on.
 *
 * @returns the folder of the run
 * @throws As {@link train}; ValueError if another process trains there, if there is nothing to go on from, or if
 *   configuration, data or base run are no longer those of the state
 * @example
 * // not run: takes minutes
 * await resumeRun({ run: 'runs/mnist', steps: 3000 });
 */
export async function resumeRun(options: ResumeOptions): Promise<string> {
  checkOptions('resumeRun', options, ['run', 'steps', ...RUN_OPTIONS]);
  checkSaving('resumeRun', options);
  const { run, steps, onNotice = () => undefined } = options;
  checkText('resumeRun', 'run', run);
  if (steps !== undefined) checkWhole('resumeRun', 'steps', steps, 1);
  const written = await readRunConfig(run);
  return withRunLock(run, onNotice, async (lock) => {
    const { config, state } = await readStoppedRun(run, written, steps, onNotice);
    checkConfig(config);
    return withBackend(config.backend, async (notice) => {
      const prepared = await prepareRun(config, options);
      checkSources(config, state, prepared.sources);
      await writeRunConfig(run, prepared.config);
      const log = await keepLog(run, state, onNotice);
      return trainRun(options, prepared, { folder: run, lock, notice, state, log });
    });
  });
}

/** All that a run reads before it writes. */
interface PreparedRun {
  /** The configuration, with the names of its classes. */
  readonly config: TrainConfig;
  readonly data: DataSet;
  readonly table: ConditionTable;
  readonly base: TrainedRun | undefined;
  readonly classes: readonly number[];
  readonly preview: Preview;
  readonly sources: Sources;
}

async function prepareRun(start: TrainConfig, options: RunOptions): Promise<PreparedRun> {
  const base = await readBase(start);
  const found = options.data ?? (await readConfigData(start, options.skipBad ?? false));
  checkData(start, found);
  const sources = await sourcesOf(found.train, base);
  const data = codecData(start, found);
  const config = withNames(start, data);
  // Both measure conditions, and refuse those that the images do not give.
  const table = conditionTable(config.model, data.train);
  const classes = classesOf(data);
  const preview = previewOf(config, classes, data.test);
  return { config, data, table, base, classes, preview, sources };
}

/** Where a run is written, and what it goes on from. */
interface RunPlace {
  readonly folder: string;
  readonly lock: RunLock;
  /** One sentence about the backend. */
  readonly notice: string | undefined;
  readonly state: SavedState | undefined;
  /** What is in its log. */
  readonly log: KeptLog;
}

async function trainRun(
  options: RunOptions,
  { config: named, data, table, base, classes, preview, sources }: PreparedRun,
  { folder: out, lock, notice, state, log }: RunPlace,
): Promise<string> {
  const { onNotice = () => undefined } = options;
  const { rowLabels, ...asked } = preview;
  await options.onStart?.(out);
  if (notice !== undefined) onNotice(notice);
  for (const note of data.notes) onNotice(note);
  if (data.bad.length > 0) onNotice(badNotice(data));
  if (classes.length < named.model.numClasses) {
    onNotice(
      `The model has ${named.model.numClasses} classes, and ${classes.length} of them ${classes.length === 1 ? 'has' : 'have'} images: it learns nothing of the others.`,
    );
  }
  await tryPictures(onNotice);
  const [autoencoderKey, modelKey, sampleKey] = split(key(named.seed), 3);
  const { keep = KEPT_STATES, saveEvery, onSave = () => undefined } = options;
  const writer = new StateWriter({ run: out, lock, keep, onNotice, onSave });
  const run: Run = {
    ...options,
    config: named,
    state,
    album: { folder: out, onNotice },
    log: new LogWriter(join(out, RUN_FILES.log), onNotice, log.bytes),
    points: log.points,
    saving: keep === 0 ? undefined : { writer, clock: saveClock(saveEvery), sources },
  };
  try {
    const autoencoder =
      named.autoencoder === undefined
        ? undefined
        : await readyAutoencoder(run, named.autoencoder, base, data, autoencoderKey);
    // What starts from a run moves its latents, in their scale. What goes on keeps its own.
    const before = state?.stage === 'diffusion' ? state.config : base?.config;
    const source = await latentsOf(run, autoencoder, data.train, before?.latentScale);
    const latentScale = before?.latentScale ?? source.scale;
    const config = { ...named, latentScale };
    await writeRunConfig(out, config);

    const generator = new Generator(config, { autoencoder, latentScale });
    const shape = rulesOf(config).imageShape(config);
    if (shape === undefined) onNotice(`There are no pictures of samples: ${notShown(config)}.`);
    const drawSamples: DrawSamples = async (model, file, steps) => {
      if (shape === undefined) return;
      const sampling = { ...config.sampling, steps };
      const written = await addPicture(run.album, file, async () => {
        const drawn = { ...sampling, ...asked, key: sampleKey };
        const samples = shown(config, await generator.generate(model, drawn));
        return drawSampleGrid(samples, shape, rowLabels, {
          ...sampling,
          design: config.model.design,
          trainedGuidance: trainedGuidance(config.diffusion),
        });
      });
      if (written) onNotice(`Wrote ${join(out, file)}.`);
    };
    const latents = { ...source, scale: latentScale };
    const { evaluations } = options;
    const keeper =
      evaluations === undefined
        ? undefined
        : new BestKeeper(evaluations, {
            folder: out,
            draw: (model, wanted) =>
              generator.generate(model, { ...config.sampling, ...wanted, key: sampleKey }),
            onNotice,
          });
    const inputs = { autoencoder, base: base?.model, latents, table, drawSamples, keeper };
    const [model, ...further] = await trainModel({ ...run, config }, inputs, modelKey);
    await saveModule(join(out, RUN_FILES.model), model);
    const { emaDecays = [] } = config.optimizer;
    for (const [i, average] of further.entries()) {
      await saveModule(join(out, averageFile(emaDecays[i])), average);
    }
    await drawSamples(model, RUN_FILES.samples, config.sampling.steps);
    await keeper?.look(config.steps, model);
    await run.log.append([]);
    const last = await writer.keepLast();
    if (last !== undefined) onNotice(lastStateNotice(out, last));
    return out;
  } finally {
    await writer.settle();
  }
}

/**
 * The autoencoder of the state to go on from or of the run to start from, or a trained one; written, with what it makes
 * of test images.
 */
async function readyAutoencoder(
  run: Run,
  sizes: AutoencoderConfig,
  base: TrainedRun | undefined,
  { train: set, test }: DataSet,
  random: Tensor,
): Promise<Autoencoder> {
  const { album } = run;
  const autoencoder =
    savedAutoencoder(run, () => new Autoencoder(sizes, random)) ??
    base?.autoencoder ??
    (await trainAutoencoder(run, sizes, imagesOf(set), random));
  await saveModule(join(album.folder, RUN_FILES.autoencoder), autoencoder);
  await addPicture(album, RUN_FILES.reconstructions, () =>
    drawReconstructions(autoencoder, imagesOf(test)),
  );
  return autoencoder;
}

/**
 * What the diffusion trains on, as the codec gives it: the same for any number of steps. An autoencoder encodes only
 * the images that the steps see.
 *
 * @param scale the factor of the latents, if it is known
 */
async function latentsOf(
  { config, cache, album: { onNotice } }: Run,
  autoencoder: Autoencoder | undefined,
  set: DataHalf,
  scale: number | undefined,
): Promise<LatentSource> {
  if (autoencoder === undefined) {
    if (cache !== undefined) {
      onNotice('Nothing is kept by --cache: without an autoencoder there is nothing to encode.');
    }
    return codecOf(config).prepare(set, set.count);
  }
  const images = imagesOf(set);
  const seen = seenImages(images, config);
  const { count } = seen.set;
  const encoded =
    cache === undefined
      ? await encodeLatents(autoencoder, seen.set, count)
      : await cachedLatents(autoencoder, seen.set, count, { folder: cache, onNotice });
  return {
    count: images.count,
    scale: scale ?? (await latentScaleOf(autoencoder, images, seen, encoded)),
    gather: (indices) => gatherPosteriors(encoded, seen.rowsOf(indices)),
  };
}

/** One sentence about the state that a finished run keeps. */
function lastStateNotice(run: string, { path, bytes }: StateFile): string {
  return `${path} (${(bytes / 1e6).toFixed(1)} MB) keeps the state of the last step, to go on with more --steps. Remove ${stateFolder(run)} if you do not want that.`;
}

/** The configuration with names of its classes: its own, or those that the data give. */
function withNames(config: TrainConfig, { classNames }: DataSet): TrainConfig {
  const fit = config.classNames === undefined && classNames?.length === config.model.numClasses;
  return fit ? { ...config, classNames } : config;
}
