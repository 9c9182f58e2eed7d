// Everything that is timed, as data.

import { DENOISING, forwardFlops, MODELS, type ModelName } from './dit.ts';

/** An operation that every contender has, or almost. */
export type Operation =
  | 'matmul'
  | 'matmulTransposed'
  | 'attention'
  | 'conv2d'
  | 'gelu'
  | 'geluErf'
  | 'layerNorm'
  | 'softmax'
  | 'sum'
  | 'add';

/** One operation on operands of one size. */
export interface OperationWork {
  readonly kind: 'operation';
  readonly name: string;
  /** What it is, for people. */
  readonly about: string;
  readonly operation: Operation;
  /** Shapes of the operands by name, in order, in PyTorch's layouts. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** Whether gradients of all operands are computed as well, from an operand `cotangent`. */
  readonly gradient: boolean;
  /** Stride of a convolution; its padding is 1. */
  readonly stride: number;
  /** Floating point operations of one run; 0 where a rate says nothing. */
  readonly flops: number;
}

/** A training step, or denoising, of a Diffusion Transformer. */
export interface ModelWork {
  readonly kind: 'step' | 'denoise' | 'start';
  readonly name: string;
  readonly about: string;
  readonly model: ModelName;
  readonly batch: number;
  readonly flops: number;
}

/** A loop of arithmetic without memory traffic, the limit of what WebAssembly can reach. */
export interface PeakWork {
  readonly kind: 'peak';
  readonly name: string;
  readonly about: string;
  readonly instruction: 'mul-add' | 'relaxed-madd';
  /** Of one thread. */
  readonly flops: number;
}

/** One piece of work. */
export type Work = OperationWork | ModelWork | PeakWork;

/** Rounds of the loop of {@link PeakWork}, each 4 × 12 multiplications and additions of 4 numbers. */
export const PEAK_ROUNDS = 4_000_000;

/** Floating point operations of one round of that loop. */
const PEAK_FLOPS_A_ROUND = 4 * 12 * 4 * 2;

function operation(
  work: Pick<OperationWork, 'name' | 'about' | 'operation' | 'inputs'> & Partial<OperationWork>,
): OperationWork {
  return { kind: 'operation', gradient: false, stride: 1, flops: 0, ...work };
}

function matmul(name: string, [m, k, n]: readonly [number, number, number]): OperationWork {
  return operation({
    name,
    about: `[${m}, ${k}] · [${k}, ${n}]`,
    operation: 'matmul',
    inputs: { a: [m, k], b: [k, n] },
    flops: 2 * m * k * n,
  });
}

/** The operation and, beside it, the same with its gradients (three times the work). */
function withGradient(work: OperationWork, cotangent: readonly number[]): OperationWork[] {
  const both = {
    ...work,
    name: `${work.name}-grad`,
    about: `${work.about}, forward and backward`,
    inputs: { ...work.inputs, cotangent },
    gradient: true,
    flops: 3 * work.flops,
  };
  return [work, both];
}

function conv(
  name: string,
  [from, to]: readonly [number, number],
  stride: number,
): OperationWork[] {
  const side = 28 / stride;
  const work = operation({
    name,
    about: `3×3, ${from} → ${to} channels, stride ${stride}, of [64, ${from}, 28, 28]`,
    operation: 'conv2d',
    inputs: { x: [64, from, 28, 28], weight: [to, from, 3, 3] },
    stride,
    flops: 2 * 64 * side * side * to * from * 9,
  });
  return withGradient(work, [64, to, side, side]);
}

function pointwise(
  name: string,
  operationName: Operation,
  shape: readonly number[],
  about: string,
): OperationWork {
  return operation({ name, about, operation: operationName, inputs: { x: shape } });
}

function model(
  kind: ModelWork['kind'],
  name: string,
  about: string,
  which: ModelName,
  batch = kind === 'denoise' ? DENOISING.batch : MODELS[which].batch,
): ModelWork {
  const passes = kind === 'denoise' ? DENOISING.steps : 3;
  return { kind, name, about, model: which, batch, flops: passes * forwardFlops(which, batch) };
}

