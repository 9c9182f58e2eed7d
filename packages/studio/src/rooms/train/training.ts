// One training of a Diffusion Transformer on digits: steps, samples, its state as bytes, its files.

import { loadTensors, namedTensors } from '@tessera/autograd/nn';
import {
  batchOrder,
  compiledTrainStep,
  diffusionLoss,
  DiT,
  encodeModule,
  gatherLabels,
  Generator,
  initialState,
  parameterCount,
  parseTrainConfig,
  presetConfig,
  type Autoencoder,
  type AutoencoderConfig,
  type BatchOrder,
  type DiffusionBatch,
  type LatentSource,
  type TrainConfig,
  type TrainState,
} from '@tessera/dit';
import {
  decodeSafetensors,
  encodeSafetensors,
  key,
  split,
  tensor,
  tree,
  type Compiled,
  type SafetensorsEntry,
} from '@tessera/tensor';
import type { Point, RunFile, TrainingFacts, TrainSettings } from './train-messages.ts';

/** What trainings see: digits as latents or pixels, and what turns them back into images. */
export interface Lesson {
  /** What tells the digits from others. */
  readonly digits: string;
  readonly latents: LatentSource;
  readonly labels: Uint8Array;
  /** `undefined` if models see pixels. */
  readonly autoencoder?: { readonly module: Autoencoder; readonly sizes: AutoencoderConfig };
  /** Side and channels of what models see. */
  readonly side: number;
  readonly channels: number;
}

/** Latents a step. */
export const BATCH = 32;

/** Heads of all models. */
const HEADS = 4;

/** Steps of a sample on the way. */
const SAMPLE_STEPS = 10;

const CLASSES = Array.from({ length: 10 }, (_, label) => label);

type Step = Compiled<[TrainState<DiT>, DiffusionBatch], readonly [TrainState<DiT>, Metrics]>;
type Metrics = ReturnType<ReturnType<typeof compiledTrainStep<DiT, DiffusionBatch>>>[1];

/** A training that goes on step by step. */
export class Training {
  static readonly name: string = 'Training';
  readonly config: TrainConfig & { readonly latentScale: number };
  /** What each step told. */
  readonly points: Point[] = [];
  readonly #lesson: Lesson;
  readonly #order: BatchOrder;
  readonly #step: Step;
  readonly #generator: Generator;
  #state: TrainState<DiT>;

  /** @throws ConfigError or ValueError if the settings do not go together */
  constructor(settings: TrainSettings, lesson: Lesson) {
    const config = configOf(settings, lesson);
    const { latents, autoencoder } = lesson;
    this.config = { ...config, latentScale: latents.scale };
    this.#lesson = lesson;
    this.#order = batchOrder({ count: latents.count, batch: BATCH, seed: config.seed });
    const loss = diffusionLoss(config, latents.scale);
    this.#step = compiledTrainStep(loss, config.optimizer, config.steps);
    this.#generator = new Generator(config, {
      autoencoder: autoencoder?.module,
      latentScale: latents.scale,
    });
    const [modelKey, stepKey] = split(key(config.seed));
    // The first step takes over the memory of the key that it is given.
    const model = DiT.init(config.model, modelKey);
    this.#state = initialState(model, stepKey.add(0), config.optimizer);
  }

  get isDone(): boolean {
    return this.points.length >= this.config.steps;
  }

  /** The training as a page shows it. */
  get facts(): TrainingFacts {
    const { model, steps } = this.config;
    return {
      name: model.design,
      parameters: parameterCount(model),
      totalSteps: steps,
      points: this.points,
    };
  }

  /** Takes one step. */
  async advance(): Promise<Point> {
    const indices = this.#order.indices(this.points.length);
    const batch = {
      posterior: this.#lesson.latents.gather(indices),
      labels: tensor(gatherLabels(this.#lesson.labels, indices)),
    };
    const [state, metrics] = this.#step(this.#state, batch);
    this.#state = state;
    const { loss, gradNorm } = metrics;
    const point = {
      step: this.points.length + 1,
      loss: await loss.item(),
      gradNorm: await gradNorm.item(),
    };
    for (const done of [...tree.leaves(batch), loss, gradNorm]) done[Symbol.dispose]();
    this.points.push(point);
    return point;
  }

  /** Draws a digit of each class with the averaged weights: bytes `[10, 32, 32]`. */
  async samples(): Promise<Uint8ClampedArray<ArrayBuffer>> {
    const images = await this.#generator.generate(this.#state.average, {
      ...this.config.sampling,
      steps: SAMPLE_STEPS,
      labels: CLASSES,
      key: key(this.config.seed),
    });
    return Uint8ClampedArray.from(images, (value) => 127.5 * (value + 1));
  }

  /** Weights, average, moments, key and points: {@link restore} goes on with the same bits. */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    const entries = new Map<string, SafetensorsEntry>();
    for (const [name, { dtype, shape, data }] of await readTree(this.#state)) {
      entries.set(name, { dtype, shape, data });
    }
    return encodeSafetensors(entries, { points: JSON.stringify(this.points) });
  }

  /**
   * Goes on from what {@link save} gave.
   *
   * @throws FormatError if it is damaged, or the state of another training
   */
  restore(bytes: Uint8Array): void {
    const { tensors, metadata } = decodeSafetensors(bytes, 'the saved training');
    const loaded = [...tensors].map(
      ([name, { dtype, shape, data }]) => [name, tensor(data, { dtype, shape })] as const,
    );
    this.#state = loadTensors(this.#state, new Map(loaded));
    this.points.splice(0, this.points.length, ...(JSON.parse(metadata['points']) as Point[]));
  }

  /** The files of a run, from which `tessera sample --run` draws. */
  async files(): Promise<RunFile[]> {
    const { autoencoder } = this.#lesson;
    const config = `${JSON.stringify(this.config, null, 2)}\n`;
    return [
      { name: 'config.json', bytes: new TextEncoder().encode(config) },
      { name: 'model.safetensors', bytes: await encodeModule(this.#state.average) },
      ...(autoencoder === undefined
        ? []
        : [{ name: 'autoencoder.safetensors', bytes: await encodeModule(autoencoder.module) }]),
    ];
  }
}

/** The tensors of a tree by their paths, with their elements. */
async function readTree(root: unknown): Promise<(readonly [string, SafetensorsEntry])[]> {
  const read = namedTensors(root).map(async ([name, leaf]) => {
    const { dtype, shape } = leaf;
    return [name, { dtype, shape, data: await leaf.data() }] as const;
  });
  return Promise.all(read);
}

function configOf(settings: TrainSettings, { autoencoder, side, channels }: Lesson): TrainConfig {
  const { design, objective, patch, width, depth, steps, seed } = settings;
  const pixels = autoencoder === undefined;
  const preset = presetConfig('smoke', { design, objective, steps, seed, batch: BATCH, pixels });
  const model = {
    ...preset.model,
    inputSize: side,
    inChannels: channels,
    patchSize: patch,
    hiddenSize: width,
    depth,
    numHeads: HEADS,
  };
  return parseTrainConfig({
    ...preset,
    model,
    ...(autoencoder !== undefined && { autoencoder: autoencoder.sizes }),
  });
}
