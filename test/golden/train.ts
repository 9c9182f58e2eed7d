import { indexSelect, scalar, type Tensor } from '@tessera/tensor';
import { valueAndGrad } from '@tessera/autograd';
import { namedParameters } from '@tessera/autograd/nn';
import { clipByGlobalNorm, emaUpdate, globalNorm, type Optimizer } from '@tessera/autograd/optim';
import { createDiffusion, trainingLosses, type DiT } from '@tessera/dit';
import * as v from 'valibot';
import { read, type Comparison, type Values } from './compare.ts';
import { configSchema, loadModel } from './dit-config.ts';
import { inWay, once, type GoldenCase, type Way } from './golden-case.ts';
import type { GoldenFolder, TensorFile } from './golden-folder.ts';
import { makeOptimizer } from './optimizer-table.ts';
import { compareChecksums, compareFinal, comparePerStep, type Parameters } from './train-checks.ts';

const number = v.number();
const checksum = { sum: number, sumsq: number };
const checksums = v.record(v.string(), v.looseObject(checksum));

const runSchema = v.looseObject({
  config: configSchema,
  steps: number,
  optimizer: v.looseObject({
    kind: v.string(),
    lr: number,
    clip_norm: v.nullish(number),
    warmup_steps: v.nullish(number),
  }),
  ema_decay: v.nullish(number),
  clip_norm: v.nullish(number),
  warmup_steps: v.nullish(number),
  weights: v.string(),
  data: v.string(),
  final: v.string(),
  per_step: v.record(v.string(), v.array(number)),
  loss_rtol_step0: number,
  loss_rtol: number,
  grad_norm_rtol_step0: number,
  grad_norm_rtol: number,
  noise_only_params: v.array(v.string()),
  checksums: v.record(
    v.string(),
    v.record(v.string(), v.looseObject({ ...checksum, sum_atol: number, sumsq_atol: number })),
  ),
  final_f32_dev: v.record(v.string(), v.looseObject({ rms: number, rms_update: number })),
});

const manifestSchema = v.looseObject({
  format: v.pipe(v.string(), v.startsWith('dit-oracle/train/1')),
  runs: v.record(v.string(), runSchema),
});

type Run = v.InferOutput<typeof runSchema>;

/** The cases of `train.json`: losses and norms of every step, checksums, averages, final parameters. */
export async function trainCases(folder: GoldenFolder, way: Way): Promise<GoldenCase[]> {
  const { runs } = await folder.manifest('train.json', manifestSchema);
  const cases: GoldenCase[] = [];
  for (const [key, run] of Object.entries(runs)) {
    cases.push(...(await runCases(key, run, folder, way)));
  }
  return cases;
}

async function runCases(
  key: string,
  run: Run,
  folder: GoldenFolder,
  way: Way,
): Promise<GoldenCase[]> {
  const weights = await folder.tensors(run.weights);
  const data = await folder.tensors(run.data);
  const final = await folder.tensors(run.final);
  const trained = once(() => train(run, weights, data, way));
  const one = (id: string, compare: (found: Trained) => Comparison[]): GoldenCase => ({
    id: `${key}.${id}`,
    group: `${key} ${run.config.conditioning}`,
    check: async () => compare(await trained()),
  });
  const { noise_only_params: noise } = run;
  const tolerances = run.checksums[String(run.steps)] ?? {};
  const perStep = Object.entries(run.per_step).map(([name, want]) =>
    one(name, ({ metrics }) => {
      const got = metrics.get(name);
      if (got === undefined) throw new Error(`"${name}" of a step is not there yet`);
      const [first, rest] =
        name === 'grad_norm'
          ? [run.grad_norm_rtol_step0, run.grad_norm_rtol]
          : [run.loss_rtol_step0, run.loss_rtol];
      return comparePerStep(name, got, want, first, rest);
    }),
  );
  const sums = Object.entries(run.checksums).map(([step, wanted]) =>
    one(`checksums after step ${step}`, ({ parameters }) =>
      compareChecksums(stepOf(parameters, step), wanted, wanted, noise),
    ),
  );
  const averages = Object.entries(run).flatMap(([field, wanted]) => {
    const step = /^ema_checksums_step(\d+)$/.exec(field)?.[1];
    if (step === undefined) return [];
    return one(`average after step ${step}`, (found) =>
      compareChecksums(stepOf(found.averages, step), v.parse(checksums, wanted), tolerances, noise),
    );
  });
  const last = one('final parameters', ({ parameters }) => {
    const wanted = new Map(final.names().map((name) => [name, final.values(name)]));
    return compareFinal(stepOf(parameters, String(run.steps)), wanted, run.final_f32_dev, noise);
  });
  return [...perStep, ...sums, ...averages, last];
}

