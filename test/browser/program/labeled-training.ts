/** What small training programs share: batches with labels, the loss of a step, and how to optimize. */
import { normal, randomInt, split, type Tensor } from '@tessera/tensor';
import { trainingLosses, type Conditioning, type Diffusion, type DiT } from '@tessera/dit';

/** Latents [n, channels, side, side] and their labels [n], or the values of all conditions by name. */
export interface LabeledBatch {
  readonly x: Tensor;
  readonly y: Conditioning;
}

/** Optimizer settings with which a small model learns within twenty steps. */
export const SETTINGS = {
  learningRate: 2e-3,
  finalLrFraction: 0.1,
  warmupSteps: 4,
  betas: [0.9, 0.99],
  weightDecay: 0.01,
  clipNorm: 1,
  emaDecay: 0.99,
} as const;

/** The mean loss of a batch at random timesteps, with random noise, some conditions dropped. */
export function labeledLoss(
  diffusion: Diffusion,
): (model: DiT, batch: LabeledBatch, random: Tensor) => Tensor {
  return (model, { x, y }, random) => {
    const [timeKey, noiseKey, dropKey] = split(random, 3);
    const eps = normal(noiseKey, x.shape);
    const t = randomInt(timeKey, [x.shape[0]], 0, diffusion.schedule.timesteps);
    const kept = model.dropConditions(y, dropKey);
    const predict = (noised: Tensor, steps: Tensor): Tensor => model.forward(noised, steps, kept);
    return trainingLosses(diffusion, predict, { xStart: x, t, eps }).loss.mean();
  };
}
