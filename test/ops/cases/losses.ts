import { floats, spacedFloats } from '@tessera/autograd/testing';
import {
  bceWithLogits,
  crossEntropy,
  klDiv,
  mseLoss,
  smoothL1,
  type Reduction,
} from '@tessera/autograd/nn';
import { softmax } from '@tessera/tensor';
import type { Attributes } from '../../golden/attributes.ts';
import { unsupported } from '../../golden/golden-op.ts';
import { ids, shaped, within } from '../arbitraries.ts';
import type { OpRow } from '../row.ts';

const REDUCTIONS: readonly Reduction[] = ['none', 'sum', 'mean'];

function reductionOf(attributes: Attributes): Reduction {
  const name = attributes.text('reduction');
  return REDUCTIONS.find((known) => known === name) ?? unsupported(`reduction "${name}"`);
}

const probabilities = within({ min: 0.1, max: 0.9 });

/** Losses. */
export const losses: readonly OpRow[] = [
  {
    op: 'mseLoss',
    cases: shaped((a, b) => mseLoss(a, b), [[2, 3], [2, 3]]), // prettier-ignore
    golden: {
      mse_loss: ([a, b], attributes) => mseLoss(a, b, { reduction: reductionOf(attributes) }),
    },
  },
  {
    op: 'smoothL1',
    cases: shaped(
      (distance, b) => smoothL1(b.add(distance), b, { beta: 0.7, reduction: 'sum' }),
      [[2, 3], [2, 3]], // prettier-ignore
      [spacedFloats, floats],
    ),
    golden: {
      smooth_l1: ([a, b], attributes) =>
        smoothL1(a, b, { reduction: reductionOf(attributes), beta: attributes.number('beta') }),
    },
  },
  {
    op: 'bceWithLogits',
    cases: shaped(
      (logits, target, posWeight) =>
        bceWithLogits(logits, target, { posWeight, reduction: 'none' }),
      [[2, 3], [2, 3], [3]],
      [floats, probabilities, probabilities],
    ),
    golden: {
      bce_with_logits: ([logits, target, posWeight = 1], attributes) =>
        bceWithLogits(logits, target, { reduction: reductionOf(attributes), posWeight }),
    },
  },
  {
    op: 'crossEntropy',
    variant: 'of class ids, smoothed and with an id to ignore',
    cases: shaped(
      (logits, target) => crossEntropy(logits, target, { labelSmoothing: 0.1, ignoreIndex: 2 }),
      [[5, 4], [5]],
      [floats, ids(2)],
    ),
    golden: {
      cross_entropy: ([logits, target], attributes) =>
        crossEntropy(logits, target, {
          reduction: reductionOf(attributes),
          axis: 1,
          labelSmoothing: attributes.optionalNumber('label_smoothing') ?? 0,
          ignoreIndex: attributes.optionalNumber('ignore_index'),
        }),
    },
  },
  {
    op: 'crossEntropy',
    variant: 'of probabilities',
    cases: shaped(
      (logits, target) => crossEntropy(logits, softmax(target, 1), { axis: 1, reduction: 'none' }),
      [[2, 3, 2], [2, 3, 2]], // prettier-ignore
    ),
  },
  {
    op: 'klDiv',
    cases: shaped((a, b) => klDiv(a, b), [[2, 3], [2, 3]], [floats, probabilities]), // prettier-ignore
    golden: {
      kl_div: ([input, target], attributes) => {
        const name = attributes.text('reduction');
        const reduction = name === 'batchmean' ? name : reductionOf(attributes);
        const logTarget = attributes.optionalBoolean('log_target');
        return klDiv(input, target, { reduction, logTarget });
      },
    },
  },
];
