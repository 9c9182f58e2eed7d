// Binary cross-entropy of logits and target probabilities.

import { checkOptions, broadcastShapes, softplus, type Tensor } from '@tessera/tensor';
import { expectOneShape, reduceLosses, type LossOptions } from './reduction.ts';

/** Options of {@link bceWithLogits}. */
export interface BceWithLogitsOptions extends LossOptions {
  /** Weight of the positive part of each class: a tensor that broadcasts, or a number. Default 1. */
  readonly posWeight?: Tensor | number;
}

/**
 * The binary cross-entropy `−w·t·ln σ(x) − (1 − t)·ln(1 − σ(x))` of logits x and target
 * probabilities t, by default its mean over all elements.
 *
 * It is computed as `w·t·softplus(−x) + (1 − t)·softplus(x)`, which neither overflows nor cancels. A part
 * with weight 0 is left out, so that a correct logit of ±∞ costs nothing.
 *
 * @param logits Any shape, unnormalised.
 * @param target Probabilities of the same shape.
 * @returns A scalar, or the shape of the operands with reduction `'none'`.
 * @throws ShapeError unless both have the same shape.
 * @example
 * bceWithLogits(zeros([3]), tensor([0, 1, 1])); // ln 2
 */
export function bceWithLogits(
  logits: Tensor,
  target: Tensor,
  options: BceWithLogitsOptions = {},
): Tensor {
  checkOptions('bceWithLogits', options, ['reduction', 'posWeight']);
  const { reduction = 'mean', posWeight = 1 } = options;
  expectOneShape('bceWithLogits', logits, target);
  if (typeof posWeight !== 'number') {
    broadcastShapes('bceWithLogits (posWeight)', logits.shape, posWeight.shape);
  }
  const positive = part(target.mul(posWeight), logits.neg());
  const negative = part(target.neg().add(1), logits);
  return reduceLosses('bceWithLogits', positive.add(negative), reduction);
}

/** `weight · softplus(x)`; 0 where the weight is 0, also if x is infinite. */
function part(weight: Tensor, x: Tensor): Tensor {
  const isOut = x.equal(Infinity).and(weight.equal(0));
  return weight.mul(softplus(isOut.where(0, x)));
}
