/**
 * What a page would do with `@tessera/dit`: draw from a trained run, and the whole way from digits to
 * latents to a trained model to an image.
 */
import { key, tensor, toImageData, type Tensor } from '@tessera/tensor';
import {
  Autoencoder,
  autoencoderLoss,
  batchOrder,
  compiledTrainStep,
  diffusionLoss,
  DiT,
  encodeLatents,
  encodeModule,
  gatherImages,
  gatherPosteriors,
  initialState,
  loadModule,
  loadRun,
  padImages,
  parseTrainConfig,
  presetConfig,
  Generator,
  type IdxImages,
  type RunParts,
  type AutoencoderTrainConfig,
} from '@tessera/dit';

/** Results of {@link drawFromRun}, ready for JSON. */
export interface DrawnImages {
  /** Width and height of each image. */
  readonly sizes: readonly (readonly [number, number])[];
  /** The RGBA bytes of all, one behind the other. */
  readonly bytes: readonly number[];
  /** Numbers of the steps as they were reported. */
  readonly steps: readonly number[];
}

/** Draws a three, a one and a four with the files of a run. */
export async function drawFromRun(parts: RunParts): Promise<DrawnImages> {
  const run = loadRun(parts);
  const steps: number[] = [];
  const images = await run.generate([3, 1, 4], {
    guidance: 2,
    seed: 5,
    onProgress: ({ step }) => steps.push(step),
  });
  const drawn = await Promise.all(images.map((image) => toImageData(image)));
  return {
    sizes: drawn.map(({ width, height }) => [width, height] as const),
    bytes: drawn.flatMap(({ data }) => [...data]),
    steps,
  };
}

/** Results of {@link trainAndDraw}, ready for JSON. */
export interface TrainedImages {
  /** The first and the last loss of each training. */
  readonly losses: readonly number[];
  /** `[2, 32, 32]`, row-major. */
  readonly images: readonly number[];
}

/** The smoke preset, shrunk to seconds, for two classes. */
function tinyConfig(): AutoencoderTrainConfig {
  const smoke = presetConfig('smoke', { steps: 8, batch: 4 });
  const config = {
    ...smoke,
    autoencoder: { ...smoke.autoencoder, channels: [2, 4], steps: 8, batch: 4 },
    model: { ...smoke.model, hiddenSize: 16, depth: 1, numHeads: 2, numClasses: 2 },
    sampling: { ...smoke.sampling, steps: 3 },
  };
  parseTrainConfig(config);
  return config;
}

/** Bars that stand (class 0) and lie (class 1). */
function bars(count: number): IdxImages {
  const side = 28;
  const images = Uint8Array.from({ length: count * side * side }, (_, at) => {
    const [image, y, x] = [Math.floor(at / side ** 2), Math.floor(at / side) % side, at % side];
    return Math.abs((image % 2 === 0 ? x : y) - side / 2) < 3 ? 255 : 0;
  });
  return { images, count, rows: side, columns: side };
}

/** Digits → autoencoder → latents → Diffusion Transformer → images, by public functions alone. */
export async function trainAndDraw(): Promise<TrainedImages> {
  const config = tinyConfig();
  const { batch, optimizer, autoencoder: settings } = config;
  const digits = padImages(bars(16), 32);
  const order = batchOrder({ count: digits.count, batch, seed: 0 });
  const losses: number[] = [];

  const loss = (model: Autoencoder, images: Tensor, random: Tensor): Tensor =>
    autoencoderLoss(model, images, random, settings.klWeight);
  const learnPixels = compiledTrainStep(loss, optimizer, settings.steps);
  let coder = initialState(new Autoencoder(settings, key(0)), key(1));
  for (let i = 0; i < settings.steps; i++) {
    const images = tensor(gatherImages(digits, order.indices(i)), { shape: [batch, 1, 32, 32] });
    const [next, metrics] = learnPixels(coder, images);
    coder = next;
    losses.push(await metrics.loss.item());
  }
  const bytes = await encodeModule(coder.average);
  const autoencoder = loadModule(bytes, Autoencoder.blank(settings));

  const latents = await encodeLatents(autoencoder, digits, digits.count);
  const learnLatents = compiledTrainStep(
    diffusionLoss(config, latents.scale),
    optimizer,
    config.steps,
  );
  let dit = initialState(DiT.init(config.model, key(2)), key(3));
  for (let i = 0; i < config.steps; i++) {
    const indices = order.indices(i);
    const [next, metrics] = learnLatents(dit, {
      posterior: gatherPosteriors(latents, indices),
      labels: tensor(indices.map((image) => image % 2)),
    });
    dit = next;
    losses.push(await metrics.loss.item());
  }

  const generator = new Generator(config, { autoencoder, latentScale: latents.scale });
  const drawn = { ...config.sampling, labels: [0, 1], key: key(4) };
  const images = await generator.generate(dit.average, drawn);
  return { losses, images: [...images] };
}
