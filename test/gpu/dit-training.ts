/** A few training steps of a small DiT, as every mode of the gpu backend and the cpu backend run them. */
import {
  cpuBackend,
  key,
  normal,
  randomInt,
  setDefaultBackend,
  split,
  tensor,
  tree,
  type Backend,
  type Tensor,
} from '@tessera/tensor';
import {
  compiledTrainStep,
  createDiffusion,
  DiT,
  initialState,
  parseModelConfig,
  type ConditionConfig,
  type ConditionValues,
} from '@tessera/dit';
import { labeledLoss, type LabeledBatch } from '../browser/program/labeled-training.ts';

const BATCH = 2;

/** Batches that come again and again. */
const BATCHES = 8;

/** What the steps gave, ready for JSON. */
export interface TrainingRun {
  readonly losses: readonly number[];
  readonly gradNorms: readonly number[];
  /** Sum of squares of each trained parameter, in order. */
  readonly parameters: readonly number[];
}

/** What a model is told beside the label. */
export interface Told {
  readonly conditions: readonly ConditionConfig[];
  /** Random values of these conditions. */
  readonly valuesOf: (batch: number, random: Tensor) => ConditionValues;
}

/**
 * Trains on random latents: forward, backward, clipping, AdamW and moving average as one plan a step.
 * Weights and batches are made on the cpu backend and moved, so that all that is compiled is the step.
 *
 * @param backend Where, as the default backend from then on.
 * @param steps How many steps.
 * @param afterStep Is told the number of each step that is done, from 1.
 * @param told What the model is told beside the label. Default: nothing.
 */
export async function trainSmallDiT(
  backend: Backend,
  steps: number,
  afterStep?: (step: number) => void | Promise<void>,
  told?: Told,
): Promise<TrainingRun> {
  setDefaultBackend(cpuBackend());
  const config = parseModelConfig({
    inputSize: 4,
    patchSize: 2,
    inChannels: 2,
    hiddenSize: 16,
    depth: 1,
    numHeads: 2,
    mlpRatio: 4,
    classDropoutProb: 0.1,
    numClasses: 5,
    learnSigma: true,
    design: 'adaln-zero',
    position: '2d',
    ...(told !== undefined && { conditions: told.conditions }),
  });
  const diffusion = createDiffusion({ variance: 'learned-range' });
  const step = compiledTrainStep(
    labeledLoss(diffusion),
    {
      learningRate: 1e-3,
      warmupSteps: 2,
      finalLrFraction: 0.1,
      weightDecay: 0.01,
      clipNorm: 1,
      betas: [0.9, 0.999],
      emaDecay: 0.99,
    },
    steps,
  );
  const start = initialState(DiT.init(config, key(0)), key(1));
  const batches = Array.from({ length: Math.min(steps, BATCHES) }, (_, i): LabeledBatch => {
    const [forX, forY] = split(key(2 + i));
    const label = randomInt(forY, [BATCH], 0, 5);
    const y = told === undefined ? label : { ...told.valuesOf(BATCH, forY), label };
    return { x: normal(forX, [BATCH, 2, 4, 4]), y };
  });
  setDefaultBackend(backend);
  let state = moved(start);
  const [losses, gradNorms]: [number[], number[]] = [[], []];
  for (let i = 0; i < steps; i++) {
    const batch = moved(batches[i % batches.length]);
    const [next, metrics] = step(state, batch);
    state = next;
    losses.push(await metrics.loss.item());
    gradNorms.push(await metrics.gradNorm.item());
    for (const leaf of tree.leaves([batch, metrics])) leaf[Symbol.dispose]();
    await afterStep?.(i + 1);
  }
  const parameters: number[] = [];
  for (const leaf of tree.leaves(state.model)) parameters.push(await leaf.square().sum().item());
  return { losses, gradNorms, parameters };
}

/** The same values on the default backend. */
function moved<T>(values: T): T {
  return tree.map(
    (leaf) => tensor(leaf.dataSync().slice(), { shape: leaf.shape, dtype: leaf.dtype }),
    values,
  );
}
