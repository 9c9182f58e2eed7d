// A whole run: data, autoencoder if it has one, latents, Diffusion Transformer, pictures.

import { join } from 'node:path';
import { checkOptions, key, split, tensor, type Tensor } from '@tessera/tensor';
import { Autoencoder, autoencoderLoss } from '../autoencoder/autoencoder.ts';
import { encodedSource } from '../codec/autoencoder-codec.ts';
import { codecOf, type LatentSource } from '../codec/codec.ts';
import { imageShapeOf, type AutoencoderConfig } from '../config/autoencoder-config.ts';
import { notShown, rulesOf } from '../config/codec/codec-rules.ts';
import type { TrainConfig } from '../config/config.ts';
import { trainedGuidance } from '../config/diffusion-config.ts';
import { batchOrder, gatherImages } from '../data/batches.ts';
import { conditionTable, type ConditionTable } from '../data/condition-values.ts';
import { imagesOf, type DataHalf, type DataSet, type ImageSet } from '../data/data-set.ts';
import type { DiT } from '../model/dit.ts';
import { drawLossCurve, type LossPoint } from '../pictures/loss-curve.ts';
import { saveModule } from '../run/checkpoint.ts';
import { withBackend } from '../run/backends.ts';
import { LogWriter, type LogRow } from '../run/log.ts';
import {
  averageFile,
  chooseRunFolder,
  claimRunFolder,
  previewFile,
  RUN_FILES,
  writeRunConfig,
} from '../run/run-folder.ts';
import { shown } from '../sample/output/shown.ts';
import { drawSampleGrid } from '../sample/sample-grid.ts';
import { Generator } from '../sample/generator.ts';
import type { TrainedRun } from '../sample/trained-run.ts';
import { badNotice, checkConfig, checkData, classesOf, PREVIEW_STEPS } from './checks.ts';
import { withHistory, type DiffusionBatch } from './diffusion-loss.ts';
import { readBase } from './from-run/base.ts';
import { cachedLatents } from './latents/latent-cache.ts';
import type { TrainOptions } from './options.ts';
import { addPicture, drawReconstructions, tryPictures, type Album } from './pictures.ts';
import { previewOf } from './preview.ts';
import { codecData, readConfigData } from './run-data.ts';
import { READ_EVERY, runStage, type Stage } from './stage.ts';
import { plainOptimizer } from './optimizer.ts';
import { compiledTrainStep, initialState } from './step.ts';
import { branchTrainee, trainedBranch, wholeTrainee, type Trainee } from './trainee.ts';

/** Number of sample grids, drawn at even distances while the DiT trains. The last one is `samples.png`. */
const PREVIEWS = 4;

