import {
  bceWithLogits,
  crossEntropy,
  klDiv,
  mseLoss,
  smoothL1,
  type Reduction,
} from '@tessera/autograd/nn';
import type { Attributes } from './attributes.ts';
import { unsupported, type GoldenOps } from './golden-op.ts';

/** Losses. */
export const lossOps: GoldenOps = {
  mse_loss: ([a, b], attributes) => mseLoss(a, b, { reduction: reductionOf(attributes) }),
  smooth_l1: ([a, b], attributes) =>
    smoothL1(a, b, { reduction: reductionOf(attributes), beta: attributes.number('beta') }),
  bce_with_logits: ([logits, target, posWeight = 1], attributes) =>
    bceWithLogits(logits, target, { reduction: reductionOf(attributes), posWeight }),
  cross_entropy: ([logits, target], attributes) =>
    crossEntropy(logits, target, {
      reduction: reductionOf(attributes),
      axis: 1,
      labelSmoothing: attributes.optionalNumber('label_smoothing') ?? 0,
      ignoreIndex: attributes.optionalNumber('ignore_index'),
    }),
  kl_div: ([input, target], attributes) => {
    const name = attributes.text('reduction');
    const reduction = name === 'batchmean' ? name : reductionOf(attributes);
    return klDiv(input, target, { reduction, logTarget: attributes.optionalBoolean('log_target') });
  },
};

const REDUCTIONS: readonly Reduction[] = ['none', 'sum', 'mean'];

function reductionOf(attributes: Attributes): Reduction {
  const name = attributes.text('reduction');
  return REDUCTIONS.find((known) => known === name) ?? unsupported(`reduction "${name}"`);
}
