// How single losses become one number: none, sum or mean.

import { checkTensors, formatShape, ShapeError, ValueError, type Tensor } from '@tessera/tensor';

/**
 * What becomes of the losses of single elements or samples: all of them, their sum or their mean. The mean of
 * nothing is NaN, as in PyTorch: an empty batch has none, nor one of which every sample is ignored.
 */
export type Reduction = 'none' | 'sum' | 'mean';

/** Options of a loss. */
export interface LossOptions {
  /** Default `'mean'`. */
  readonly reduction?: Reduction;
}

/** Reduces `losses`; the mean divides the sum by `count`, by default the number of losses. */
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

/** Throws a ShapeError unless both have one shape: a silent broadcast in a loss has ruined many a training. */
export function expectOneShape(op: string, prediction: Tensor, target: Tensor): void {
  checkTensors(op, { prediction, target });
  if (formatShape(prediction.shape) === formatShape(target.shape)) return;
  throw new ShapeError(
    op,
    `prediction ${formatShape(prediction.shape)} and target ${formatShape(target.shape)} must have one shape.`,
    [prediction.shape, target.shape],
  );
}
