// A trained run that is ready to draw, from files or from a page's downloads.

import { checkOptions, key, tensor, ValueError, type Tensor } from '@tessera/tensor';
import { Autoencoder } from '../autoencoder/autoencoder.ts';
import { codecOf, type Codec } from '../codec/codec.ts';
import { checkArray, checkFields, checkText } from '../config/argument-check.ts';
import type { AutoencoderConfig, ImageShape } from '../config/autoencoder-config.ts';
import { imageShapeOfRun, notYetTrained } from '../config/codec/codec-rules.ts';
import { parseConfigText, type TrainConfig } from '../config/config.ts';
import {
  changedBy,
  SAMPLING_FIELDS,
  samplingOf,
  type SamplingConfig,
} from '../config/diffusion-config.ts';
import { withControlScale } from '../model/control.ts';
import { DiT } from '../model/dit.ts';
import { loadModule } from '../model/weights/decode-weights.ts';
import { OWN_GENERATE_OPTIONS, type GenerateOptions } from './generate-options.ts';
import { Generator } from './generator.ts';
import { checkLabels } from './labels.ts';
import { shown } from './output/shown.ts';

/** The files of a run that drawing needs. */
export interface RunParts {
  /** The text of `config.json`. */
  readonly config: string;
  /** `autoencoder.safetensors`, of a run that has one. */
  readonly autoencoder?: Uint8Array;
  /** `model.safetensors` */
  readonly model: Uint8Array;
}

/**
 * How {@link TrainedRun.generate} draws: as {@link GenerateOptions}, where defaults are the sampling settings of the
 * run.
 */
export interface DrawOptions
  extends Partial<SamplingConfig>, Omit<GenerateOptions, keyof SamplingConfig | 'labels' | 'key'> {
  /** Seed of the noise, an unsigned 32-bit integer. Default: 0. */
  readonly seed?: number;
}

/**
 * A model, its codec and its configuration. {@link loadRun} makes one.
 *
 * @example
 * const config = { ...presetConfig('smoke'), latentScale: 1 };
 * const autoencoder = new Autoencoder(config.autoencoder, key(0));
 * const untrained = new TrainedRun(config, autoencoder, DiT.init(config.model, key(1)));
 * untrained.nameOf(7); // '7'
 */
export class TrainedRun {
  readonly config: TrainConfig & { readonly latentScale: number };
  /** The autoencoder; `undefined` if the model sees pixels or given latents. */
  readonly autoencoder: Autoencoder | undefined;
  readonly codec: Codec;
  readonly model: DiT;
  /** Draws with the model, turns images into latents and back, and inverts them. */
  readonly generator: Generator;

  constructor(
    config: TrainConfig & { readonly latentScale: number },
    autoencoder: Autoencoder | undefined,
    model: DiT,
  ) {
    checkFields('TrainedRun', 'model', model, ['forward'], 'Give a DiT.');
    checkFields('TrainedRun', 'config', config, ['sampling'], 'Make one with presetConfig(…).');
    this.config = config;
    this.autoencoder = autoencoder;
    this.codec = codecOf(config, autoencoder);
    this.model = model;
    this.generator = new Generator(config, { autoencoder, latentScale: config.latentScale });
  }

  /** The name of a class: the one that the data give it, or else its number. */
  nameOf(label: number): string {
    return this.config.classNames?.[label] ?? String(label);
  }

  /**
   * The run with branches that count `scale` times as much, see `withControlScale`.
   *
   * @throws ValueError if the model has no branch
   */
  withControlScale(scale: number): TrainedRun {
    return new TrainedRun(this.config, this.autoencoder, withControlScale(this.model, scale));
  }

  /**
   * Draws an image for each label.
   *
   * @returns images of about 0 to 1, ready for `toImageData`: `[size, size]` if they are grey, `[3, size, size]` in
   *   colour
   * @throws ValueError if the run does not know a label, the images are not finite, or the run draws latents that are
   *   no images
   */
  async generate(labels: readonly number[], options: DrawOptions = {}): Promise<Tensor[]> {
    const { size, channels } = this.imageShape;
    const images = shown(this.config, await this.draw(labels, options));
    const length = channels * size ** 2;
    return Array.from({ length: labels.length }, (_, i) => {
      const image = images.subarray(i * length, (i + 1) * length).map((value) => (value + 1) / 2);
      return tensor(image, { shape: channels === 1 ? [size, size] : [channels, size, size] });
    });
  }