/** What a run leaves behind. */
interface Trained {
  /** Numbers of every step by their names in `per_step`. */
  readonly metrics: ReadonlyMap<string, number[]>;
  /** Parameters after each step, by its number from 1. */
  readonly parameters: ReadonlyMap<string, Parameters>;
  /** Their moving averages. */
  readonly averages: ReadonlyMap<string, Parameters>;
}

interface State<S> {
  readonly model: DiT;
  readonly average: DiT;
  readonly optimizer: S;
}

interface Batch {
  readonly xStart: Tensor;
  readonly t: Tensor;
  readonly y: Tensor;
  readonly eps: Tensor;
}

async function train(run: Run, weights: TensorFile, data: TensorFile, way: Way): Promise<Trained> {
  const { kind, lr, clip_norm: _clip, warmup_steps: _warmup, ...hyper } = run.optimizer;
  const warmup = run.warmup_steps ?? run.optimizer.warmup_steps ?? 0;
  const optimizer = makeOptimizer(kind, hyper);
  const step = inWay(way, trainStep(run, optimizer));
  const [images, index, t, y, noise] = ['data', 'idx', 't', 'y', 'noise'].map((name) =>
    data.tensor(name),
  );
  const model = loadModel(run.config, weights);
  const metrics = new Map<string, number[]>();
  const parameters = new Map<string, Parameters>();
  const averages = new Map<string, Parameters>();
  let state: State<unknown> = { model, average: model, optimizer: optimizer.init(model) };
  for (let s = 0; s < run.steps; s++) {
    const batch = {
      xStart: indexSelect(images, index.select(0, s), 0),
      t: t.select(0, s),
      y: y.select(0, s),
      eps: noise.select(0, s),
    };
    const rate = scalar(lr * Math.min(1, (s + 1) / Math.max(1, warmup)));
    const outcome = await step(state, batch, rate);
    state = outcome.state;
    for (const [name, value] of Object.entries(outcome.metrics)) {
      const list = metrics.get(name) ?? [];
      list.push(await value.item());
      metrics.set(name, list);
    }
    parameters.set(String(s + 1), await readParameters(state.model));
    averages.set(String(s + 1), await readParameters(state.average));
  }
  return { metrics, parameters, averages };
}

/** One step as the manifest's field `procedure` states it. */
function trainStep<S>(
  run: Run,
  optimizer: Optimizer<S>,
): (
  state: State<S>,
  batch: Batch,
  rate: Tensor,
) => { state: State<S>; metrics: Record<string, Tensor> } {
  const diffusion = createDiffusion({
    variance: run.config.learn_sigma ? 'learned-range' : 'fixed-large',
  });
  const clip = run.clip_norm ?? run.optimizer.clip_norm ?? null;
  const lossAndGrad = valueAndGrad(
    (model: DiT, { xStart, t, y, eps }: Batch): [Tensor, Record<string, Tensor>] => {
      const terms = trainingLosses(diffusion, (x, time) => model.forward(x, time, y), {
        xStart,
        t,
        eps,
      });
      const means = Object.entries(terms).map(([name, term]) => [name, (term as Tensor).mean()]);
      return [terms.loss.mean(), Object.fromEntries(means) as Record<string, Tensor>];
    },
    { hasAux: true },
  );
  return (state, batch, rate) => {
    const { grads, aux } = lossAndGrad(state.model, batch);
    const clipped = clip === null ? grads : clipByGlobalNorm(grads, clip).grads;
    const next = optimizer.update(clipped, state.optimizer, state.model, { learningRate: rate });
    return {
      state: {
        model: next.params,
        average: emaUpdate(state.average, next.params, run.ema_decay ?? 0),
        optimizer: next.state,
      },
      metrics: { ...aux, grad_norm: globalNorm(grads) },
    };
  };
}

async function readParameters(model: DiT): Promise<Parameters> {
  const found = new Map<string, Values>();
  for (const [name, tensor] of namedParameters(model)) found.set(name, await read(tensor));
  return found;
}

function stepOf(steps: ReadonlyMap<string, Parameters>, step: string): Parameters {
  const found = steps.get(step);
  if (found === undefined) throw new Error(`the run has no step ${step}`);
  return found;
}
