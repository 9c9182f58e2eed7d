// From labels to images: model, guidance, sampler and decoder, compiled.

import {
  checkFunction,
  checkList,
  checkOptions,
  checkTensors,
  compile,
  foldIn,
  scalar,
  Tensor,
  ValueError,
} from '@tessera/tensor';
import type { Autoencoder } from '../autoencoder/autoencoder.ts';
import { checkChoice, checkFields, checkFinite, checkWhole } from '../config/argument-check.ts';
import { SAMPLERS, SPACINGS } from '../config/choices.ts';
import type { TrainConfig } from '../config/config.ts';
import { SAMPLING_FIELDS, type SamplingConfig } from '../config/diffusion-config.ts';
import { nothingToGuide, samplingProblem } from '../config/diffusion-rules.ts';
import { guidedByConditions } from '../diffusion/guidance/conditions.ts';
import { guidedForward, type GuidanceOptions } from '../diffusion/guidance/guidance.ts';
import { checkInterval, isGuided } from '../diffusion/guidance/interval.ts';
import { runDiffusion } from '../diffusion/run-diffusion.ts';
import { randomNoise } from '../diffusion/sampler/noise.ts';
import { sampleSteps } from '../diffusion/sampler/sample.ts';
import type { SampledModel } from '../diffusion/sampler/way.ts';
import type { Conditioning, ConditionValues } from '../model/conditions/conditions.ts';
import { latentShape, type DiT } from '../model/dit.ts';
import {
  checkArrays,
  conditioningOf,
  repeatedValues,
  type ConditionArrays,
} from './conditioning.ts';
import { formatGuidance, labelScale } from './guidance-scales.ts';
import { checkLabels } from './labels.ts';
import type { SampleProgress } from './options.ts';

/** The means to turn latents into images. */
export interface Decoder {
  readonly autoencoder: Autoencoder;
  /** The factor of the latents in the diffusion. */
  readonly latentScale: number;
}

/** How a guided prediction is made, besides its scale. */
type GuidanceForm = Required<Pick<GuidanceOptions, 'compat' | 'rescale'>>;

/** Options of {@link Generator.generate}. */
export interface GenerateOptions extends SamplingConfig {
  /** The class of each image; 0 for a model without classes. */
  readonly labels: readonly number[];
  /** The values of the other conditions. One that is left out is open: the model gets its null. */
  readonly conditions?: ConditionArrays;
  /** Values of one image that take the place of nulls in guidance, such as a negative prompt. */
  readonly negative?: ConditionArrays;
  /** A guidance scale for each condition by name, in place of one for all. */
  readonly scales?: Readonly<Record<string, number>>;
  /** Randomness of all noise. */
  readonly key: Tensor;
  readonly onProgress?: (progress: SampleProgress) => void;
}

