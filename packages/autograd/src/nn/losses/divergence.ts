// The Kullback-Leibler divergence of two distributions.

import { checkOptions, type Tensor } from '@tessera/tensor';
import { expectOneShape, reduceLosses, type Reduction } from './reduction.ts';

/** Options of {@link klDiv}. */
export interface KlDivOptions {
  /** Default `'batchmean'`: the sum divided by the size of the first axis. */
  readonly reduction?: Reduction | 'batchmean';
  /** Whether the target holds log-probabilities. Default false. */
  readonly logTarget?: boolean;
}

/**
 * The Kullback-Leibler divergence from a predicted to a target distribution, `Σ t·(ln t − ln p)`. A term is 0
 * where t is 0, whatever p is there. By default, terms are summed over each sample and averaged over the
 * first axis. Reduction `'mean'` divides by the number of elements, which does not give a divergence.
 *
 * Source: Kullback & Leibler 1951, "On information and sufficiency", equation 2.4.
 *
 * @param logPrediction `ln p`, of any shape.
 * @param target t, or ln t with `logTarget`, of the same shape.
 * @returns A scalar, or the shape of the operands with reduction `'none'`.
 * @throws ShapeError unless both have the same shape.
 * @example
 * klDiv(tensor([[0.5, 0.5]]).log(), tensor([[1, 0]])); // ln 2
 */
export function klDiv(logPrediction: Tensor, target: Tensor, options: KlDivOptions = {}): Tensor {
  checkOptions('klDiv', options, ['reduction', 'logTarget']);
  const { reduction = 'batchmean', logTarget = false } = options;
  expectOneShape('klDiv', logPrediction, target);
  const absent = target.lessEqual(logTarget ? -Infinity : 0);
  const logarithm = logTarget ? absent.where(0, target) : absent.where(1, target).log();
  const probability = logTarget ? target.exp() : absent.where(0, target);
  const losses = probability.mul(logarithm.sub(absent.where(0, logPrediction)));
  return reduction === 'batchmean'
    ? losses.sum().div(target.rank === 0 ? 1 : target.shape[0])
    : reduceLosses('klDiv', losses, reduction);
}
