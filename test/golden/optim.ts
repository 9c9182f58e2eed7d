import { linear, scalar, type Tensor } from '@tessera/tensor';
import { valueAndGrad } from '@tessera/autograd';
import { mseLoss } from '@tessera/autograd/nn';
import {
  clipByGlobalNorm,
  constantSchedule,
  cosineSchedule,
  emaUpdate,
  globalNorm,
  type Optimizer,
  type Schedule,
} from '@tessera/autograd/optim';
import * as v from 'valibot';
import { compareNumbers, compareValues, read, type Comparison, type Values } from './compare.ts';
import { inWay, type GoldenCase, type Way } from './golden-case.ts';
import type { GoldenFolder, TensorFile } from './golden-folder.ts';
import { makeOptimizer } from './optimizer-table.ts';

const names = v.array(v.string());
const numbers = v.array(v.number());

const caseSchema = v.looseObject({
  id: v.string(),
  optimizer: v.string(),
  lr: v.number(),
  hyper: v.record(v.string(), v.unknown()),
  steps: v.number(),
  init: names,
  trajectory: names,
  grads: v.optional(v.array(v.nullable(v.string()))),
  problem: v.optional(v.string()),
  data: v.optional(v.record(v.string(), v.string())),
  schedule: v.optional(
    v.looseObject({
      kind: v.string(),
      warmup_steps: v.number(),
      total_steps: v.number(),
      min_lr: v.number(),
    }),
  ),
  clip_norm: v.optional(v.nullable(v.number())),
  ema: v.optional(v.nullable(v.number())),
  ema_trajectory: v.optional(names),
  grad_norms_before_clip: v.optional(numbers),
  lrs: numbers,
  losses: v.optional(numbers),
  loss_f32_dev: v.optional(v.number()),
  per_param_lr_mult: v.optional(numbers),
  per_param_weight_decay: v.optional(numbers),
  rtol: v.number(),
  atol: v.number(),
});

const manifestSchema = v.looseObject({
  format: v.pipe(v.string(), v.startsWith('dit-oracle/optim/1')),
  tensors_file: v.string(),
  cases: v.array(caseSchema),
});

type OptimCase = v.InferOutput<typeof caseSchema>;

/** The cases of `optim.json`: trajectories of parameters, averages, norms, learning rates and losses. */
export async function optimCases(folder: GoldenFolder, way: Way): Promise<GoldenCase[]> {
  const manifest = await folder.manifest('optim.json', manifestSchema);
  const file = await folder.tensors(manifest.tensors_file);
  return manifest.cases.map((golden) => ({
    id: golden.id,
    group: golden.optimizer,
    check: () => checkTrajectory(golden, file, way),
  }));
}

/** What changes from step to step. */
interface State<S> {
  readonly params: Tensor[];
  readonly average: Tensor[];
  readonly optimizer: S;
}

/** What one step reports beside its state. */
interface Metrics {
  readonly loss: readonly Tensor[];
  readonly norm: Tensor;
  readonly rate: Tensor;
}

async function checkTrajectory(
  golden: OptimCase,
  file: TensorFile,
  way: Way,
): Promise<Comparison[]> {
  const optimizer = makeOptimizer(golden.optimizer, {
    ...golden.hyper,
    per_param_lr_mult: golden.per_param_lr_mult ?? golden.hyper['per_param_lr_mult'],
    per_param_weight_decay: golden.per_param_weight_decay ?? golden.hyper['per_param_weight_decay'],
  });
  const written = await runSteps(golden, file, way, optimizer);
  const comparisons = [
    ...compareTrajectory('parameter', written.params, golden.trajectory, golden, file),
    compareNumbers('learning rates', written.rates, golden.lrs, { rtol: golden.rtol, atol: 1e-12 }),
  ];
  const { ema_trajectory: averages, grad_norms_before_clip: norms, losses } = golden;
  if (averages !== undefined) {
    comparisons.push(...compareTrajectory('average', written.averages, averages, golden, file));
  }
  if (norms !== undefined) {
    comparisons.push(compareNumbers('gradient norms', written.norms, norms, golden));
  }
  if (losses !== undefined) {
    // As for the other tensors of a set: eight times what PyTorch's own float32 run was off.
    const atol = Math.max(1e-6, 8 * (golden.loss_f32_dev ?? 0));
    comparisons.push(compareNumbers('losses', written.losses, losses, { rtol: golden.rtol, atol }));
  }
  return comparisons;
}

