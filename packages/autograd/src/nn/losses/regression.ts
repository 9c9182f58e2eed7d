// Mean squared error and smooth L1, for predictions of numbers.

import { checkOptions, ValueError, type Tensor } from '@tessera/tensor';
import { expectOneShape, reduceLosses, type LossOptions } from './reduction.ts';

/**
 * The squared error `(prediction − target)²`, by default its mean over all elements.
 *
 * @returns A scalar, or the shape of the operands with reduction `'none'`.
 * @throws ShapeError unless both have the same shape.
 * @example
 * mseLoss(tensor([1, 2]), tensor([1, 4])); // 2
 */
export function mseLoss(prediction: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  checkOptions('mseLoss', options, ['reduction']);
  const { reduction = 'mean' } = options;
  expectOneShape('mseLoss', prediction, target);
  return reduceLosses('mseLoss', prediction.sub(target).square(), reduction);
}

/** Options of {@link smoothL1}. */
export interface SmoothL1Options extends LossOptions {
  /** The deviation up to which the loss is quadratic, at least 0. Default 1. */
  readonly beta?: number;
}

/**
 * The absolute error with a rounded tip. With `d = prediction − target` it is `d² / 2β` if |d| < β, otherwise
 * `|d| − β/2`; with β = 0 it is |d|. It is smooth once: the second derivative jumps at |d| = β.
 *
 * Source: Girshick 2015, "Fast R-CNN", equation 3 (there β = 1).
 *
 * @returns A scalar, or the shape of the operands with reduction `'none'`.
 * @throws ShapeError unless both have the same shape, ValueError for a negative β.
 * @example
 * smoothL1(tensor([0.5, 3]), tensor([0, 0]), { reduction: 'none' }); // [0.125, 2.5]
 */
export function smoothL1(
  prediction: Tensor,
  target: Tensor,
  options: SmoothL1Options = {},
): Tensor {
  checkOptions('smoothL1', options, ['reduction', 'beta']);
  const { reduction = 'mean', beta = 1 } = options;
  expectOneShape('smoothL1', prediction, target);
  if (!(beta >= 0)) throw new ValueError('smoothL1', `beta must be at least 0, but got ${beta}.`);
  const difference = prediction.sub(target);
  const distance = difference.abs();
  const near = distance.greaterEqual(beta).not(); // NaN counts as near, so that its gradient is NaN
  const losses =
    beta === 0
      ? distance
      : near.where(
          near
            .where(difference, 0)
            .square()
            .div(2 * beta),
          distance.sub(beta / 2),
        );
  return reduceLosses('smoothL1', losses, reduction);
}
