// One model in detail: its modules, the memory of a training step, and the kernels of both passes.

import { countParameters, namedModules, type Module } from '@tessera/autograd/nn';
import { cpuBackend, key, tree, wasmBackend, zeros, type Tensor } from '@tessera/tensor';
import {
  planProgram,
  recomputeAtPeak,
  simplify,
  trace,
  type Kernel,
  type Pass,
  type Plan,
  type Storage,
} from '@tessera/tensor/extend';
import type { TrainConfig } from '../config/config.ts';
import { blankInputs } from '../model/counts.ts';
import { DiT, latentShape } from '../model/dit.ts';
import { withHistory, type DiffusionBatch } from '../train/diffusion-loss.ts';
import { lossOf } from '../train/flow-map-loss.ts';
import { branchLoss, branchOf } from '../train/from-run/branch.ts';
import { initialState, trainStep, type Loss, type RememberingLoss } from '../train/step.ts';
import { trainedBranch } from '../train/stages/trainee.ts';

/** Bytes of a float32, int32 or bool in an argument of a plan. */
const ELEMENT_BYTES = 4;

/** One module of a model. */
export interface ModulePart {
  /** Its path, or `''` for the model itself. */
  readonly path: string;
  readonly type: string;
  /** Trained values, those of the modules inside it included. */
  readonly params: number;
}

/** The kernels of a plan. */
export interface KernelCounts {
  readonly total: number;
  /** How many of each kind: `map`, `reduce`, or the operation of a kernel of its own. */
  readonly kinds: Readonly<Record<string, number>>;
  /** The kernel with the most arithmetic. */
  readonly largest: { readonly kind: string; readonly scope: string; readonly flops: number };
}

/** What a model is made of and needs. */
export interface Detail {
  readonly modules: readonly ModulePart[];
  /** The compiled forward pass of one image. */
  readonly forward: { readonly arenaBytes: number; readonly kernels: KernelCounts };
  /** The compiled training step of a batch. */
  readonly training: {
    readonly batch: number;
    /** Trained values: all of a model, or those of a ControlNet alone. */
    readonly params: number;
    /** Trained weights, their averages, and the moments of the optimizer. */
    readonly stateBytes: number;
    /** Weights that stay as they are: those under a ControlNet, or those of the flow that a flow map follows. */
    readonly frozenBytes: number;
    /** What lies between the passes, and all other scratch memory. */
    readonly arenaBytes: number;
    readonly kernels: KernelCounts;
  };
}

/** Looks into the model of a run: plans are made for the wasm backend, but nothing is computed. */
export function detailOf(config: TrainConfig): Detail {
  const model = DiT.blank(config.model);
  const forward = forwardPlan(model);
  const training = trainingPlan(model, config);
  return {
    modules: namedModules(model).map(([path, part]) => ({
      path,
      type: part.constructor.name,
      params: countParameters(part),
    })),
    forward: { arenaBytes: forward.arenaBytes, kernels: kernelsOf(forward) },
    training: {
      batch: config.batch,
      params: training.params,
      stateBytes: training.stateBytes,
      frozenBytes: training.frozenBytes,
      arenaBytes: training.plan.arenaBytes,
      kernels: kernelsOf(training.plan),
    },
  };
}

function forwardPlan(blank: DiT): Plan {
  const inputs = { model: blank, ...blankInputs(blank, 1) };
  return planOf(({ model, x, t, values }) => model.forward(x, t, values), inputs).plan;
}

/** The plan of a training step, and what it reads and writes. */
interface PlannedTraining extends Planned {
  readonly params: number;
  readonly frozenBytes: number;
}

function trainingPlan(model: DiT, config: TrainConfig): PlannedTraining {
  const branch = trainedBranch(config);
  if (branch === undefined) {
    const teacher = teacherOf(config);
    const planned = stepPlan(config, model, teacher, (flow) => lossOf(config, 1, flow));
    return { ...planned, frozenBytes: bytesOf(teacher) };
  }
  const { name } = branch;
  const part = branchOf(model, name);
  // The model is what the branch is put into, whose own weights are read from the state.
  const planned = stepPlan(config, part, model, (trunk) =>
    branchLoss(lossOf(config, 1), trunk ?? model, name),
  );
  return { ...planned, frozenBytes: bytesOf(model) - bytesOf(part) };
}