interface Written {
  readonly params: Values[][];
  readonly averages: Values[][];
  readonly norms: number[];
  readonly rates: number[];
  readonly losses: number[];
}

async function runSteps<S>(
  golden: OptimCase,
  file: TensorFile,
  way: Way,
  optimizer: Optimizer<S>,
): Promise<Written> {
  const schedule = makeSchedule(golden);
  const step = (
    state: State<S>,
    index: Tensor,
    fixed: (Tensor | null)[] | null,
    data: Record<string, Tensor>,
  ): { state: State<S>; metrics: Metrics } => {
    const found =
      fixed === null ? problemGradient(golden, state.params, data) : { loss: [], grads: fixed };
    const clip = golden.clip_norm ?? null;
    const grads = clip === null ? found.grads : clipByGlobalNorm(found.grads, clip).grads;
    const rate = schedule(index);
    const next = optimizer.update(grads, state.optimizer, state.params, { learningRate: rate });
    return {
      state: {
        params: next.params,
        average: emaUpdate(state.average, next.params, golden.ema ?? 0),
        optimizer: next.state,
      },
      metrics: { loss: found.loss, norm: globalNorm(found.grads), rate },
    };
  };
  const run = inWay(way, step);
  const params = golden.init.map((name) => file.tensor(name));
  const data = Object.fromEntries(
    Object.entries(golden.data ?? {}).map(([name, entry]) => [name, file.tensor(entry)]),
  );
  const recorded = golden.grads?.map((name) => (name === null ? null : file.tensor(name))) ?? null;
  const written: Written = { params: [], averages: [], norms: [], rates: [], losses: [] };
  let state: State<S> = { params, average: params, optimizer: optimizer.init(params) };
  for (let s = 0; s < golden.steps; s++) {
    const fixed = recorded?.map((grads) => grads?.select(0, s) ?? null) ?? null;
    const outcome = await run(state, scalar(s, 'int32'), fixed, data);
    state = outcome.state;
    written.params.push(await Promise.all(state.params.map(read)));
    written.averages.push(await Promise.all(state.average.map(read)));
    written.norms.push(await outcome.metrics.norm.item());
    written.rates.push(await outcome.metrics.rate.item());
    for (const loss of outcome.metrics.loss) written.losses.push(await loss.item());
  }
  return written;
}

/** The loss of a real problem and its gradient. */
function problemGradient(
  { problem = '' }: OptimCase,
  params: Tensor[],
  data: Readonly<Record<string, Tensor>>,
): { loss: Tensor[]; grads: Tensor[] } {
  const kind = problem.split(':')[0];
  if (!Object.hasOwn(PROBLEMS, kind)) throw new Error(`problem "${problem}" is not known`);
  const { value, grads } = valueAndGrad((leaves: Tensor[]) => PROBLEMS[kind](leaves, data))(params);
  return { loss: [value], grads };
}

type Problem = (params: readonly Tensor[], data: Readonly<Record<string, Tensor>>) => Tensor;

const PROBLEMS: Readonly<Record<string, Problem>> = {
  /** `½ xᵀ A x − bᵀ x` */
  quadratic: ([x], { A, b }) => x.matmul(A.matmul(x)).mul(0.5).sub(b.matmul(x)),
  /** `mean((tanh(X W₁ᵀ + b₁) W₂ᵀ + b₂ − Y)²)` */
  mlp: ([w1, b1, w2, b2], { X, Y }) => mseLoss(linear(linear(X, w1, b1).tanh(), w2, b2), Y),
};

function makeSchedule({ lr, schedule }: OptimCase): Schedule {
  if (schedule === undefined) return constantSchedule(lr);
  if (schedule.kind !== 'cosine_warmup') {
    throw new Error(`schedule "${schedule.kind}" is not there yet`);
  }
  return cosineSchedule({
    peak: lr,
    floor: schedule.min_lr,
    warmupSteps: schedule.warmup_steps,
    totalSteps: schedule.total_steps,
  });
}

/** Compares one tensor after every step with `[steps, ...shape]`. */
function compareTrajectory(
  what: string,
  steps: readonly (readonly Values[])[],
  wanted: readonly string[],
  golden: OptimCase,
  file: TensorFile,
): Comparison[] {
  return wanted.map((name, i) => {
    const own = steps.map((values) => values[i]);
    const data = own.flatMap((values) => Array.from(values.data));
    const shape = [own.length, ...(own[0]?.shape ?? [])];
    return compareValues(`${what} ${i}`, { shape, data }, file.values(name), golden);
  });
}