  /**
   * Draws as {@link generate}, but gives `[count, channels, size, size]`, row-major, about in [-1, 1]; or latents
   * `[count, C, h, w]` as the data have them, if the model sees given latents.
   */
  draw(labels: readonly number[], options: DrawOptions = {}): Promise<Float32Array> {
    return this.generator.generate(this.model, this.#complete('generate', labels, options));
  }

  /** Draws as {@link generate}, but gives the latents of the diffusion: `[count, C, h, w]`, row-major. */
  drawLatents(labels: readonly number[], options: DrawOptions = {}): Promise<Float32Array> {
    const complete = this.#complete('generateLatents', labels, options);
    return this.generator.generateLatents(this.model, complete);
  }

  /** Sizes of the images. Throws a ValueError if the run draws latents that are no images. */
  get imageShape(): ImageShape {
    return imageShapeOfRun('TrainedRun', this.config);
  }

  #complete(op: string, labels: readonly number[], options: DrawOptions): GenerateOptions {
    checkLabels(op, labels, this.config);
    const own = OWN_GENERATE_OPTIONS.filter((name) => name !== 'labels' && name !== 'key');
    checkOptions(op, options, [...SAMPLING_FIELDS, ...own, 'seed']);
    const { seed = 0, ...changed } = options;
    return {
      ...changed,
      ...changedBy(this.config.sampling, samplingOf(changed)),
      labels,
      key: key(seed),
    };
  }
}

const PARTS_HINT = 'Give the text of config.json and the bytes of the safetensors files.';

/**
 * Puts the files of a run together, so that it can draw. A page may fetch them, a program may read them;
 * nothing here needs Node. The tensors are made on the default backend.
 *
 * @param source the name of the run in errors, such as a folder or an address
 * @throws FormatError if a file is damaged, the weights are not those of the configuration, or not
 *   finite; ValueError if the run was not trained to its end
 * @example
 * // not run: needs a trained run
 * const file = (name: string) => fetch(`runs/mnist/${name}`);
 * const bytes = async (name: string) => new Uint8Array(await (await file(name)).arrayBuffer());
 * const run = loadRun({
 *   config: await (await file('config.json')).text(),
 *   autoencoder: await bytes('autoencoder.safetensors'),
 *   model: await bytes('model.safetensors'),
 * });
 * const [three] = await run.generate([3], { guidance: 3, seed: 1 });
 * const { data, width, height } = await toImageData(three);
 * // In a page: canvas.getContext('2d').putImageData(new ImageData(data, width, height), 0, 0)
 */
export function loadRun(parts: RunParts, source = 'run'): TrainedRun {
  checkFields('loadRun', 'parts', parts, ['config', 'model'], PARTS_HINT);
  checkText('loadRun', 'config', parts.config);
  checkArray('loadRun', 'model', parts.model, 'Uint8Array');
  const config = parseConfigText(parts.config, `${source}/config.json`);
  const { latentScale, autoencoder: sizes } = config;
  if (latentScale === undefined) {
    throw new ValueError(
      'loadRun',
      `${source} ${notYetTrained(config)}. Train the run to its end first.`,
    );
  }
  return new TrainedRun(
    { ...config, latentScale },
    sizes === undefined ? undefined : loadAutoencoder(parts.autoencoder, sizes, source),
    loadModule(parts.model, DiT.blank(config.model), `${source}/model.safetensors`),
  );
}

function loadAutoencoder(
  bytes: Uint8Array | undefined,
  sizes: AutoencoderConfig,
  source: string,
): Autoencoder {
  if (bytes === undefined) {
    throw new ValueError('loadRun', `parts has no field autoencoder. ${PARTS_HINT}`);
  }
  checkArray('loadRun', 'autoencoder', bytes, 'Uint8Array');
  return loadModule(bytes, Autoencoder.blank(sizes), `${source}/autoencoder.safetensors`);
}
