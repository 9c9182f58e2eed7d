/** A whole run: digits → autoencoder → latents → Diffusion Transformer → pictures. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { key, split, tensor, ValueError, type Tensor } from '@tessera/tensor';
import { Autoencoder, autoencoderLoss } from '../autoencoder/autoencoder.ts';
import { IMAGE_SIZE, type TrainConfig } from '../config.ts';
import { batchOrder, gatherImages, gatherLabels, padImages } from '../data/batches.ts';
import type { IdxImages } from '../data/idx.ts';
import { loadMnist, MNIST_CLASSES } from '../data/mnist.ts';
import { DiT } from '../model/dit.ts';
import { drawImageGrid } from '../pictures/image-grid.ts';
import { drawLossCurve } from '../pictures/loss-curve.ts';
import { writeFileAtomic } from '../run/atomic-file.ts';
import { saveModule } from '../run/checkpoint.ts';
import { withBackend } from '../run/backends.ts';
import { readLog } from '../run/log.ts';
import { RUN_FILES, writeRunConfig } from '../run/run-folder.ts';
import { drawDigitGrid, gridLabels } from '../sample/digit-grid.ts';
import { Generator } from '../sample/generator.ts';
import { diffusionLoss, type DiffusionBatch } from './diffusion-loss.ts';
import { encodeLatents, gatherPosteriors, type LatentSet } from './latents.ts';
import type { TrainOptions } from './options.ts';
import { READ_EVERY, runStage } from './stage.ts';
import { compiledTrainStep, initialState } from './step.ts';

/** Sample grids drawn while the DiT trains, at even distances; the last one is `samples.png`. */
const PREVIEWS = 4;
/** Denoising steps of a preview: fewer than the last grid's, for speed. */
const PREVIEW_STEPS = 20;
/** Rows of the picture of reconstructions come in pairs: digits above what the autoencoder makes of them. */
const RECONSTRUCTION_COLUMNS = 10;

const CLASSES = Array.from({ length: MNIST_CLASSES }, (_, label) => label);

/**
 * Trains an autoencoder and a Diffusion Transformer on its latents, and writes everything that a run
 * keeps into `options.out`; see {@link RUN_FILES}. The folder appears once the digits are loaded.
 *
 * @throws ValueError, FormatError for data or a configuration that do not fit; StateError if the
 *   training diverges; DeviceError if the configuration's backend is not there, or fails
 * @example
 * // not run: takes minutes
 * await train({ config: presetConfig('smoke'), out: 'runs/mnist' });
 */
export async function train(options: TrainOptions): Promise<void> {
  await withBackend(options.config.backend, (notice) => trainRun(options, notice));
}

async function trainRun(options: TrainOptions, notice: string | undefined): Promise<void> {
  const { out, dataDir, onStage } = options;
  const mnist = await loadMnist(dataDir === undefined ? {} : { dir: dataDir });
  const digits = padImages(mnist.train, IMAGE_SIZE);
  checkBatches(options.config, digits.count);
  await mkdir(out, { recursive: true });
  await writeRunConfig(out, options.config);
  options.onStart?.();
  if (notice !== undefined) options.onNotice?.(notice);
  const [autoencoderKey, modelKey, sampleKey] = split(key(options.config.seed), 3);

  onStage?.({ name: 'autoencoder', totalSteps: options.config.autoencoder.steps });
  const autoencoder = await trainAutoencoder(options, digits, autoencoderKey);
  await saveModule(join(out, RUN_FILES.autoencoder), autoencoder);
  await drawReconstructions(out, autoencoder, padImages(mnist.test, IMAGE_SIZE));

  const seen = Math.min(digits.count, options.config.steps * options.config.batch);
  const latents = await encodeLatents(autoencoder, digits, seen);
  const config = { ...options.config, latentScale: latents.scale };
  await writeRunConfig(out, config);

  onStage?.({ name: 'diffusion', totalSteps: config.steps });
  const generator = new Generator(config, { autoencoder, latentScale: latents.scale });
  const drawSamples = async (model: DiT, file: string, steps: number): Promise<void> => {
    const { sampling } = config;
    const sampled = { ...sampling, steps, labels: gridLabels(CLASSES), key: sampleKey };
    const drawn = { ...sampling, steps, design: config.model.design };
    const images = await generator.generate(model, sampled);
    await writeFileAtomic(join(out, file), await drawDigitGrid(images, CLASSES, drawn));
    options.onNotice?.(`Wrote ${join(out, file)}.`);
  };
  const model = await trainModel(
    { ...options, config },
    latents,
    mnist.train.labels,
    modelKey,
    drawSamples,
  );
  await saveModule(join(out, RUN_FILES.model), model);
  await drawCurve(out);
  await drawSamples(model, RUN_FILES.samples, config.sampling.steps);
}

