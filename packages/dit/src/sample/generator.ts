// From labels to images: model, guidance, sampler and decoder, compiled.

import { compile, foldIn, scalar, tensor, ValueError, type Tensor } from '@tessera/tensor';
import type { Autoencoder } from '../autoencoder/autoencoder.ts';
import type { SamplingConfig, TrainConfig } from '../config/config.ts';
import { guidedForward } from '../diffusion/guidance.ts';
import { randomNoise, sampleSteps } from '../diffusion/sampler.ts';
import type { DiT } from '../model/dit.ts';
import { runDiffusion } from '../train/diffusion-loss.ts';
import type { SampleProgress } from './options.ts';

/** What turns latents into images. */
export interface Decoder {
  readonly autoencoder: Autoencoder;
  /** What the latents were multiplied by before the diffusion. */
  readonly latentScale: number;
}

/** One call of a {@link Generator}. */
export interface GenerateOptions extends SamplingConfig {
  /** The class of each image. */
  readonly labels: readonly number[];
  /** Of all noise. */
  readonly key: Tensor;
  readonly onProgress?: (progress: SampleProgress) => void;
}

/** Images drawn at once: what a picture of ten digits of each class holds. */
const CHUNK = 100;

/** Values of an image lie between about -1 and 1; beyond this there is no picture in them. */
const LARGEST_PIXEL = 1e6;

/**
 * Draws images with a model and a decoder. Its compiled parts are kept from call to call: one for each
 * number of images, whatever their labels and the guidance.
 *
 * @example
 * // not run: takes seconds
 * const config = presetConfig('smoke');
 * const autoencoder = new Autoencoder(config.autoencoder, key(0));
 * const generator = new Generator(config, { autoencoder, latentScale: 1 });
 * const options = { ...config.sampling, labels: [3, 1, 4], key: key(1) };
 * await generator.generate(DiT.init(config.model, key(2)), options); // three images in a row
 */
export class Generator {
  static readonly name: string = 'Generator';
  private readonly config: TrainConfig;
  private readonly decoder: Decoder;
  private readonly predict = compile((model: DiT, x: Tensor, t: Tensor, y: Tensor) =>
    model.forward(x, t, y),
  );
  private readonly predictGuided = compile(
    (model: DiT, x: Tensor, t: Tensor, y: Tensor, scale: Tensor) =>
      guidedForward(model, x, t, y, { scale }),
  );
  private readonly decode = compile((autoencoder: Autoencoder, latents: Tensor) =>
    autoencoder.decode(latents),
  );

  constructor(config: TrainConfig, decoder: Decoder) {
    this.config = config;
    this.decoder = decoder;
  }

  /**
   * Grey images in about [-1, 1], one a label: `[count, IMAGE_SIZE, IMAGE_SIZE]`, row-major.
   *
   * @throws ValueError if the images are not finite, or far from [-1, 1]
   */
  async generate(model: DiT, options: GenerateOptions): Promise<Float32Array> {
    const { labels, key, onProgress } = options;
    const chunks = Math.ceil(labels.length / CHUNK);
    const totalSteps = chunks * options.steps;
    const images: Float32Array[] = [];
    for (let chunk = 0; chunk < chunks; chunk++) {
      const some = labels.slice(chunk * CHUNK, (chunk + 1) * CHUNK);
      const done = chunk * options.steps;
      images.push(
        await this.generateChunk(
          model,
          { ...options, labels: some, key: foldIn(key, chunk) },
          (n) => onProgress?.({ step: done + n + 1, totalSteps }),
        ),
      );
    }
    return joined(images);
  }

  private async generateChunk(
    model: DiT,
    { labels, key, guidance, sampler, steps }: GenerateOptions,
    onStep: (n: number) => void,
  ): Promise<Float32Array> {
    const { inputSize, inChannels } = this.config.model;
    const y = tensor(Int32Array.from(labels));
    const noise = randomNoise(key, [labels.length, inChannels, inputSize, inputSize]);
    const diffusion = runDiffusion(this.config, steps);
    const scale = scalar(guidance);
    const denoiser = (x: Tensor, t: Tensor): Tensor =>
      guidance === 1 ? this.predict(model, x, t, y) : this.predictGuided(model, x, t, y, scale);
    let latents = noise.xT;
    for (const { n, x, xStart } of sampleSteps(diffusion, denoiser, noise, { sampler })) {
      for (const done of [latents, xStart]) if (done !== x) done[Symbol.dispose]();
      latents = x;
      onStep(n);
      await nextTask();
    }
    const { autoencoder, latentScale } = this.decoder;
    const images = (await this.decode(
      autoencoder,
      latents.div(latentScale),
    ).data()) as Float32Array;
    checkImages(images, guidance);
    return images;
  }
}

/** Arrays behind each other. */
function joined(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((length, array) => length + array.length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}

function checkImages(images: Float32Array, guidance: number): void {
  const bad = images.find((value) => !(Math.abs(value) <= LARGEST_PIXEL));
  if (bad === undefined) return;
  const what = Number.isFinite(bad) ? 'no pictures' : 'not finite';
  throw new ValueError(
    'generate',
    `the samples are ${what}: a pixel is ${bad}, expected about -1 to 1. Lower the guidance (${guidance}), or look at the weights.`,
  );
}

/** Waits for the next task, so that timers, pages and the collection of garbage have their turn. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const onmessage = (): void => {
      port1.close();
      resolve();
    };
    Object.assign(port1, { onmessage });
    port2.postMessage(null);
  });
}
