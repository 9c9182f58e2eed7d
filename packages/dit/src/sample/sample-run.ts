// Draws new images from the folder of a trained run.

import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkOptions, ValueError } from '@tessera/tensor';
import { checkChoice, checkText } from '../config/argument-check.ts';
import { imageShapeOf } from '../config/autoencoder-config.ts';
import { BACKENDS } from '../config/choices.ts';
import { SAMPLING_FIELDS, samplingOf } from '../config/diffusion-config.ts';
import { checkWritable, writeFileAtomic } from '../run/atomic-file.ts';
import { withBackend } from '../run/backends.ts';
import { readWeights } from '../run/checkpoint.ts';
import { averageFile, readConfigText, readRunConfig, RUN_FILES } from '../run/run-folder.ts';
import { askedConditions } from './asked-conditions.ts';
import { checkLabels } from './labels.ts';
import type { SampleOptions } from './options.ts';
import { drawSampleGrid, gridIndices } from './sample-grid.ts';
import { loadRun, type TrainedRun } from './trained-run.ts';

/** Options of {@link readRun}. */
export interface ReadRunOptions {
  /** The decay of the average whose weights are read, one of the run's `emaDecays`. Default: its `emaDecay`. */
  readonly ema?: number;
}

/** The file of the average that is asked for. Throws a ValueError if the run does not keep it. */
async function modelFile(folder: string, { ema }: ReadRunOptions): Promise<string> {
  if (ema === undefined) return RUN_FILES.model;
  const { emaDecay, emaDecays = [] } = (await readRunConfig(folder)).optimizer;
  if (ema === emaDecay) return RUN_FILES.model;
  if (emaDecays.includes(ema)) return averageFile(ema);
  throw new ValueError(
    'readRun',
    `ema ${ema}: ${folder} keeps the averages of decay ${[emaDecay, ...emaDecays].join(', ')}. Name one of them.`,
  );
}

/**
 * Reads the files of a run and puts them together, so that it can draw. It is `loadRun` of `@tessera/dit`
 * for a folder. The tensors are made on the default backend.
 *
 * @throws ValueError if a file is not there, or the run was not trained to its end; FormatError if a file
 *   is damaged
 * @example
 * // not run: needs a trained run
 * const run = await readRun('runs/mnist');
 * const images = await run.generate([3, 1, 4]); // three tensors of [32, 32]
 */
export async function readRun(folder: string, options: ReadRunOptions = {}): Promise<TrainedRun> {
  checkText('readRun', 'folder', folder);
  checkOptions('readRun', options, ['ema']);
  const [config, autoencoder, model] = [
    await readConfigText(folder),
    await readWeights(join(folder, RUN_FILES.autoencoder)),
    await readWeights(join(folder, await modelFile(folder, options))),
  ];
  return loadRun({ config, autoencoder, model }, folder);
}

/**
 * Draws ten images of each label with the averaged weights of a run, and writes them as one PNG.
 *
 * @throws ValueError or FormatError if the run is not whole, the options do not fit it, the picture cannot
 *   be written, or the images are not finite; DeviceError if the backend is not there, or fails
 * @example
 * // not run: needs a trained run
 * const options = { run: 'runs/mnist', guidance: 2, sampler: 'ddim', steps: 50, seed: 0 } as const;
 * await sampleRun({ ...options, labels: [0, 1], out: 'grid.png' });
 */
export async function sampleRun(options: SampleOptions): Promise<void> {
  checkOptions('sampleRun', options, SAMPLE_OPTIONS);
  const { run, labels, out } = options;
  checkText('sampleRun', 'run', run);
  checkText('sampleRun', 'out', out);
  const config = await readRunConfig(run);
  checkLabels('sampleRun', labels, config);
  await checkOut(out);
  const { backend = config.backend } = options;
  checkChoice('sampleRun', 'backend', backend, BACKENDS);
  await withBackend(backend, (notice) => drawRun(options, notice));
}

const SAMPLE_OPTIONS = [
  ...SAMPLING_FIELDS,
  'run',
  'labels',
  'texts',
  'negative',
  'maps',
  'numbers',
  'scales',
  'seed',
  'out',
  'backend',
  'ema',
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

async function drawRun(options: SampleOptions, notice: string | undefined): Promise<void> {
  const { run: folder, labels, seed, out, onProgress } = options;
  const { ema } = options;
  const run = await readRun(folder, ema === undefined ? {} : { ema });
  if (notice !== undefined) options.onNotice?.(notice);
  const asked = await askedConditions(options, run.model);
  const sampling = samplingOf(options);
  const images = await run.draw(gridIndices(labels), {
    ...asked,
    ...sampling,
    seed,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  const drawn = {
    ...sampling,
    design: run.config.model.design,
    ...(options.scales !== undefined && { scales: options.scales }),
  };
  const names = options.texts ?? labels.map((label) => run.nameOf(label));
  const shape = imageShapeOf(run.config.autoencoder);
  await writeFileAtomic(out, await drawSampleGrid(images, shape, names, drawn));
}
