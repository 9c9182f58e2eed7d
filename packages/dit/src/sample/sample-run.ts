/** Draws new digits with a trained run. */

import { join } from 'node:path';
import { key, ValueError } from '@tessera/tensor';
import { Autoencoder } from '../autoencoder/autoencoder.ts';
import type { TrainConfig } from '../config.ts';
import { DiT } from '../model/dit.ts';
import { writeFileAtomic } from '../run/atomic-file.ts';
import { withBackend } from '../run/backends.ts';
import { loadModule } from '../run/checkpoint.ts';
import { readRunConfig, RUN_FILES } from '../run/run-folder.ts';
import { drawDigitGrid, gridLabels } from './digit-grid.ts';
import { Generator } from './generator.ts';
import type { SampleOptions } from './options.ts';

/**
 * Draws ten digits of each label with the averaged weights of a run, and writes them as one PNG.
 *
 * @throws ValueError or FormatError if the run is not whole or the options do not fit it; DeviceError
 *   if the backend is not there, or fails
 * @example
 * // not run: needs a trained run
 * const options = { run: 'runs/mnist', guidance: 2, sampler: 'ddim', steps: 50, seed: 0 } as const;
 * await sampleRun({ ...options, labels: [0, 1], out: 'grid.png' });
 */
export async function sampleRun(options: SampleOptions): Promise<void> {
  const config = await readRunConfig(options.run);
  const { backend = config.backend, onNotice } = options;
  await withBackend(backend, (notice) => {
    if (notice !== undefined) onNotice?.(notice);
    return drawRun(options, config);
  });
}

async function drawRun(options: SampleOptions, config: TrainConfig): Promise<void> {
  const { run, labels, guidance, sampler, steps, seed, out, onProgress } = options;
  const { latentScale } = config;
  if (latentScale === undefined) {
    throw new ValueError(
      'sampleRun',
      `${run} has no trained autoencoder yet. Train the run to its end first.`,
    );
  }
  const unknown = labels.find(
    (label) => !Number.isInteger(label) || label < 0 || label >= config.model.numClasses,
  );
  if (unknown !== undefined || labels.length === 0) {
    const last = config.model.numClasses - 1;
    throw new ValueError(
      'sampleRun',
      `labels must name some of the classes 0 to ${last}, got [${labels.join(', ')}].`,
    );
  }
  const autoencoder = await loadModule(
    join(run, RUN_FILES.autoencoder),
    new Autoencoder(config.autoencoder, key(0)),
  );
  const model = await loadModule(join(run, RUN_FILES.model), DiT.blank(config.model));
  const generator = new Generator(config, { autoencoder, latentScale });
  const images = await generator.generate(model, {
    labels: gridLabels(labels),
    guidance,
    sampler,
    steps,
    key: key(seed),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  const drawn = { design: config.model.design, guidance, steps, sampler };
  await writeFileAtomic(out, await drawDigitGrid(images, labels, drawn));
}