function peak(instruction: PeakWork['instruction']): PeakWork {
  return {
    kind: 'peak',
    name: `peak-${instruction}`,
    about: `f32x4 ${instruction === 'mul-add' ? 'mul and add' : 'relaxed_madd'}, no memory traffic`,
    instruction,
    flops: PEAK_ROUNDS * PEAK_FLOPS_A_ROUND,
  };
}

/** All work, in the order in which it is reported. */
export const WORKS: readonly Work[] = [
  peak('mul-add'),
  peak('relaxed-madd'),
  matmul('matmul-256', [256, 256, 256]),
  matmul('matmul-512', [512, 512, 512]),
  matmul('matmul-1024', [1024, 1024, 1024]),
  matmul('matmul-fc1', [3136, 128, 512]),
  matmul('matmul-fc2', [3136, 512, 128]),
  operation({
    name: 'matmul-wgrad',
    about: '[3136, 128]ᵀ · [3136, 512], the transpose a view',
    operation: 'matmulTransposed',
    inputs: { a: [3136, 128], b: [3136, 512] },
    flops: 2 * 128 * 3136 * 512,
  }),
  ...withGradient(
    operation({
      name: 'attention',
      about: '64 × 4 heads of 49 tokens, width 32',
      operation: 'attention',
      inputs: { q: [64, 4, 49, 32], k: [64, 4, 49, 32], v: [64, 4, 49, 32] },
      flops: 4 * 256 * 49 * 49 * 32,
    }),
    [64, 4, 49, 32],
  ),
  ...conv('conv1', [1, 32], 1),
  ...conv('conv2', [32, 64], 2),
  pointwise('gelu', 'gelu', [3136, 512], 'tanh form, of [3136, 512]'),
  pointwise('gelu-erf', 'geluErf', [3136, 512], 'exact form, of [3136, 512]'),
  pointwise('layer-norm', 'layerNorm', [3136, 128], 'rows of [3136, 128], no scale and shift'),
  pointwise('softmax', 'softmax', [12544, 49], 'rows of [12544, 49]'),
  pointwise('sum', 'sum', [3136, 512], 'over axis 0 of [3136, 512]'),
  operation({
    name: 'add',
    about: 'two arrays [3136, 512]',
    operation: 'add',
    inputs: { a: [3136, 512], b: [3136, 512] },
  }),
  model('step', 'step-tiny', 'a whole training step of the tiny DiT, batch 64', 'tiny'),
  model('step', 'step-s', 'a whole training step of DiT-S, batch 16', 's'),
  model('denoise', 'denoise-50', '50 denoising steps of the tiny DiT, batch 16', 'tiny'),
  model(
    'start',
    'first-step',
    'from the start of the process to the end of the first step-tiny',
    'tiny',
  ),
];

/** Work that is measured only where it is named: too large, or too small, for what the others are for. */
const EXTRA_WORKS: readonly Work[] = [
  matmul('matmul-4096', [4096, 4096, 4096]),
  model('step', 'step-tiny-8', 'a whole training step of the tiny DiT, batch 8', 'tiny', 8),
];

/** The work of that name. */
export function workNamed(name: string): Work | undefined {
  return [...WORKS, ...EXTRA_WORKS].find((work) => work.name === name);
}

/**
 * The works that a selection names: a name is that of a work, or else what the names of several begin
 * with (`matmul` for `matmul-256`, …).
 *
 * @returns the works in the order of {@link WORKS}, extra ones behind them, and the names that mean nothing
 */
export function selectWorks(names: readonly string[]): {
  readonly works: readonly Work[];
  readonly unknown: readonly string[];
} {
  const matching = (name: string): readonly Work[] => {
    const exact = workNamed(name);
    if (exact !== undefined) return [exact];
    return WORKS.filter((work) => work.name.startsWith(`${name}-`));
  };
  const chosen = new Set(names.flatMap(matching));
  return {
    works: [...WORKS, ...EXTRA_WORKS].filter((work) => chosen.has(work)),
    unknown: names.filter((name) => matching(name).length === 0),
  };
}
