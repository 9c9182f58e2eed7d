/** Twenty training steps of a small Diffusion Transformer on wasm: in Node, in a page, on any number of threads. */
import {
  key,
  normal,
  randomInt,
  setDefaultBackend,
  wasmBackend,
  type WasmOptions,
} from '@tessera/tensor';
import {
  compiledTrainStep,
  createDiffusion,
  DiT,
  initialState,
  parseModelConfig,
} from '@tessera/dit';
import { labeledLoss, SETTINGS, type LabeledBatch } from './labeled-training.ts';

const STEPS = 20;
const BATCH = 8;

/** Results of {@link trainDit}, ready for JSON. */
export interface DitTrainingResult {
  readonly threads: number;
  readonly relaxed: boolean;
  /** The loss of every step. */
  readonly losses: readonly number[];
  /** The norm of the gradient in every step. */
  readonly gradNorms: readonly number[];
}

const config = parseModelConfig({
  inputSize: 8,
  patchSize: 2,
  inChannels: 4,
  hiddenSize: 48,
  depth: 2,
  numHeads: 3,
  mlpRatio: 4,
  classDropoutProb: 0.1,
  numClasses: 5,
  learnSigma: false,
  design: 'adaln-zero',
  position: '2d',
});

/** Trains on the default backend. */
export async function trainDitSteps(): Promise<Pick<DitTrainingResult, 'losses' | 'gradNorms'>> {
  const diffusion = createDiffusion({ predicts: 'v', schedule: 'squaredcos_cap_v2' });
  const step = compiledTrainStep(labeledLoss(diffusion), SETTINGS, STEPS);
  const batch: LabeledBatch = {
    x: normal(key(1), [BATCH, 4, 8, 8]),
    y: randomInt(key(2), [BATCH], 0, 5),
  };
  let state = initialState(DiT.init(config, key(3)), key(4));
  const losses: number[] = [];
  const gradNorms: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    const [next, metrics] = step(state, batch);
    state = next;
    losses.push(await metrics.loss.item());
    gradNorms.push(await metrics.gradNorm.item());
  }
  return { losses, gradNorms };
}

/** Trains on wasm. */
export async function trainDit(options: WasmOptions = {}): Promise<DitTrainingResult> {
  const backend = wasmBackend(options);
  setDefaultBackend(backend);
  const { threads, relaxed } = backend;
  return { threads, relaxed, ...(await trainDitSteps()) };
}
