/** A training small enough for a test: random numbers, a DiT, its gradients, clipping, AdamW and an average. */
import {
  diffusionLoss,
  DiT,
  initialState,
  presetConfig,
  trainStep,
  type AutoencoderTrainConfig,
  type DiffusionBatch,
  type StepMetrics,
  type TrainState,
} from '@tessera/dit';
import { foldIn, key, normal, randomInt, zeros } from '@tessera/tensor';

const smoke = presetConfig('smoke', { steps: 50, batch: 4 });

/** A DiT of one block of width 16, on latents of 8 × 8. */
export const TINY: AutoencoderTrainConfig = {
  ...smoke,
  model: { ...smoke.model, hiddenSize: 16, depth: 1, numHeads: 2 },
  optimizer: { ...smoke.optimizer, warmupSteps: 5 },
};

/** The state before the first step. */
export function tinyStart(): TrainState<DiT> {
  return initialState(DiT.init(TINY.model, key(0)), key(1), TINY.optimizer);
}

/** One step: `{ state, batch }` to `{ next, metrics }`. */
export function tinyStep({
  state,
  batch,
}: {
  readonly state: TrainState<DiT>;
  readonly batch: DiffusionBatch;
}): { readonly next: TrainState<DiT>; readonly metrics: StepMetrics } {
  const [next, metrics] = trainStep(
    diffusionLoss(TINY, 1),
    TINY.optimizer,
    TINY.steps,
  )(state, batch);
  return { next, metrics };
}

/** The batch of a step. */
export function tinyBatch(step: number): DiffusionBatch {
  const [latents, labels] = [foldIn(key(2), step), foldIn(key(3), step)];
  const mean = normal(latents, [TINY.batch, 4, 8, 8]);
  return {
    posterior: { mean, logVariance: zeros(mean.shape).sub(4) },
    labels: randomInt(labels, [TINY.batch], 0, 10),
  };
}
