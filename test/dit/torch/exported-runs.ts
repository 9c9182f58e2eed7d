/** Trainings of every design and condition, exported at their first step, and what Tessera says of their steps. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  fromNpy,
  indexSelect,
  key,
  normal,
  split,
  tensor,
  tree,
  type Tensor,
} from '@tessera/tensor';
import { valueAndGrad } from '@tessera/autograd';
import { namedTensors } from '@tessera/autograd/nn';
import { batchOrder, DiT, flowMapConfig, type TrainConfig } from '@tessera/dit';
import {
  exportToPytorch,
  readRun,
  RUN_FILES,
  saveModule,
  writeRunConfig,
  type PresetChanges,
} from '@tessera/dit/node';
import { conditionTable } from '../../../packages/dit/src/data/condition-values.ts';
import type { ControlCondition } from '../../../packages/dit/src/model/conditions/control.ts';
import { branchConfig } from '../../../packages/dit/src/run/branch-config.ts';
import { decodeState, encodeState } from '../../../packages/dit/src/run/state/state-file.ts';
import type { TrainedRun } from '../../../packages/dit/src/sample/trained-run.ts';
import {
  withHistory,
  type DiffusionBatch,
} from '../../../packages/dit/src/train/diffusion-loss.ts';
import { withTrainee } from '../../../packages/dit/src/train/stages/trainee.ts';
import { sourcesOf } from '../../../packages/dit/src/train/resume/fingerprint.ts';
import {
  compiledTrainStep,
  initialState,
  type RememberingLoss,
  type StepMetrics,
  type TrainState,
} from '../../../packages/dit/src/train/step.ts';
import { leastConfig, noise } from '../train/stopped-run.ts';

type State = TrainState<Part>;

/** What is trained: a model, or a branch of one. */
type Part = DiT | ControlCondition;

export const data = noise();

/** What the runs differ in. Together they have every design, condition, objective and schedule. */
const CHANGES: Readonly<Record<string, Omit<PresetChanges, 'pixels'>>> = {
  'adaln-zero': { conditions: ['label'] },
  'in-context': { design: 'in-context', conditions: ['label', 'text'], schedule: 'scaled-linear' },
  'cross-attention': {
    design: 'cross-attention',
    conditions: ['label', 'text', 'slant'],
    objective: 'xStart',
    weighting: 'min-snr',
  },
  adaln: {
    design: 'adaln',
    conditions: ['text', 'depth', 'lowres', 'inpaint'],
    objective: 'eps',
    schedule: 'linear',
  },
  modern: {
    design: 'modern',
    conditions: ['label', 'text', 'thickness', 'sketch'],
    objective: 'flow',
    timestepSampling: 'logit-normal',
  },
  none: { conditions: ['none'], schedule: 'sigmoid', timestepSampling: 'loss-second-moment' },
  control: { conditions: ['label', 'text'] },
  'flow map': { design: 'in-context', conditions: ['label', 'text'], objective: 'flow' },
};

/** The names of the runs. */
export const names = Object.keys(CHANGES);

/** Steps of each run. */
export const STEPS = 20;

/** The configuration of a run on pixels, or of the one that it starts from. */
function ownConfigOf(name: string): TrainConfig {
  const least = leastConfig({ backend: 'cpu', steps: STEPS, ...CHANGES[name] });
  const { autoencoder: _, ...rest } = least;
  const sizes = { inputSize: 8, patchSize: 4, inChannels: 1 };
  const config: TrainConfig = {
    ...rest,
    codec: 'pixels',
    model: { ...rest.model, ...sizes },
    latentScale: 1,
  };
  const { model, diffusion, optimizer } = config;
  switch (name) {
    case 'adaln-zero':
      return { ...config, accumulate: 2, optimizer: { ...optimizer, emaDecays: [0, 0.5] } };
    case 'in-context':
      return { ...config, checkpoint: 1, diffusion: { ...diffusion, zeroTerminalSnr: true } };
    case 'cross-attention':
      return {
        ...config,
        model: { ...model, jointDropoutProb: 0.2 },
        optimizer: { ...optimizer, schedule: 'trapezoid' },
      };
    case 'adaln':
      return {
        ...config,
        model: { ...model, learnSigma: true },
        optimizer: { ...optimizer, decayed: 'matrices' },
      };
    case 'modern':
      return {
        ...config,
        model: { ...model, qkNorm: true },
        diffusion: { ...diffusion, contrastive: 0.05, shift: 2 },
        optimizer: { ...optimizer, name: 'muon', schedule: 'linear' },
      };
    case 'none':
      return { ...config, optimizer: { ...optimizer, schedule: 'constant' } };
    default:
      return { ...config, model: { ...model, depth: 2 } };
  }
}

/** The configuration of what is trained on the run in the folder `from`; `undefined` for a run that starts anew. */
function startedConfigOf(name: string, from: string): TrainConfig | undefined {
  const own = ownConfigOf(name);
  if (name === 'control') return { ...branchConfig(own, from, 'sketch', {}), accumulate: 2 };
  return name === 'flow map' ? { ...flowMapConfig(own, from), checkpoint: 1 } : undefined;
}

