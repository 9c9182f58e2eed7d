/** Two thousand training steps of a very small Diffusion Transformer: prints the memory at intervals, as JSON. */
import { setTimeout } from 'node:timers/promises';
import { key, normal, randomInt, setDefaultBackend, wasmBackend } from '@tessera/tensor';
import {
  compiledTrainStep,
  createDiffusion,
  DiT,
  initialState,
  parseModelConfig,
} from '@tessera/dit';
import { labeledLoss, SETTINGS } from '../../browser/program/labeled-training.ts';

const STEPS = 2000;
const INTERVAL = 100;
const BATCH = 2;

/** Memory after garbage was collected, in bytes. */
export interface MemorySample {
  readonly step: number;
  readonly resident: number;
  readonly heap: number;
  /** What tensors and plans hold of the WebAssembly memory, and all of it. */
  readonly used: number;
  readonly memory: number;
  /** Storages of tensors that were not collected. */
  readonly storages: number;
}

const backend = wasmBackend({ threads: 2 });
setDefaultBackend(backend);

/** Counts the storages that a method of the backend makes. */
let storages = 0;
const gone = new FinalizationRegistry(() => storages--);
const counted = <T extends object>(storage: T): T => {
  storages++;
  gone.register(storage, undefined);
  return storage;
};
const { allocate, store, transfer } = backend;
Object.assign(backend, {
  allocate: (...args: Parameters<typeof allocate>) => counted(allocate(...args)),
  store: (...args: Parameters<typeof store>) => counted(store(...args)),
  transfer: (...args: Parameters<typeof transfer>) => counted(transfer(...args)),
});

/** The least of each that there was. */
const least = { used: Infinity, storages: Infinity };

async function look(step: number): Promise<MemorySample> {
  // What was collected tells of it later, and what V8 is compiling keeps some a while: so until there is
  // no more than there was before, or hope is lost.
  for (let round = 0; round < 5 || (round < 300 && isMore()); round++) {
    globalThis.gc?.();
    await setTimeout(2);
  }
  least.used = Math.min(least.used, backend.usedBytes());
  least.storages = Math.min(least.storages, storages);
  const { rss, heapUsed } = process.memoryUsage();
  const [used, memory] = [backend.usedBytes(), backend.memoryBytes()];
  return { step, resident: rss, heap: heapUsed, used, memory, storages };
}

function isMore(): boolean {
  return backend.usedBytes() > least.used || storages > least.storages;
}

const config = parseModelConfig({
  inputSize: 4,
  patchSize: 2,
  inChannels: 2,
  hiddenSize: 16,
  depth: 1,
  numHeads: 2,
  mlpRatio: 2,
  classDropoutProb: 0.1,
  numClasses: 3,
  learnSigma: false,
  design: 'adaln-zero',
  position: '2d',
});

const diffusion = createDiffusion({ predicts: 'v', schedule: 'squaredcos_cap_v2' });

const step = compiledTrainStep(labeledLoss(diffusion), SETTINGS, STEPS);
const batch = { x: normal(key(1), [BATCH, 2, 4, 4]), y: randomInt(key(2), [BATCH], 0, 3) };
let state = initialState(DiT.init(config, key(3)), key(4));

/** Trains, and leaves nothing behind but the state: what lives in a loop depends on how V8 compiles it. */
async function train(steps: number): Promise<void> {
  for (let i = 0; i < steps; i++) {
    const [next, metrics] = step(state, batch);
    state = next;
    await metrics.loss.item();
  }
}

const samples: MemorySample[] = [];
for (let done = INTERVAL; done <= STEPS; done += INTERVAL) {
  await train(INTERVAL);
  samples.push(await look(done));
}
process.stdout.write(JSON.stringify(samples));
