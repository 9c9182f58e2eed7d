// From labels to images: model, guidance, sampler and decoder, compiled.

import {
  checkOptions,
  checkTensors,
  foldIn,
  tensor,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import type { Autoencoder } from '../autoencoder/autoencoder.ts';
import { codecOf, type Codec } from '../codec/codec.ts';
import { checkFields, checkFinite } from '../config/argument-check.ts';
import type { TrainConfig } from '../config/config.ts';
import { SAMPLING_FIELDS } from '../config/diffusion-config.ts';
import { runDiffusion } from '../diffusion/run-diffusion.ts';
import { inpaintSteps } from '../diffusion/sampler/inpaint.ts';
import { inversionSteps } from '../diffusion/sampler/inversion.ts';
import { randomNoise, type NoiseSource } from '../diffusion/sampler/noise.ts';
import { lastStep } from '../diffusion/sampler/place.ts';
import { sampleSteps, type SampledStep } from '../diffusion/sampler/sample.ts';
import { latentLength, latentShape, type DiT } from '../model/dit.ts';
import { unitsOf } from '../shard/shard.ts';
import {
  checkGenerate,
  checkInvert,
  IMAGES_AT_ONCE,
  OWN_INVERT_OPTIONS,
  type GenerateOptions,
  type InvertOptions,
} from './generate-options.ts';
import { formatGuidance } from './guidance-scales.ts';
import { GuidedModel } from './guided-model.ts';

/** The means to turn latents into images. */
export interface Decoder {
  /** The trained autoencoder, unless the model sees pixels or given latents. */
  readonly autoencoder?: Autoencoder | undefined;
  /** The factor of the latents in the diffusion. */
  readonly latentScale: number;
}

/** Largest value of a picture. Values of images lie between about -1 and 1. */
const LARGEST_PIXEL = 1e6;

/**
 * Draws images with a model and a decoder. It keeps its compiled parts from call to call. They depend on
 * the number of images, not on labels and guidance.
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
  readonly #config: TrainConfig;
  readonly #codec: Codec;
  readonly #latentScale: number;
  readonly #guided: GuidedModel = new GuidedModel();

  constructor(config: TrainConfig, decoder: Decoder) {
    checkFields('Generator', 'config', config, ['model', 'diffusion'], CONFIG_HINT);
    checkOptions('Generator', decoder, ['autoencoder', 'latentScale']);
    const { autoencoder, latentScale } = decoder;
    checkFinite('Generator', 'latentScale', latentScale);
    this.#config = config;
    this.#codec = codecOf(config, autoencoder);
    this.#latentScale = latentScale;
  }

  /**
   * Draws one image for each label: `[count, channels, size, size]`, row-major, about in [-1, 1]. A model of given
   * latents draws latents as its data have them. With a `shard`, it draws those of its hundreds alone, one behind the
   * other, with the bits that they have among all.
   *
   * @throws ValueError if the model does not know a label, or the images are not finite, or far from [-1, 1]
   */
  async generate(model: DiT, options: GenerateOptions): Promise<Float32Array> {
    checkGenerate('generate', model, options, this.#config);
    const parts: Float32Array[] = [];
    for await (const latents of this.#chunks(model, options)) {
      const images = await this.decode(latents);
      checkImages(images, formatGuidance(options.guidance, options.scales));
      parts.push(images);
    }
    return joined(parts);
  }

  /**
   * Draws as {@link generate}, but gives the latents of the diffusion, of about unit variance: `[count, C, h, w]`,
   * row-major.
   *
   * @throws ValueError as {@link generate}, and if the latents are not finite
   */
  async generateLatents(model: DiT, options: GenerateOptions): Promise<Float32Array> {
    checkGenerate('generateLatents', model, options, this.#config);
    const parts: Float32Array[] = [];
    for await (const latents of this.#chunks(model, options)) {
      const values = (await latents.data()) as Float32Array;
      checkLatents('generateLatents', values, formatGuidance(options.guidance, options.scales));
      parts.push(values);
    }
    return joined(parts);
  }

  /** Latents of the diffusion `[count, C, h, w]` to images, about in [-1, 1]. */
  async decode(latents: Tensor): Promise<Float32Array> {
    checkTensors('decode', { latents });
    return (await this.#codec.decode(latents.div(this.#latentScale)).data()) as Float32Array;
  }

  /** Images `[count, channels, size, size]` in [-1, 1] to latents of the diffusion, without noise. */
  async encode(images: Tensor): Promise<Float32Array> {
    checkTensors('encode', { images });
    const { mean } = this.#codec.encode(images);
    return (await mean.mul(this.#latentScale).data()) as Float32Array;
  }

  /**
   * Goes back from latents to their noise, by {@link invertDdim} with the conditions of `options`. Sampling with
   * this noise as `xT`, from the same place, comes back to the latents; with other conditions it edits them.
   *
   * @param latents of the diffusion, `[count, C, h, w]`, row-major
   * @returns `[count, C, h, w]`, row-major
   * @throws ValueError as {@link generateLatents}, and as {@link invertDdim}
   */
  async invert(
    model: DiT,
    latents: Float32Array,
    invertOptions: InvertOptions,
  ): Promise<Float32Array> {
    const own = [...SAMPLING_FIELDS, ...OWN_INVERT_OPTIONS];
    checkOptions('invert', invertOptions, own);
    const { to, iterations, ...options } = invertOptions;
    checkInvert(model, latents, options, this.#config);
    const { labels, onProgress } = options;
    const process = this.#processOf(options);
    const totalSteps = Math.ceil(labels.length / IMAGES_AT_ONCE) * ((to ?? lastStep(process)) + 1);
    const how = {
      ...(to !== undefined && { to }),
      ...(iterations !== undefined && { iterations }),
    };
    const parts: Float32Array[] = [];
    let done = 0;
    for (let start = 0; start < labels.length; start += IMAGES_AT_ONCE) {
      const some = labels.slice(start, start + IMAGES_AT_ONCE);
      const told = this.#guided.of(model, { ...options, labels: some }, start);
      let x = this.#tensorOf(latents, start, some.length);
      for (const step of inversionSteps(process, told, x, how)) {
        x[Symbol.dispose]();
        ({ x } = step);
        done++;
        onProgress?.({ step: done, totalSteps });
        await nextTask();
      }
      const noise = (await x.data()) as Float32Array;
      checkLatents('invert', noise, formatGuidance(options.guidance, options.scales));
      parts.push(noise);
    }
    return joined(parts);
  }

  #processOf(
    options: GenerateOptions | Omit<InvertOptions, 'to'>,
  ): ReturnType<typeof runDiffusion> {
    return runDiffusion({ ...this.#config, sampling: options }, options.steps);
  }

  /** The latents of some images out of all of them: `[count, C, h, w]`. */
  #tensorOf(latents: Float32Array, start: number, count: number): Tensor {
    const shape = latentShape(this.#config.model, count);
    const size = latentLength(this.#config.model);
    return tensor(latents.slice(start * size, (start + count) * size), { shape });
  }

  /** The drawn latents, a hundred images at a time. */
  async *#chunks(model: DiT, options: GenerateOptions): AsyncGenerator<Tensor, void, void> {
    const { labels, key, shard = { index: 1, count: 1 }, onStep, onProgress } = options;
    const process = this.#processOf(options);
    const chunks = unitsOf({ rows: labels.length, unit: IMAGES_AT_ONCE }, shard);
    const totalSteps = chunks.length * stepCount(options, lastStep(process));
    let done = 0;
    for (const chunk of chunks) {
      const start = chunk * IMAGES_AT_ONCE;
      const some = labels.slice(start, start + IMAGES_AT_ONCE);
      const random = randomNoise(foldIn(key, chunk), latentShape(this.#config.model, some.length));
      const noise =
        options.xT === undefined
          ? random
          : { ...random, xT: this.#tensorOf(options.xT, start, some.length) };
      const told = this.#guided.of(model, { ...options, labels: some }, start);
      let latents = noise.xT;
      for (const { n, x, xStart } of this.#steps(process, told, noise, options, start)) {
        await onStep?.({ start, n, x, xStart });
        // The start stays: a region keeps it as the noise of what is known.
        for (const old of [latents, xStart])
          if (old !== x && old !== noise.xT) old[Symbol.dispose]();
        latents = x;
        done++;
        onProgress?.({ step: done, totalSteps });
        await nextTask();
      }
      yield latents;
    }
  }

  #steps(
    process: ReturnType<typeof runDiffusion>,
    told: Parameters<typeof sampleSteps>[1],
    noise: NoiseSource,
    { sampler, eta, from, region }: GenerateOptions,
    start: number,
  ): Iterable<SampledStep> {
    const how = { sampler, ...(eta !== undefined && { eta }) };
    if (region === undefined) {
      return sampleSteps(process, told, noise, { ...how, ...(from !== undefined && { from }) });
    }
    const [count, , height, width] = noise.xT.shape;
    const mask = tensor(Float32Array.from(region.mask), { shape: [height, width] }).greater(0);
    const known = { latent: this.#tensorOf(region.latents, start, count), mask };
    return inpaintSteps(process, told, noise, known, { ...how, passes: region.passes ?? 1 });
  }
}

const CONFIG_HINT = 'Make one with presetConfig(…).';

/** How many steps an image takes. */
function stepCount({ from, region }: GenerateOptions, last: number): number {
  return ((from ?? last) + 1) * (region?.passes ?? 1);
}

/** The arrays one behind the other. */
function joined(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((length, array) => length + array.length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}

function checkImages(images: Float32Array, guidance: string): void {
  const bad = images.find((value) => !(Math.abs(value) <= LARGEST_PIXEL));
  if (bad === undefined) return;
  const what = Number.isFinite(bad) ? 'no pictures' : 'not finite';
  throw new ValueError(
    'generate',
    `the samples are ${what}: a pixel is ${bad}, expected about -1 to 1. Lower the guidance (${guidance}), or look at the weights.`,
  );
}

function checkLatents(op: string, latents: Float32Array, guidance: string): void {
  const bad = latents.find((value) => !Number.isFinite(value));
  if (bad === undefined) return;
  throw new ValueError(
    op,
    `the samples are not finite: a latent is ${bad}. Lower the guidance (${guidance}), or look at the weights.`,
  );
}

/** Waits for the next task. So timers, pages and the garbage collector have their turn. */
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
