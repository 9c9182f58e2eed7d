// A trained run that is ready to draw, from files or from a page's downloads.

import { checkList, checkOptions, key, tensor, ValueError, type Tensor } from '@tessera/tensor';
import { Autoencoder } from '../autoencoder/autoencoder.ts';
import {
  IMAGE_SIZE,
  parseConfigText,
  type SamplingConfig,
  type TrainConfig,
} from '../config/config.ts';
import { DiT } from '../model/dit.ts';
import { loadModule } from '../weights.ts';
import { Generator } from './generator.ts';
import type { SampleProgress } from './options.ts';

/** The files of a run that drawing needs. */
export interface RunParts {
  /** The text of `config.json`. */
  readonly config: string;
  /** `autoencoder.safetensors` */
  readonly autoencoder: Uint8Array;
  /** `model.safetensors` */
  readonly model: Uint8Array;
}

/** How {@link TrainedRun.generate} draws; what is left out is as the run was trained for. */
export interface DrawOptions extends Partial<SamplingConfig> {
  /** Seed of the noise, an unsigned 32-bit integer. Default: 0. */
  readonly seed?: number;
  readonly onProgress?: (progress: SampleProgress) => void;
}

/**
 * A model, its decoder and its configuration; {@link loadRun} makes one.
 *
 * @example
 * const config = { ...presetConfig('smoke'), latentScale: 1 };
 * const autoencoder = new Autoencoder(config.autoencoder, key(0));
 * const untrained = new TrainedRun(config, autoencoder, DiT.init(config.model, key(1)));
 * untrained.nameOf(7); // '7'
 */
export class TrainedRun {
  readonly config: TrainConfig;
  readonly autoencoder: Autoencoder;
  readonly model: DiT;
  readonly #generator: Generator;

  constructor(
    config: TrainConfig & { readonly latentScale: number },
    autoencoder: Autoencoder,
    model: DiT,
  ) {
    this.config = config;
    this.autoencoder = autoencoder;
    this.model = model;
    this.#generator = new Generator(config, { autoencoder, latentScale: config.latentScale });
  }

  /** What a class is called: the name that the data give it, or else its number. */
  nameOf(label: number): string {
    return this.config.classNames?.[label] ?? String(label);
  }

  /**
   * Draws an image for each label.
   *
   * @returns grey images `[IMAGE_SIZE, IMAGE_SIZE]` of about 0 to 1, as `toImageData` takes them
   * @throws ValueError for a label that the run does not know, or images that are not finite
   */
  async generate(labels: readonly number[], options: DrawOptions = {}): Promise<Tensor[]> {
    const images = await this.draw(labels, options);
    const size = IMAGE_SIZE ** 2;
    return Array.from({ length: labels.length }, (_, i) => {
      const image = images.subarray(i * size, (i + 1) * size).map((value) => (value + 1) / 2);
      return tensor(image, { shape: [IMAGE_SIZE, IMAGE_SIZE] });
    });
  }

  /** What {@link generate} draws, in about [-1, 1]: `[count, IMAGE_SIZE, IMAGE_SIZE]`, row-major. */
  draw(labels: readonly number[], options: DrawOptions = {}): Promise<Float32Array> {
    checkLabels(labels, this.config);
    checkOptions('generate', options, ['seed', 'guidance', 'steps', 'sampler', 'onProgress']);
    const { seed = 0, ...changed } = options;
    const { sampling } = this.config;
    return this.#generator.generate(this.model, {
      ...sampling,
      ...changed,
      labels,
      key: key(seed),
    });
  }
}

function checkLabels(labels: readonly number[], { model }: TrainConfig): void {
  const known = (label: number): boolean =>
    Number.isInteger(label) && label >= 0 && label < model.numClasses;
  checkList('generate', 'labels', labels, '[3, 1, 4]');
  if (labels.length > 0 && labels.every(known)) return;
  throw new ValueError(
    'generate',
    `labels must name some of the classes 0 to ${model.numClasses - 1}, got [${labels.join(', ')}].`,
  );
}

/**
 * Puts the files of a run together, so that it can draw. A page fetches them, a program reads them;
 * nothing here needs Node. The tensors are made on the default backend.
 *
 * @param source how errors name the run, a folder or an address for instance
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
  const config = parseConfigText(parts.config, `${source}/config.json`);
  const { latentScale } = config;
  if (latentScale === undefined) {
    throw new ValueError(
      'loadRun',
      `${source} has no trained autoencoder yet. Train the run to its end first.`,
    );
  }
  return new TrainedRun(
    { ...config, latentScale },
    loadModule(
      parts.autoencoder,
      Autoencoder.blank(config.autoencoder),
      `${source}/autoencoder.safetensors`,
    ),
    loadModule(parts.model, DiT.blank(config.model), `${source}/model.safetensors`),
  );
}
