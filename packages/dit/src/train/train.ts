// A whole run: images, autoencoder, latents, Diffusion Transformer, pictures.

import { join } from 'node:path';
import { checkOptions, key, split, tensor, type Tensor } from '@tessera/tensor';
import { Autoencoder, autoencoderLoss } from '../autoencoder/autoencoder.ts';
import { imageShapeOf } from '../config/autoencoder-config.ts';
import type { TrainConfig } from '../config/config.ts';
import { trainedGuidance } from '../config/diffusion-config.ts';
import { batchOrder, gatherImages } from '../data/batches.ts';
import { conditionTable, type ConditionTable } from '../data/condition-values.ts';
import type { DataSet, ImageSet } from '../data/data-set.ts';
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
import { drawSampleGrid } from '../sample/sample-grid.ts';
import { Generator } from '../sample/generator.ts';
import { badNotice, checkConfig, checkData, classesOf, PREVIEW_STEPS } from './checks.ts';
import { withHistory, type DiffusionBatch } from './diffusion-loss.ts';
import { readBase } from './from-run/base.ts';
import { cachedLatents } from './latents/latent-cache.ts';
import { encodeLatents, gatherPosteriors, type LatentSet } from './latents/latents.ts';
import type { TrainOptions } from './options.ts';
import { addPicture, drawReconstructions, tryPictures, type Album } from './pictures.ts';
import { previewOf } from './preview.ts';
import { fittedData, readConfigData } from './run-data.ts';
import { READ_EVERY, runStage, type Stage } from './stage.ts';
import { plainOptimizer } from './optimizer.ts';
import { compiledTrainStep, initialState } from './step.ts';
import { branchTrainee, trainedBranch, wholeTrainee, type Trainee } from './trainee.ts';

/** Number of sample grids, drawn at even distances while the DiT trains. The last one is `samples.png`. */
const PREVIEWS = 4;

/**
 * Trains an autoencoder, and a Diffusion Transformer on its latents. The images are those that
 * `config.data` names. The run gets a folder of its own with the files of {@link RUN_FILES}, which appears
 * once the images are loaded. Configuration, images and drawing are checked before the first step. If a
 * picture cannot be drawn or written, there is a notice and the run goes on.
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
  const data = fittedData(options.config, found);
  const { train: images, test: tested } = data;
  const named = withNames(options.config, data);
  // Both measure conditions, and refuse those that the images do not give.
  const table = conditionTable(named.model, images);
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

  if (base === undefined) {
    onStage?.({ name: 'autoencoder', totalSteps: named.autoencoder.steps });
  }
  const autoencoder = base?.autoencoder ?? (await trainAutoencoder(run, images, autoencoderKey));
  await saveModule(join(out, RUN_FILES.autoencoder), autoencoder);
  await addPicture(run.album, RUN_FILES.reconstructions, () =>
    drawReconstructions(autoencoder, tested),
  );

  const seen = Math.min(images.count, named.steps * named.batch);
  const { cache } = options;
  const encoded =
    cache === undefined
      ? await encodeLatents(autoencoder, images, seen)
      : await cachedLatents(autoencoder, images, seen, { folder: cache, onNotice });
  // What starts from a run moves its latents, in their scale.
  const latents = { ...encoded, scale: base?.config.latentScale ?? encoded.scale };
  const config = { ...named, latentScale: latents.scale };
  await writeRunConfig(out, config);

  onStage?.({ name: 'diffusion', totalSteps: config.steps });
  const generator = new Generator(config, { autoencoder, latentScale: latents.scale });
  const drawSamples: DrawSamples = async (model, file, steps) => {
    const sampling = { ...config.sampling, steps };
    const written = await addPicture(run.album, file, async () => {
      const drawn = { ...sampling, ...asked, key: sampleKey };
      const samples = await generator.generate(model, drawn);
      const shape = imageShapeOf(config.autoencoder);
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

/** Trains the autoencoder and gives its moving average. */
async function trainAutoencoder(run: Run, set: ImageSet, random: Tensor): Promise<Autoencoder> {
  const { config, onProgress } = run;
  const { steps, batch, klWeight, learningRate } = config.autoencoder;
  const { size, channels } = imageShapeOf(config.autoencoder);
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
    state: initialState(new Autoencoder(config.autoencoder, initKey), stepKey),
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
  latents: LatentSet,
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
  readonly latents: LatentSet;
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
        posterior: gatherPosteriors(latents, indices),
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
