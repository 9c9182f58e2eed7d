// One training step of the trainer in this process, and what memory it takes.

import { getHeapSpaceStatistics } from 'node:v8';
import { key, normal, setDefaultBackend, tensor, tree, wasmBackend } from '@tessera/tensor';
import type { Plan } from '@tessera/tensor/extend';
import { compiledTrainStep, DiT, diffusionLoss, initialState, latentShape } from '@tessera/dit';
import { presetConfig } from '@tessera/dit/node';
import { summarize } from './compare/statistics.ts';
import { peakMemoryMB } from './contenders/memory.ts';
import { LATENT, MODELS } from './works/dit.ts';

/** What is measured. */
export interface MemoryRequest {
  readonly threads: number;
  /** Steps after the first. */
  readonly steps: number;
  /** Micro-batches of a step. */
  readonly accumulate: number;
  /** Blocks that are computed again in the backward pass. */
  readonly checkpoint: number;
}

/** What one process took, in MiB if nothing else is said. */
export interface MemoryReport {
  /** Most resident memory of the process: once all is loaded, after the first step, after the last. */
  readonly peaks: readonly [loaded: number, first: number, last: number];
  /** The WebAssembly memory, and of that what tensors and plans hold. */
  readonly wasm: number;
  readonly used: number;
  /** Intermediate results of the step's plan. */
  readonly arena: number;
  /** Model, average and moments. */
  readonly state: number;
  /** Memory of V8's spaces that is resident after the last step. */
  readonly young: number;
  readonly old: number;
  readonly code: number;
  /** Milliseconds of the first step, and the median of the others. */
  readonly first: number;
  readonly step: number;
  /** Loss of the last step, to see that it is the same work. */
  readonly loss: number;
}

const MIB = 2 ** 20;

/** The preset `quick` with the model and the batch of the work `step-tiny`. */
function tinyConfig(): ReturnType<typeof presetConfig> {
  const { width, depth, heads, batch } = MODELS.tiny;
  const preset = presetConfig('quick', { batch });
  const sizes = { inputSize: LATENT.side, hiddenSize: width, depth, numHeads: heads };
  return { ...preset, model: { ...preset.model, ...sizes } };
}

/** Bytes of V8's spaces whose names hold one of the words. */
function spaces(...words: readonly string[]): number {
  return getHeapSpaceStatistics()
    .filter(({ space_name: name }) => words.some((word) => name.includes(word)))
    .reduce((sum, { physical_space_size: bytes }) => sum + bytes, 0);
}

async function measure({
  threads,
  steps,
  accumulate,
  checkpoint,
}: MemoryRequest): Promise<MemoryReport> {
  const loaded = peakMemoryMB();
  const backend = wasmBackend({ threads });
  const { prepare } = backend;
  let arena = 0;
  Object.assign(backend, {
    prepare: (plan: Plan, constants: Parameters<typeof prepare>[1]) => {
      arena = Math.max(arena, plan.arenaBytes);
      return prepare(plan, constants);
    },
  });
  setDefaultBackend(backend);
  const config = tinyConfig();
  const { numClasses } = config.model;
  const loss = diffusionLoss(config, 1, { checkpoint });
  const step = compiledTrainStep(loss, config.optimizer, config.steps, { accumulate });
  const mean = normal(key(1), latentShape(config.model, config.batch));
  const labels = tensor(Int32Array.from({ length: config.batch }, (_, i) => i % numClasses));
  const batch = { posterior: { mean, logVariance: mean.mul(0) }, labels };
  let state = initialState(DiT.init(config.model, key(2)), key(3));
  const times: number[] = [];
  let lossOfLast = NaN;
  let firstPeak = 0;
  for (let i = 0; i <= steps; i++) {
    const start = performance.now();
    const [next, metrics] = step(state, batch);
    state = next;
    lossOfLast = await metrics.loss.item();
    times.push(performance.now() - start);
    if (i === 0) firstPeak = peakMemoryMB();
  }
  const bytes = tree.leaves(state).reduce((sum, { size }) => sum + 4 * size, 0);
  return {
    peaks: [loaded, firstPeak, peakMemoryMB()],
    wasm: backend.memoryBytes() / MIB,
    used: backend.usedBytes() / MIB,
    arena: arena / MIB,
    state: bytes / MIB,
    young: spaces('new') / MIB,
    old: spaces('old', 'trusted', 'shared', 'read_only') / MIB,
    code: spaces('code') / MIB,
    first: times[0],
    step: summarize(times.slice(1)).median,
    loss: lossOfLast,
  };
}

console.log(JSON.stringify(await measure(JSON.parse(process.argv[2]) as MemoryRequest)));
