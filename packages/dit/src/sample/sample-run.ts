// Draws new images from the folder of a trained run.

import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ValueError } from '@tessera/tensor';
import { checkWritable, writeFileAtomic } from '../run/atomic-file.ts';
import { withBackend } from '../run/backends.ts';
import { readWeights } from '../run/checkpoint.ts';
import { readConfigText, readRunConfig, RUN_FILES } from '../run/run-folder.ts';
import type { SampleOptions } from './options.ts';
import { drawSampleGrid, gridLabels } from './sample-grid.ts';
import { loadRun, type TrainedRun } from './trained-run.ts';

/**
 * Reads the files of a run and puts them together, so that it can draw: `loadRun` of `@tessera/dit` for
 * a folder. The tensors are made on the default backend.
 *
 * @throws ValueError if a file is not there, or the run was not trained to its end; FormatError if one
 *   is damaged
 * @example
 * // not run: needs a trained run
 * const run = await readRun('runs/mnist');
 * const images = await run.generate([3, 1, 4]); // three tensors of [32, 32]
 */
export async function readRun(folder: string): Promise<TrainedRun> {
  const [config, autoencoder, model] = [
    await readConfigText(folder),
    await readWeights(join(folder, RUN_FILES.autoencoder)),
    await readWeights(join(folder, RUN_FILES.model)),
  ];
  return loadRun({ config, autoencoder, model }, folder);
}

/**
 * Draws ten images of each label with the averaged weights of a run, and writes them as one PNG.
 *
 * @throws ValueError or FormatError if the run is not whole, the options do not fit it, the picture could
 *   not be written, or the images are not finite; DeviceError if the backend is not there, or fails
 * @example
 * // not run: needs a trained run
 * const options = { run: 'runs/mnist', guidance: 2, sampler: 'ddim', steps: 50, seed: 0 } as const;
 * await sampleRun({ ...options, labels: [0, 1], out: 'grid.png' });
 */
export async function sampleRun(options: SampleOptions): Promise<void> {
  const config = await readRunConfig(options.run);
  await checkOut(options.out);
  const { backend = config.backend, onNotice } = options;
  await withBackend(backend, (notice) => {
    if (notice !== undefined) onNotice?.(notice);
    return drawRun(options);
  });
}

async function isFolder(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isDirectory() === true;
}

/** Refuses a picture that could not be written, before it is drawn for minutes. */
async function checkOut(out: string): Promise<void> {
  if (!(await isFolder(dirname(out)))) {
    throw new ValueError('sample', `the folder ${dirname(out)} of --out does not exist.`);
  }
  if (await isFolder(out)) {
    throw new ValueError('sample', `${out} is a folder, expected a file to write by --out.`);
  }
  await checkWritable(out);
}

async function drawRun(options: SampleOptions): Promise<void> {
  const { run: folder, labels, guidance, sampler, steps, seed, out, onProgress } = options;
  const run = await readRun(folder);
  const images = await run.draw(gridLabels(labels), {
    guidance,
    sampler,
    steps,
    seed,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  const drawn = { design: run.config.model.design, guidance, steps, sampler };
  const names = labels.map((label) => run.nameOf(label));
  await writeFileAtomic(out, await drawSampleGrid(images, names, drawn));
}
