// How single losses become one number: none, sum or mean.

import { checkTensors, formatShape, ShapeError, ValueError, type Tensor } from '@tessera/tensor';

/**
 * The result of a loss: all losses of elements or samples, their sum or their mean. The mean of no losses is
 * NaN, as in PyTorch: for an empty batch, or if every sample is ignored.
 */
export type Reduction = 'none' | 'sum' | 'mean';

/** Options of a loss. */
export interface LossOptions {
  /** Default `'mean'`. */
  readonly reduction?: Reduction;
}

/** Reduces `losses`. The mean divides the sum by `count`, by default the number of losses. */
export function reduceLosses(
  op: string,
  losses: Tensor,
  reduction: Reduction = 'mean',
  count: number | Tensor = losses.size,
): Tensor {
  if (reduction === 'none') return losses;
  if (reduction === 'sum') return losses.sum();
  if (reduction === 'mean') return losses.sum().div(count);
  throw new ValueError(
    op,
    `reduction '${String(reduction)}' is not known: none, sum or mean expected.`,
  );
}

/**
 * Throws a ShapeError unless both have the same shape: a loss that broadcasts silently would ruin a training.
 */
export function expectOneShape(op: string, prediction: Tensor, target: Tensor): void {
  checkTensors(op, { prediction, target });
  if (formatShape(prediction.shape) === formatShape(target.shape)) return;
  throw new ShapeError(
    op,
    `prediction ${formatShape(prediction.shape)} and target ${formatShape(target.shape)} must have one shape.`,
    [prediction.shape, target.shape],
  );
}
