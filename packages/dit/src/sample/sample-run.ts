// Draws new images from the folder of a trained run.

import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkOptions, ValueError } from '@tessera/tensor';
import { checkChoice, checkText, checkWhole } from '../config/argument-check.ts';
import { BACKENDS } from '../config/choices.ts';
import { SAMPLING_FIELDS, samplingOf } from '../config/diffusion-config.ts';
import { checkWritable, writeFileAtomic } from '../run/atomic-file.ts';
import { withBackend } from '../run/backends.ts';
import { readWeights } from '../run/checkpoint.ts';
import { checkSum, readChecksums } from '../run/integrity/checksums.ts';
import {
  averageFile,
  readConfigText,
  readRunConfig,
  RUN_FILES,
  SHIPPED_RUN,
} from '../run/run-folder.ts';
import { drawingOf, type Drawing } from './drawing.ts';
import { drawPart, drawSet, mergedSets } from './output/drawn-parts.ts';
import type { GeneratedStep } from './generate-options.ts';
import { checkLabels } from './labels.ts';
import type { SampleOptions } from './options.ts';
import { Film } from './output/film.ts';
import { filmFile, latentsFile, samplesFile } from './output/sample-file.ts';
import { shown } from './output/shown.ts';
import { gridIndices } from './sample-grid.ts';
import { loadRun, type TrainedRun } from './trained-run.ts';
import { checkWays } from './ways.ts';

/** Options of {@link readRun}. */
export interface ReadRunOptions {
  /**
   * The decay of the average whose weights are read, one of the run's `emaDecays`, or `'best'` for those with the best
   * scores along the training. Default: its `emaDecay`.
   */
  readonly ema?: number | 'best';
}

/** The file of the average that is asked for. Throws a ValueError if the run does not keep it. */
async function modelFile(folder: string, { ema }: ReadRunOptions): Promise<string> {
  if (ema === undefined) return RUN_FILES.model;
  if (ema === 'best') return bestFile(folder);
  const { emaDecay, emaDecays = [] } = (await readRunConfig(folder)).optimizer;
  if (ema === emaDecay) return RUN_FILES.model;
  if (emaDecays.includes(ema)) return averageFile(ema);
  throw new ValueError(
    'readRun',
    `ema ${ema}: ${folder} keeps the averages of decay ${[emaDecay, ...emaDecays].join(', ')}. Name one of them.`,
  );
}

/** The file of the best average. Throws a ValueError if the run was trained without scores. */
function bestFile(folder: string): string {
  if (existsSync(join(folder, RUN_FILES.best))) return RUN_FILES.best;
  throw new ValueError(
    'readRun',
    `ema best: ${folder} has no ${RUN_FILES.best}. Train with --evaluate-every, or leave it out.`,
  );
}

/**
 * Reads the files of a run and puts them together, so that it can draw. It is `loadRun` of `@tessera/dit`
 * for a folder. The tensors are made on the default backend. Where the folder has a file `SHA256SUMS`, the files that
 * it lists are checked against it.
 *
 * @param folder Default: the run that the package brings, trained on MNIST and told label, text and depth.
 * @throws ValueError if a file is not there, or the run was not trained to its end; FormatError if a file
 *   is damaged
 * @example
 * const run = await readRun(); // or readRun('runs/mnist')
 * const [three] = await run.generate([3], { steps: 2 }); // as many as in its config.json are better
 * three.shape; // [32, 32]
 */
export async function readRun(
  folder: string = SHIPPED_RUN,
  options: ReadRunOptions = {},
): Promise<TrainedRun> {
  checkText('readRun', 'folder', folder);
  checkOptions('readRun', options, ['ema']);
  const sums = await readChecksums(folder);
  const config = await readConfigText(folder);
  checkSum(sums, folder, RUN_FILES.config, new TextEncoder().encode(config));
  const weightsOf = async (name: string): Promise<Uint8Array> => {
    const bytes = await readWeights(join(folder, name));
    checkSum(sums, folder, name, bytes);
    return bytes;
  };
  const { autoencoder } = await readRunConfig(folder);
  const parts = {
    config,
    ...(autoencoder !== undefined && { autoencoder: await weightsOf(RUN_FILES.autoencoder) }),
    model: await weightsOf(await modelFile(folder, options)),
  };
  return loadRun(parts, folder);
}

/**
 * Draws images of each label with the averaged weights of a run, ten if no count is named, and writes them as one file.
 * A job of an array draws a `shard` of them into a folder, and one call with `merge` makes the file of the parts. It
 * holds the bits that one job would have drawn on the same backend.
 *
 * @returns the file that it has written
 * @throws ValueError or FormatError if the run is not whole, the options do not fit it, the picture cannot
 *   be written, or the images are not finite; DeviceError if the backend is not there, or fails
 * @example
 * // not run: needs a trained run
 * const options = { run: 'runs/mnist', guidance: 2, sampler: 'ddim', steps: 50, seed: 0 } as const;
 * await sampleRun({ ...options, labels: [0, 1], out: 'grid.png' });
 */