/** Refuses batches that the data cannot fill, before anything is written. */
function checkBatches({ autoencoder, batch }: TrainConfig, count: number): void {
  const largest = Math.max(autoencoder.batch, batch);
  if (largest <= count) return;
  throw new ValueError(
    'train',
    `a batch of ${largest} images cannot be drawn from the ${count} training images. Choose a smaller --batch, or more data.`,
  );
}

/** Trains the autoencoder and gives its moving average. */
async function trainAutoencoder(
  { config, out, onProgress }: TrainOptions,
  digits: IdxImages,
  random: Tensor,
): Promise<Autoencoder> {
  const { steps, batch, klWeight, learningRate } = config.autoencoder;
  const [initKey, stepKey] = split(random);
  const order = batchOrder({ count: digits.count, batch, seed: config.seed });
  const state = await runStage({
    name: 'autoencoder',
    step: compiledTrainStep(
      (model: Autoencoder, images: Tensor, lossKey) =>
        autoencoderLoss(model, images, lossKey, klWeight),
      { ...config.optimizer, learningRate },
      steps,
    ),
    state: initialState(new Autoencoder(config.autoencoder, initKey), stepKey),
    batchAt: (i) =>
      tensor(gatherImages(digits, order.indices(i)), { shape: [batch, 1, IMAGE_SIZE, IMAGE_SIZE] }),
    batch,
    totalSteps: steps,
    log: join(out, RUN_FILES.log),
    onProgress,
  });
  return state.average;
}

/** Trains the Diffusion Transformer and gives its moving average. */
async function trainModel(
  { config, out, onProgress }: TrainOptions & { readonly config: TrainConfig },
  latents: LatentSet,
  labels: Uint8Array,
  random: Tensor,
  drawSamples: (model: DiT, file: string, steps: number) => Promise<void>,
): Promise<DiT> {
  const { steps, batch, seed } = config;
  const [initKey, stepKey] = split(random);
  const order = batchOrder({ count: latents.count, batch, seed });
  const every = Math.ceil(steps / PREVIEWS / READ_EVERY) * READ_EVERY;
  const state = await runStage<DiT, DiffusionBatch>({
    name: 'diffusion',
    step: compiledTrainStep(diffusionLoss(config, latents.scale), config.optimizer, steps),
    state: initialState(DiT.init(config.model, initKey), stepKey),
    batchAt: (i) => {
      const indices = order.indices(i);
      return {
        posterior: gatherPosteriors(latents, indices),
        labels: tensor(gatherLabels(labels, indices)),
      };
    },
    batch,
    totalSteps: steps,
    log: join(out, RUN_FILES.log),
    onProgress,
    afterStep: async (i, { average }) => {
      if (i % every !== 0 || i === steps) return;
      const file = `samples-${String(i).padStart(6, '0')}.png`;
      await drawSamples(average, file, Math.min(PREVIEW_STEPS, config.sampling.steps));
    },
  });
  return state.average;
}

async function drawCurve(out: string): Promise<void> {
  const rows = (await readLog(join(out, RUN_FILES.log))).filter(
    ({ stage }) => stage === 'diffusion',
  );
  await writeFileAtomic(
    join(out, RUN_FILES.lossCurve),
    await drawLossCurve(rows, { title: 'DiT training loss' }),
  );
}

/** Test digits above what is left of them after the autoencoder. */
async function drawReconstructions(
  out: string,
  autoencoder: Autoencoder,
  test: IdxImages,
): Promise<void> {
  const count = Math.min(RECONSTRUCTION_COLUMNS, test.count);
  const originals = gatherImages(
    test,
    Int32Array.from({ length: count }, (_, i) => i),
  );
  const images = tensor(originals, { shape: [count, 1, IMAGE_SIZE, IMAGE_SIZE] });
  const decoded = await autoencoder.decode(autoencoder.encode(images).mean).data();
  const picture = await drawImageGrid({
    images: Float32Array.of(...originals, ...decoded),
    height: IMAGE_SIZE,
    width: IMAGE_SIZE,
    columns: count,
    title: 'Test digits and their reconstructions',
    rowLabels: ['digit', 'decoded'],
  });
  await writeFileAtomic(join(out, RUN_FILES.reconstructions), picture);
}
