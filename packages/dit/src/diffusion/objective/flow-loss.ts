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
 * `eps − xStart`, and u' is that of the sample before it in the batch. The second term keeps the flows of
 * different conditions apart.
 *
 * Source: Lipman et al. 2022, equation 23; Stoica et al. 2025, "Contrastive flow matching".
 */
export function flowLosses(
  flow: Flow,
  model: Denoiser,
  { xStart, t, eps }: NoisedBatch,
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
  const target = eps.sub(xStart);
  const mse = meanPerSample(target.sub(prediction).square());
  const apart = contrastive === 0 ? null : distance(prediction, target).mul(contrastive);
  const loss = apart === null ? mse : mse.sub(apart);
  return { loss: weights === null ? loss : loss.mul(weights), mse };
}

/** Mean squared distance to the velocity of another sample, `[B]`. */
function distance(prediction: Tensor, target: Tensor): Tensor {
  if (target.shape[0] < 2) {
    throw new ValueError(
      'trainingLosses',
      'contrastive needs another sample to keep away from, but the batch has 1.',
    );
  }
  return meanPerSample(prediction.sub(roll(target, 1, 0)).square());
}
