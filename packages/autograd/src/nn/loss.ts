import {
  formatShape,
  gather,
  logSoftmax,
  ShapeError,
  ValueError,
  type Tensor,
} from '@tessera/tensor';

/**
 * The mean of `(prediction − target)²` over all elements.
 *
 * @throws ShapeError unless both have one shape: a silent broadcast here has ruined many a training.
 */
export function mseLoss(prediction: Tensor, target: Tensor): Tensor {
  if (formatShape(prediction.shape) !== formatShape(target.shape)) {
    throw new ShapeError(
      'mseLoss',
      `prediction ${formatShape(prediction.shape)} and target ${formatShape(target.shape)} must have one shape.`,
      [prediction.shape, target.shape],
    );
  }
  return prediction.sub(target).square().mean();
}

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions {
  /** The share of the target probability that is spread evenly over all K classes. Default 0. */
  readonly labelSmoothing?: number;
}

/**
 * The mean over all samples of `−Σₖ tₖ ln softmax(logits)ₖ`, where t is 1 at the target class (with
 * smoothing s: `1 − s + s/K` there and `s/K` elsewhere).
 *
 * Source of the smoothing: Szegedy et al. 2016, "Rethinking the Inception architecture", section 7.
 *
 * @param logits `[..., K]`, unnormalised.
 * @param target int32 `[...]`, class ids from 0 to K − 1.
 * @returns A scalar.
 * @example
 * crossEntropy(zeros([2, 10]), tensor([3, 7], { dtype: 'int32' })); // ln 10
 */
export function crossEntropy(
  logits: Tensor,
  target: Tensor,
  { labelSmoothing = 0 }: CrossEntropyOptions = {},
): Tensor {
  if (formatShape(logits.shape.slice(0, -1)) !== formatShape(target.shape) || logits.rank === 0) {
    throw new ShapeError(
      'crossEntropy',
      `logits ${formatShape(logits.shape)} and target ${formatShape(target.shape)}: [..., K] and [...] expected.`,
      [logits.shape, target.shape],
    );
  }
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new ValueError(
      'crossEntropy',
      `labelSmoothing must lie in [0, 1], but got ${labelSmoothing}.`,
    );
  }
  const logProbabilities = logSoftmax(logits, -1);
  const atTarget = gather(logProbabilities, target.unsqueeze(-1), -1).mean().neg();
  if (labelSmoothing === 0) return atTarget;
  return atTarget.mul(1 - labelSmoothing).sub(logProbabilities.mean().mul(labelSmoothing));
}