export async function sampleRun(options: SampleOptions): Promise<string> {
  checkOptions('sampleRun', options, SAMPLE_OPTIONS);
  const { run = SHIPPED_RUN, labels, out } = options;
  checkText('sampleRun', 'run', run);
  checkText('sampleRun', 'out', out);
  const config = await readRunConfig(run);
  checkLabels('sampleRun', labels, config);
  checkWays(options, config);
  if (options.shard === undefined) await checkOut(out);
  if (options.film !== undefined) await checkOut(options.film.file);
  const { backend = config.backend, count } = options;
  if (count !== undefined) checkWhole('sampleRun', 'count', count, 1);
  checkChoice('sampleRun', 'backend', backend, BACKENDS);
  return withBackend(backend, (notice) => drawRun(options, notice));
}

const SAMPLE_OPTIONS = [
  ...SAMPLING_FIELDS,
  'run',
  'labels',
  'openLabel',
  'count',
  'texts',
  'negative',
  'maps',
  'numbers',
  'scales',
  'controlScale',
  'seed',
  'out',
  'shard',
  'merge',
  'backend',
  'ema',
  'format',
  'latents',
  'film',
  'interpolate',
  'inpaint',
  'edit',
  'onNotice',
  'onProgress',
] as const;

async function isFolder(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isDirectory() === true;
}

/** Throws at once if the picture cannot be written, since drawing it may take minutes. */
async function checkOut(out: string): Promise<void> {
  if (!(await isFolder(dirname(out)))) {
    const problem = `the picture ${out} lies in a folder that does not exist. Create ${dirname(out)} first.`;
    throw new ValueError('sampleRun', problem);
  }
  if (await isFolder(out)) {
    throw new ValueError('sampleRun', `the picture ${out} is a folder, expected a file to write.`);
  }
  await checkWritable(out);
}

async function drawRun(options: SampleOptions, notice: string | undefined): Promise<string> {
  const { run: folder, labels, seed, out, ema, controlScale, onProgress, film: filmed } = options;
  const { shard, merge } = options;
  const read = await readRun(folder, ema === undefined ? {} : { ema });
  const run = controlScale === undefined ? read : read.withControlScale(controlScale);
  if (notice !== undefined) options.onNotice?.(notice);
  const drawing = await drawingOf(options, run);
  const { columns } = drawing;
  const film = filmed === undefined ? undefined : filmOf(filmed, options, drawing, run);
  const drawn = {
    ...samplingOf(options),
    ...drawing.options,
    seed,
    ...(onProgress !== undefined && { onProgress }),
    ...(film !== undefined && { onStep: (step: GeneratedStep) => film.onStep(step) }),
  };
  const set = { labels: gridIndices(labels, columns), options: drawn };
  const what = options.latents === true ? 'latents' : 'images';
  const sets = { op: 'sampleRun', run, what, sets: new Map([[SAMPLES, set]]) } as const;
  if (shard !== undefined) {
    return drawPart(sets, out, shard);
  }
  const rows =
    merge === undefined
      ? await drawSet(sets, set)
      : ((await mergedSets(sets, merge)).get(SAMPLES) as Float32Array);
  const { maps = {}, openLabel = false } = options;
  const names =
    options.texts ??
    labels.map((label) => (openLabel ? Object.keys(maps).join(', ') : run.nameOf(label)));
  const bytes =
    what === 'latents'
      ? await latentsFile(rows, options, run)
      : await samplesFile(rows, options, drawing, names, run);
  await writeFileAtomic(out, bytes);
  if (film !== undefined && filmed !== undefined) {
    await writeFileAtomic(
      filmed.file,
      await filmFile(film.frames(), filmed, names, run.imageShape),
    );
  }
  return out;
}

/** The name of the samples in the parts of several jobs. */
const SAMPLES = 'samples';

/** The film of the first image of each row. */
function filmOf(
  { frames = FILM_FRAMES, shows = 'x0' }: NonNullable<SampleOptions['film']>,
  { labels, steps }: SampleOptions,
  { columns, options: { from, region } }: Drawing,
  { config, generator }: TrainedRun,
): Film {
  return new Film({
    steps: ((from ?? steps - 1) + 1) * (region?.passes ?? 1),
    frames,
    shows,
    images: labels.map((_, row) => row * columns),
    decode: async (latents) => shown(config, await generator.decode(latents)),
  });
}

/** Frames of a film that names no number. */
const FILM_FRAMES = 16;
