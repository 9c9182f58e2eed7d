// Cross-entropy of logits and target classes or probabilities, with label smoothing.

import {
  checkOptions,
  checkTensors,
  formatSpec,
  AxisError,
  formatShape,
  gather,
  logSoftmax,
  ShapeError,
  ValueError,
  type Tensor,
} from '@tessera/tensor';
import { reduceLosses, type LossOptions } from './reduction.ts';

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions extends LossOptions {
  /** The axis of the K classes in the logits. Default: the last one. */
  readonly axis?: number;
  /** The share of the target probability that is spread evenly over all K classes. Default 0. */
  readonly labelSmoothing?: number;
  /** Samples with this class id have loss 0 and do not count in the mean. Default none. */
  readonly ignoreIndex?: number | null;
}

/**
 * `−Σₖ tₖ ln softmax(logits)ₖ` of each sample, by default its mean over all samples. t is 1 at the target
 * class, or the target itself if that holds probabilities. With smoothing s it becomes `(1 − s)·t + s/K`. A
 * class with t = 0 is left out, whatever its logit is (also −∞). Ignored samples are left out too.
 *
 * Source of the smoothing: Szegedy et al. 2016, "Rethinking the Inception architecture", section 7.
 *
 * @param logits `[..., K]` (or with the classes along another axis), unnormalised.
 * @param target int32 class ids from 0 to K − 1, of the shape of the logits without the axis of the
 * classes; or float32 probabilities of the shape of the logits.
 * @returns A scalar, or one loss per sample with reduction `'none'`.
 * @throws ShapeError if the target does not fit, AxisError or ValueError for bad options.
 * @example
 * crossEntropy(zeros([2, 10]), tensor([3, 7], { dtype: 'int32' })); // ln 10
 */
export function crossEntropy(
  logits: Tensor,
  target: Tensor,
  options: CrossEntropyOptions = {},
): Tensor {
  checkTensors('crossEntropy', { logits, target });
  checkOptions('crossEntropy', options, ['axis', 'labelSmoothing', 'ignoreIndex', 'reduction']);
  const {
    axis = -1,
    labelSmoothing: smoothing = 0,
    ignoreIndex = null,
    reduction = 'mean',
  } = options;
  const at = axis < 0 ? axis + logits.rank : axis;
  if (!Number.isInteger(at) || at < 0 || at >= logits.rank) {
    throw new AxisError(
      'crossEntropy',
      `axis ${axis} of logits ${formatShape(logits.shape)} does not exist.`,
      axis,
      logits.rank,
    );
  }
  if (!(smoothing >= 0 && smoothing <= 1)) {
    throw new ValueError(
      'crossEntropy',
      `labelSmoothing must lie in [0, 1], but got ${smoothing}.`,
    );
  }
  const samples = logits.shape.filter((_, i) => i !== at);
  const isIds = target.dtype === 'int32';
  if (formatShape(target.shape) !== formatShape(isIds ? samples : logits.shape)) {
    throw new ShapeError(
      'crossEntropy',
      `logits ${formatShape(logits.shape)} take int32 class ids ${formatShape(samples)} or float32 probabilities ` +
        `of their own shape, but the target is ${formatSpec(target)}.`,
      [logits.shape, target.shape],
    );
  }
  const ignored = isIds && ignoreIndex !== null ? target.equal(ignoreIndex) : null;
  const known = ignored === null ? logits : ignored.unsqueeze(at).where(0, logits);
  const ids = ignored === null ? target : ignored.where(0, target);
  const surprise = logSoftmax(known, at).neg();
  const atTarget = isIds
    ? gather(surprise, ids.unsqueeze(at), at).squeeze(at)
    : expected(surprise, target).sum(at);
  const losses =
    smoothing === 0 ? atTarget : atTarget.mul(1 - smoothing).add(surprise.mean(at).mul(smoothing));
  if (ignored === null) return reduceLosses('crossEntropy', losses, reduction);
  const count = ignored.not().sum();
  return reduceLosses('crossEntropy', ignored.where(0, losses), reduction, count);
}

/** `surprise · probability`; 0 for an impossible class with probability 0. */
function expected(surprise: Tensor, probability: Tensor): Tensor {
  const isOut = surprise.equal(Infinity).and(probability.equal(0));
  return isOut.where(0, surprise).mul(probability);
}