/** The plan of a training step of `start`, whose loss reads a model that stays as it is. */
function stepPlan<M extends Module>(
  config: TrainConfig,
  start: M,
  frozen: DiT | undefined,
  lossWith: (frozen?: DiT) => Loss<M, DiffusionBatch> | RememberingLoss<M, DiffusionBatch>,
): Omit<PlannedTraining, 'frozenBytes'> {
  const { batch: count, steps, accumulate = 1, optimizer } = config;
  const shape = latentShape(config.model, count);
  // Only an autoencoder gives Gaussians.
  const variance = config.autoencoder !== undefined && { logVariance: zeros(shape) };
  const posterior = { mean: zeros(shape), ...variance };
  const { values: labels } = blankInputs(DiT.blank(config.model), count);
  const state = withHistory(initialState(start, key(0), optimizer), config);
  const inputs: StepInputs = {
    batch: { posterior, labels },
    ...(frozen !== undefined && { frozen }),
  };
  const step = ({ batch, frozen: given }: StepInputs, current: typeof state): unknown =>
    trainStep(lossWith(given), optimizer, steps, { accumulate })(current, batch);
  const planned = planOf(step, inputs, state, [recomputeAtPeak]);
  return { ...planned, params: countParameters(start) };
}

/** What a training step reads beside its state. */
interface StepInputs {
  readonly batch: DiffusionBatch;
  /** A trained model that stays as it is. */
  readonly frozen?: DiT;
}

/** The flow that a flow map learns from, with weights of zero. */
function teacherOf({ model, diffusion }: TrainConfig): DiT | undefined {
  if (diffusion.objective !== 'mean-flow') return undefined;
  const { decoderDepth: _, ...flow } = model;
  return DiT.blank(flow);
}

/** Bytes of all tensors of a tree; buffers of a model are some of them. */
function bytesOf(values: unknown): number {
  return tree.leaves(values).reduce((sum, { size }) => sum + ELEMENT_BYTES * size, 0);
}

/** A plan, and the bytes of the state that it writes over. */
interface Planned {
  readonly plan: Plan;
  readonly stateBytes: number;
}

/** The plan of a function of some inputs and a state that it replaces, for the wasm backend. */
function planOf<I, S = null>(
  f: (inputs: I, state: S) => unknown,
  inputs: I,
  state: S = null as S,
  passes: readonly Pass[] = [],
): Planned {
  const { composites, epilogues } = wasmBackend({ threads: 1 });
  const flat = tree.flatten({ state, inputs });
  const leaves = tree.leaves(state);
  // A captured table becomes a constant of a plan that never runs, so its elements are not needed.
  const capture = ({ dtype, size }: Tensor): Storage => cpuBackend().allocate(dtype, size);
  const traced = trace(
    (tensors) => {
      const given = flat.unflatten(tensors);
      return tree.leaves(f(given.inputs, given.state));
    },
    flat.leaves,
    { composites, capture },
  );
  const donated = leaves.map((_, i) => i);
  return {
    plan: planProgram(simplify(traced), donated, undefined, epilogues, passes),
    stateBytes: bytesOf(state),
  };
}

function kernelsOf({ kernels }: Plan): KernelCounts {
  const kinds: Record<string, number> = {};
  for (const kernel of kernels) kinds[kindOf(kernel)] = 1 + (kinds[kindOf(kernel)] ?? 0);
  const largest = kernels.reduce((a, b) => (flopsOf(b) > flopsOf(a) ? b : a));
  const scope = largest.scopes?.join(', ') ?? '';
  return {
    total: kernels.length,
    kinds,
    largest: { kind: kindOf(largest), scope, flops: flopsOf(largest) },
  };
}

function kindOf(kernel: Kernel): string {
  return kernel.kind === 'call' ? kernel.operation.name : kernel.kind;
}

/** Arithmetic of a kernel, without work on the results of an operation. */
function flopsOf(kernel: Kernel): number {
  if (kernel.kind === 'call') {
    const specs = kernel.inputs.map(({ dtype, view }) => ({ dtype, shape: view.shape }));
    return kernel.operation.flops(specs, kernel.params);
  }
  const applied = kernel.expression.nodes.filter(({ kind }) => kind === 'apply').length;
  const folds = kernel.kind === 'reduce' ? 1 : 0;
  return (applied + folds) * kernel.shape.reduce((count, side) => count * side, 1);
}