/**
 * Trains an autoencoder, and a Diffusion Transformer on its latents; or the latter alone, on pixels or on latents that
 * the data bring along. The data are those that `config.data` names. The run gets a folder of its own with the files
 * of {@link RUN_FILES}, which appears once the data are loaded. Configuration, data and drawing are checked before the
 * first step. If a picture cannot be drawn or written, there is a notice and the run goes on.
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
  const known = ['config', 'data', 'skipBad', 'out', 'cache'] as const;
  const reports = ['onStart', 'onStage', 'onProgress', 'onNotice'] as const;
  checkOptions('train', options, [...known, ...reports]);
  checkConfig(options.config);
  // A taken folder is refused before the images are loaded; a free one is claimed after that.
  await chooseRunFolder(options.out);
  return withBackend(options.config.backend, (notice) => trainRun(options, notice));
}

async function trainRun(options: TrainOptions, notice: string | undefined): Promise<string> {
  const { onStage, onNotice = () => undefined } = options;
  const base = await readBase(options.config);
  const found = options.data ?? (await readConfigData(options.config, options.skipBad ?? false));
  checkData(options.config, found);
  const data = codecData(options.config, found);
  const { train: set, test: tested } = data;
  const named = withNames(options.config, data);
  // Both measure conditions, and refuse those that the images do not give.
  const table = conditionTable(named.model, set);
  const classes = classesOf(data);
  const { rowLabels, ...asked } = previewOf(named, classes, tested);
  const out = await claimRunFolder(options.out, named);
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
  const run: Run = {
    ...options,
    album: { folder: out, onNotice },
    log: new LogWriter(join(out, RUN_FILES.log), onNotice),
  };

  const autoencoder =
    named.autoencoder === undefined
      ? undefined
      : await readyAutoencoder(run, named.autoencoder, base, data, autoencoderKey);
  const seen = Math.min(set.count, named.steps * named.batch);
  const source = await latentsOf(run, autoencoder, set, seen);
  // What starts from a run moves its latents, in their scale.
  const latents = { ...source, scale: base?.config.latentScale ?? source.scale };
  const config = { ...named, latentScale: latents.scale };
  await writeRunConfig(out, config);

  onStage?.({ name: 'diffusion', totalSteps: config.steps });
  const generator = new Generator(config, { autoencoder, latentScale: latents.scale });
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
  const averages = await trainModel(
    { ...run, config, base: base?.model },
    latents,
    table,
    modelKey,
    drawSamples,
  );
  const [model, ...further] = averages;
  await saveModule(join(out, RUN_FILES.model), model);
  const { emaDecays = [] } = config.optimizer;
  for (const [i, average] of further.entries()) {
    await saveModule(join(out, averageFile(emaDecays[i])), average);
  }
  await drawSamples(model, RUN_FILES.samples, config.sampling.steps);
  await run.log.append([]);
  return out;
}

/** The configuration with names of its classes: its own, or those that the data give. */
function withNames(config: TrainConfig, { classNames }: DataSet): TrainConfig {
  const fit = config.classNames === undefined && classNames?.length === config.model.numClasses;
  return fit ? { ...config, classNames } : config;
}

/** A run that has begun. */
interface Run extends TrainOptions {
  readonly album: Album;
  readonly log: LogWriter;
}

/**
 * Runs a stage, writes its rows into the log and draws its curve from the rows. If the training fails, the
 * curve shows the steps before.
 */
async function runLogged<M, B>(
  { album, log }: Run,
  title: string,
  stage: Omit<Stage<M, B>, 'onRows'>,
): Promise<Stage<M, B>['state']> {
  const points: LossPoint[] = [];
  const onRows = async (rows: readonly LogRow[]): Promise<void> => {
    points.push(...rows.map(({ step, loss }) => ({ step, loss })));
    await log.append(rows);
  };
  try {
    return await runStage({ ...stage, onRows });
  } finally {
    if (points.length > 0) {
      await addPicture(album, RUN_FILES.lossCurve, () => drawLossCurve(points, { title }));
    }
  }
}

/** The autoencoder of the run to start from, or a trained one; written, with what it makes of test images. */
async function readyAutoencoder(
  run: Run,
  sizes: AutoencoderConfig,
  base: TrainedRun | undefined,
  { train: set, test }: DataSet,
  random: Tensor,
): Promise<Autoencoder> {
  const { album, onStage } = run;
  if (base === undefined) onStage?.({ name: 'autoencoder', totalSteps: sizes.steps });
  const autoencoder =
    base?.autoencoder ?? (await trainAutoencoder(run, sizes, imagesOf(set), random));
  await saveModule(join(album.folder, RUN_FILES.autoencoder), autoencoder);
  await addPicture(album, RUN_FILES.reconstructions, () =>
    drawReconstructions(autoencoder, imagesOf(test)),
  );
  return autoencoder;
}

/** What the diffusion trains on: the first `count` of a set, as the codec gives them. */
async function latentsOf(
  { config, cache, album: { onNotice } }: Run,
  autoencoder: Autoencoder | undefined,
  set: DataHalf,
  count: number,
): Promise<LatentSource> {
  if (cache === undefined) return codecOf(config, autoencoder).prepare(set, count);
  if (autoencoder !== undefined) {
    const kept = { folder: cache, onNotice };
    return encodedSource(await cachedLatents(autoencoder, imagesOf(set), count, kept));
  }
  onNotice('Nothing is kept by --cache: without an autoencoder there is nothing to encode.');
  return codecOf(config).prepare(set, count);
}