/** Random weights in place of those that a training starts with, which leave most gradients zero. */
function randomWeights<M extends Part>(start: M, seed: number): M {
  let drawn = seed;
  const random = tree.map((x) => normal(key(drawn++), x.shape).mul(0.2), start);
  if (start instanceof DiT) Object.assign(random, { pos_embed: start.pos_embed });
  return random;
}

/** Writes a run with random weights that another starts from. */
async function writtenBase(folder: string, config: TrainConfig): Promise<TrainedRun> {
  await writeRunConfig(folder, config);
  const model = randomWeights(DiT.blank(config.model), 1000);
  await saveModule(join(folder, RUN_FILES.model), model);
  return readRun(folder);
}

/** A training of Tessera, and what it says of each step. */
export class Training {
  readonly config: TrainConfig;
  /** Where its first state is exported. */
  readonly exported: string;
  readonly #step: (state: State, batch: DiffusionBatch) => [State, StepMetrics];
  readonly #loss: RememberingLoss<Part, DiffusionBatch>;
  #state: State;
  #steps = 0;
  readonly losses: number[] = [];

  private constructor(
    config: TrainConfig,
    exported: string,
    state: State,
    loss: RememberingLoss<Part, DiffusionBatch>,
  ) {
    this.config = config;
    this.exported = exported;
    this.#loss = loss;
    const { accumulate = 1, optimizer, steps } = config;
    this.#step = compiledTrainStep(loss, optimizer, steps, { accumulate });
    this.#state = state;
  }

  /** Makes a training, and a run of its first state that is exported. Its weights are random. */
  static async export(folder: string, name: string): Promise<Training> {
    const [run, exported] = [join(folder, name), join(folder, `${name}-export`)];
    const from = join(folder, `${name}-base`);
    const started = startedConfigOf(name, from);
    const config = started ?? ownConfigOf(name);
    const base = started && (await writtenBase(from, ownConfigOf(name)));
    const { start, loss } = withTrainee(config, 1, key(0), base?.model, (trainee) => ({
      start: trainee.start as Part,
      loss: trainee.loss as RememberingLoss<Part, DiffusionBatch>,
    }));
    const weights = randomWeights(start, 0);
    const state = withHistory(initialState(weights, key(1), config.optimizer), config);
    await writeRunConfig(run, config);
    await mkdir(join(run, 'state'));
    const sources = await sourcesOf(data.train, base);
    const place = { stage: 'diffusion', step: 0, log: 0, config, sources } as const;
    const bytes = await encodeState(place, { training: state });
    await writeFile(join(run, 'state', 'diffusion-000000.safetensors'), bytes);
    await exportToPytorch({ run, data, out: exported });
    return new Training(config, exported, state, loss);
  }

  /** The loss of the next step and its gradients by path, without taking it. */
  async gradients(): Promise<ReadonlyMap<string, ArrayLike<number>>> {
    const { model, key: random, history } = this.#state;
    const [, lossKey] = split(random);
    const batch = await this.#batch();
    const { value, grads } = valueAndGrad((each: Part): Tensor => {
      const result: unknown = this.#loss(each, batch, lossKey, history as never);
      return (Array.isArray(result) ? result[0] : result) as Tensor;
    })(model);
    const found = new Map([['loss', await value.data()]]);
    for (const [path, each] of namedTensors(grads))
      found.set(`gradient.${path}`, await each.data());
    found.delete('gradient.pos_embed'); // not trained
    return found;
  }

  /** Takes some steps. */
  async take(steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) {
      const [state, { loss }] = this.#step(this.#state, await this.#batch());
      [this.#state, this.#steps] = [state, this.#steps + 1];
      this.losses.push(await loss.item());
    }
  }

  /** Goes on from a saved state, and forgets its own. */
  async goOnFrom(path: string): Promise<void> {
    const saved = decodeState(await readFile(path), path);
    this.#state = saved.take('training', this.#state);
    this.#steps = saved.step;
    this.losses.length = 0;
  }

  /** All tensors of the state by path. */
  async tensors(): Promise<ReadonlyMap<string, ArrayLike<number>>> {
    const found = new Map<string, ArrayLike<number>>();
    for (const [path, each] of namedTensors({ training: this.#state })) {
      found.set(path, await each.data());
    }
    return found;
  }

  /** The batch of the next step, of the exported arrays. */
  async #batch(): Promise<DiffusionBatch> {
    const { batch, seed, model } = this.config;
    const order = batchOrder({ count: data.train.count, batch, seed });
    const rows = order.indices(this.#steps);
    const epoch = Math.floor(this.#steps / order.stepsPerEpoch);
    const read = async (name: string): Promise<Tensor> => {
      const all = fromNpy(await readFile(join(this.exported, `${name}.npy`)), name);
      return indexSelect(all, tensor(rows), 0);
    };
    const posterior = { mean: await read('latents') };
    const label = await read('labels');
    const { conditions = [], numClasses } = model;
    if (conditions.length === 0 && numClasses > 0) return { posterior, labels: label };
    const values = await Promise.all(
      conditions.map(async ({ name }) => [name, await read(`condition-${name}`)] as const),
    );
    const named: Record<string, Tensor> = { label, ...Object.fromEntries(values) };
    // The masks of each epoch are drawn in both engines.
    const masked = conditionTable(model, data.train).values(rows, epoch);
    if ('inpaint' in named) named.inpaint = (masked as Record<string, Tensor>).inpaint;
    return { posterior, labels: named };
  }
}