/** Number of images drawn at once: as many as a picture of ten digits for each class. */
const CHUNK = 100;

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
  readonly #decoder: Decoder;
  readonly #predict = compile((model: DiT, x: Tensor, t: Tensor, y: Conditioning) =>
    model.forward(x, t, y),
  );
  readonly #predictMap = compile((model: DiT, x: Tensor, t: Tensor, end: Tensor, y: Conditioning) =>
    model.forward(x, t, y, { end }),
  );
  readonly #predictByConditions = compile(
    (
      model: DiT,
      x: Tensor,
      t: Tensor,
      values: ConditionValues,
      negative: ConditionValues,
      scale: Tensor | Readonly<Record<string, Tensor>>,
    ) => guidedByConditions(model, x, t, values, { scale, negative }),
  );
  readonly #predictGuided = compile(
    (model: DiT, x: Tensor, t: Tensor, y: Tensor, scale: Tensor, form: GuidanceForm) =>
      guidedForward(model, x, t, y, { ...form, scale }),
  );
  readonly #decode = compile((autoencoder: Autoencoder, latents: Tensor) =>
    autoencoder.decode(latents),
  );

  constructor(config: TrainConfig, decoder: Decoder) {
    checkFields('Generator', 'config', config, ['model', 'diffusion'], CONFIG_HINT);
    checkOptions('Generator', decoder, ['autoencoder', 'latentScale']);
    const hint = 'Give an Autoencoder.';
    checkFields('Generator', 'autoencoder', decoder.autoencoder, ['decode'], hint);
    checkFinite('Generator', 'latentScale', decoder.latentScale);
    this.#config = config;
    this.#decoder = decoder;
  }

  /**
   * Draws one image for each label: `[count, channels, size, size]`, row-major, about in [-1, 1].
   *
   * @throws ValueError if the model does not know a label, or the images are not finite, or far from [-1, 1]
   */
  async generate(model: DiT, options: GenerateOptions): Promise<Float32Array> {
    checkGenerate(model, options);
    checkSampling(options, this.#config);
    const { onProgress, ...drawing } = options;
    const { labels, key } = drawing;
    checkLabels('generate', labels, this.#config);
    const chunks = Math.ceil(labels.length / CHUNK);
    const totalSteps = chunks * options.steps;
    const images: Float32Array[] = [];
    for (let chunk = 0; chunk < chunks; chunk++) {
      const some = labels.slice(chunk * CHUNK, (chunk + 1) * CHUNK);
      const done = chunk * options.steps;
      images.push(
        await this.#generateChunk(
          model,
          { ...drawing, labels: some, key: foldIn(key, chunk) },
          chunk * CHUNK,
          (n) => onProgress?.({ step: done + n + 1, totalSteps }),
        ),
      );
    }
    return joined(images);
  }

  async #generateChunk(
    model: DiT,
    options: Omit<GenerateOptions, 'onProgress'>,
    start: number,
    onStep: (n: number) => void,
  ): Promise<Float32Array> {
    const { labels, key, guidance, scales, sampler, steps, eta } = options;
    const noise = randomNoise(key, latentShape(this.#config.model, labels.length));
    const process = runDiffusion({ ...this.#config, sampling: options }, steps);
    const denoiser = this.#denoiserOf(model, options, start);
    const how = { sampler, ...(eta !== undefined && { eta }) };
    let latents = noise.xT;
    for (const { n, x, xStart } of sampleSteps(process, denoiser, noise, how)) {
      for (const done of [latents, xStart]) if (done !== x) done[Symbol.dispose]();
      latents = x;
      onStep(n);
      await nextTask();
    }
    const { autoencoder, latentScale } = this.#decoder;
    const images = (await this.#decode(
      autoencoder,
      latents.div(latentScale),
    ).data()) as Float32Array;
    checkImages(images, formatGuidance(guidance, scales));
    return images;
  }

  /** The guided model for the images of a chunk. */
  #denoiserOf(
    model: DiT,
    options: Omit<GenerateOptions, 'onProgress'>,
    start: number,
  ): SampledModel {
    const { labels, guidance, guidanceInterval, conditions = {}, negative, scales } = options;
    const y = conditioningOf(model, labels, conditions, start);
    const alone: SampledModel = (x, t, _time, end) =>
      end === undefined ? this.#predict(model, x, t, y) : this.#predictMap(model, x, t, end, y);
    if (guidance === 1 && scales === undefined && negative === undefined) return alone;
    const guided = this.#guidedBy(model, options, y);
    return (...at) => (isGuided(at[2], guidanceInterval) ? guided : alone)(...at);
  }

  #guidedBy(
    model: DiT,
    options: Omit<GenerateOptions, 'onProgress'>,
    y: Conditioning,
  ): SampledModel {
    const { labels, guidance, negative, scales, guidanceRescale, compat } = options;
    const { numClasses } = model.config;
    if (y instanceof Tensor) {
      const all = scalar(labelScale(numClasses, guidance, scales));
      const form = { rescale: guidanceRescale ?? 0, compat: compat ?? 'fixed' };
      return (x, t) => this.#predictGuided(model, x, t, y, all, form);
    }
    if ((guidanceRescale ?? 0) > 0 || compat === 'official') {
      throw new ValueError(
        'generate',
        'guidanceRescale and compat guide by the label alone, but this model has other conditions. Leave them out.',
      );
    }
    const scale =
      scales === undefined
        ? scalar(guidance)
        : Object.fromEntries(Object.entries(scales).map(([name, own]) => [name, scalar(own)]));
    const without = repeatedValues(model, negative ?? {}, labels.length);
    return (x, t) => this.#predictByConditions(model, x, t, y, without, scale);
  }
}

/** The options of one call of a generator. */
const GENERATE_OPTIONS = [
  ...SAMPLING_FIELDS,
  'labels',
  'conditions',
  'negative',
  'scales',
  'key',
  'onProgress',
] as const;

const CONFIG_HINT = 'Make one with presetConfig(…).';

function checkGenerate(model: DiT, options: GenerateOptions): void {
  checkFields('generate', 'model', model, ['forward'], 'Give a DiT.');
  checkOptions('generate', options, GENERATE_OPTIONS);
  const { key, guidance, steps, sampler, onProgress, conditions, negative, scales } = options;
  checkTensors('generate', { key });
  checkFinite('generate', 'guidance', guidance);
  checkWhole('generate', 'steps', steps, 1);
  checkChoice('generate', 'sampler', sampler, SAMPLERS);
  if (onProgress !== undefined) checkFunction('generate', onProgress);
  if (conditions !== undefined) {
    checkList('generate', 'labels', options.labels, '[3, 1, 4]');
    checkArrays('generate', 'conditions', model, conditions, options.labels.length);
  }
  if (negative !== undefined) checkArrays('generate', 'negative', model, negative, 1);
  if (scales !== undefined) {
    checkFields('generate', 'scales', scales, [], 'Give numbers by the names of conditions.');
    for (const [name, own] of Object.entries(scales)) checkFinite('generate', name, own);
  }
}

/** Throws a ValueError unless these settings of sampling go together, with the diffusion, and with the model. */
function checkSampling(sampling: GenerateOptions, { diffusion, model }: TrainConfig): void {
  const { guidanceInterval, spacing } = sampling;
  if (guidanceInterval !== undefined) checkInterval('generate', guidanceInterval);
  if (spacing !== undefined) checkChoice('generate', 'spacing', spacing, SPACINGS);
  const problem = samplingProblem(sampling, diffusion) ?? nothingToGuide(sampling, model);
  // Here the settings of sampling are the options of the call.
  if (problem !== undefined) {
    throw new ValueError('generate', `${problem.replace(/^sampling\./, '')}.`);
  }
  const { scales, negative } = sampling;
  if (diffusion.objective !== 'mean-flow' || (scales ?? negative) === undefined) return;
  throw new ValueError(
    'generate',
    'scales and negative guide, but a flow map was trained with its guidance and takes no other. Leave them out.',
  );
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