/** Trains the autoencoder and gives its moving average. */
async function trainAutoencoder(
  run: Run,
  sizes: AutoencoderConfig,
  set: ImageSet,
  random: Tensor,
): Promise<Autoencoder> {
  const { config, onProgress } = run;
  const { steps, batch, klWeight, learningRate } = sizes;
  const { size, channels } = imageShapeOf(sizes);
  const [initKey, stepKey] = split(random);
  const order = batchOrder({ count: set.count, batch, seed: config.seed });
  const state = await runLogged(run, 'Autoencoder training loss', {
    name: 'autoencoder',
    step: compiledTrainStep(
      (model: Autoencoder, images: Tensor, lossKey: Tensor) =>
        autoencoderLoss(model, images, lossKey, klWeight),
      { ...plainOptimizer(config.optimizer), learningRate },
      steps,
    ),
    state: initialState(new Autoencoder(sizes, initKey), stepKey),
    batchAt: (i) =>
      tensor(gatherImages(set, order.indices(i)), { shape: [batch, channels, size, size] }),
    batch,
    totalSteps: steps,
    logEvery: config.logEvery,
    onProgress,
  });
  return state.average;
}

/**
 * Trains the Diffusion Transformer, or a branch of one, and gives the model with its moving averages, those of
 * `emaDecays` last.
 */
function trainModel(
  run: Run & { readonly base: DiT | undefined },
  latents: LatentSource,
  table: ConditionTable,
  random: Tensor,
  drawSamples: DrawSamples,
): Promise<readonly [DiT, ...DiT[]]> {
  const { base, config } = run;
  const [initKey, stepKey] = split(random);
  const stage = { latents, table, stepKey, drawSamples };
  const branch = trainedBranch(config);
  return base === undefined || branch === undefined
    ? runTrainee(run, wholeTrainee(config, latents.scale, initKey, base), stage)
    : runTrainee(run, branchTrainee(config, latents.scale, initKey, base, branch), stage);
}

/** Draws a grid of a model's samples into a file of the run. */
type DrawSamples = (model: DiT, file: string, steps: number) => Promise<void>;

/** What the training of the Diffusion Transformer reads and draws. */
interface DiffusionStage {
  readonly latents: LatentSource;
  readonly table: ConditionTable;
  readonly stepKey: Tensor;
  readonly drawSamples: DrawSamples;
}

async function runTrainee<M>(
  run: Run,
  { start, loss, modelOf }: Trainee<M>,
  { latents, table, stepKey, drawSamples }: DiffusionStage,
): Promise<readonly [DiT, ...DiT[]]> {
  const { config, onProgress } = run;
  const { steps, batch, seed, optimizer } = config;
  const order = batchOrder({ count: latents.count, batch, seed });
  const { sampleEvery = Math.ceil(steps / PREVIEWS / READ_EVERY) * READ_EVERY } = config;
  const state = await runLogged<M, DiffusionBatch>(run, 'DiT training loss', {
    name: 'diffusion',
    step: compiledTrainStep(loss, optimizer, steps, {
      accumulate: config.accumulate ?? 1,
    }),
    state: withHistory(initialState(start, stepKey, optimizer), config),
    batchAt: (i) => {
      const indices = order.indices(i);
      return {
        posterior: latents.gather(indices),
        labels: table.values(indices, Math.floor(i / order.stepsPerEpoch)),
      };
    },
    batch,
    totalSteps: steps,
    logEvery: config.logEvery,
    onProgress,
    visits: {
      every: sampleEvery,
      visit: (i, { average }) =>
        drawSamples(
          modelOf(average),
          previewFile(i),
          Math.min(PREVIEW_STEPS, config.sampling.steps),
        ),
    },
  });
  return [modelOf(state.average), ...(state.averages ?? []).map(modelOf)];
}
