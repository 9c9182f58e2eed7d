// The training loss of a flow: the error of its velocity, and how far it keeps from other flows.

import { formatShape, roll, ShapeError, ValueError, type Tensor } from '@tessera/tensor';
import type { Denoiser } from '../process/diffusion.ts';
import { flowSample, type Flow } from '../process/flow.ts';
import { meanPerSample } from './bound.ts';
import type { NoisedBatch, TrainingLosses } from './objective.ts';

/** How the errors of a flow are weighed. */
interface FlowLossOptions {
  /** `[B]`, or null for none. */
  readonly weights: Tensor | null;
  /** The share λ of the contrastive term. */
  readonly contrastive: number;
}

/**
 * The loss of each sample, `‖model − u‖² − λ ‖model − u'‖²`, as means over its values. Here u is the velocity
 * `eps − xStart`, and u' is that of another sample: `others`, by default {@link otherVelocities}. The second
 * term keeps the flows of different conditions apart.
 *
 * Source: Lipman et al. 2022, equation 23; Stoica et al. 2025, "Contrastive flow matching".
 */
export function flowLosses(
  flow: Flow,
  model: Denoiser,
  { xStart, t, eps, others }: NoisedBatch,
  { weights, contrastive }: FlowLossOptions,
): TrainingLosses {
  const prediction = model(flowSample(xStart, t, eps), t.mul(flow.timesteps));
  if (formatShape(prediction.shape) !== formatShape(xStart.shape)) {
    throw new ShapeError(
      'trainingLosses',
      `xStart is ${formatShape(xStart.shape)}, so the model of a flow must give its velocity of this shape, ` +
        `but gave ${formatShape(prediction.shape)}. A flow has no variance to learn: leave learnSigma out.`,
      [xStart.shape, prediction.shape],
    );
  }
  const mse = meanPerSample(eps.sub(xStart).sub(prediction).square());
  const weighed = (loss: Tensor): Tensor => (weights === null ? loss : loss.mul(weights));
  if (contrastive === 0) return { loss: weighed(mse), mse };
  const apart = prediction.sub(others ?? otherVelocities(xStart, eps)).square();
  return { loss: weighed(mse.sub(meanPerSample(apart).mul(contrastive))), mse };
}

/** For each sample the velocity of the one before it in the batch, of the shape of xStart. */
export function otherVelocities(xStart: Tensor, eps: Tensor): Tensor {
  if (xStart.shape[0] < 2) {
    throw new ValueError(
      'trainingLosses',
      'contrastive needs another sample to keep away from, but the batch has 1.',
    );
  }
  return roll(eps.sub(xStart), 1, 0);
}
