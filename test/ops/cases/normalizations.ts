import { floats } from '@tessera/autograd/testing';
import {
  attention,
  batchNorm,
  groupNorm,
  key,
  layerNorm,
  logSoftmax,
  normal,
  rmsNorm,
  softmax,
  where,
  type Tensor,
} from '@tessera/tensor';
import { apply, composites } from '@tessera/tensor/extend';
import { alongAxis, bools, heads, rows, shaped, within } from '../arbitraries.ts';
import type { OpBenchmark, OpRow } from '../row.ts';

/** Of the shape `[C]` = [3] each: weight, bias, running mean and running variance. */
const ofChannels = [floats, floats, floats, within({ min: 0.5 })];

const wide = (f: (x: Tensor) => Tensor): readonly OpBenchmark[] => [
  { sizes: '3136×512', f, inputs: () => [normal(key(1), [3136, 512])] },
];

/** What makes elements comparable with each other: normalisations, probabilities and attention. */
export const normalizations: readonly OpRow[] = [
  {
    op: 'softmax',
    cases: alongAxis((x, axis) => softmax(x, axis)),
    golden: { softmax: ([x], attributes) => softmax(x, attributes.number('axis')) },
    benchmarks: wide((x) => softmax(x)),
  },
  {
    op: 'softmaxGrad',
    cases: alongAxis(
      (x, axis) =>
        apply(composites.softmaxGrad, [x.sigmoid(), x.sin()], {
          axis: (axis + x.rank) % x.rank,
        })[0],
    ),
  },
  {
    op: 'logSoftmax',
    cases: alongAxis((x, axis) => logSoftmax(x, axis)),
    golden: { log_softmax: ([x], attributes) => logSoftmax(x, attributes.number('axis')) },
  },

  {
    op: 'layerNorm',
    cases: rows((x) => layerNorm(x, { eps: 0.1 })),
    golden: {
      layer_norm: ([x, weight = null, bias = null], attributes) =>
        layerNorm(x, {
          normalizedShape: attributes.numbers('normalized_shape'),
          eps: attributes.number('eps'),
          weight,
          bias,
        }),
    },
    benchmarks: wide((x) => layerNorm(x)),
  },
  {
    op: 'layerNorm',
    variant: 'over two axes',
    cases: shaped(
      (x, weight, bias) => layerNorm(x, { weight, bias, eps: 0.1 }),
      [
        [2, 3, 4],
        [3, 4],
        [3, 4],
      ],
    ),
  },
  {
    op: 'layerNormStatistics',
    cases: rows((x) => apply(composites.layerNormStatistics, [x], { eps: 0.1 })),
  },
  {
    op: 'layerNormGrad',
    cases: rows((x) => apply(composites.layerNormGrad, [x, x.cos()], { eps: 0.1 })[0]),
  },
  {
    op: 'rmsNorm',
    cases: rows((x, weight) => rmsNorm(x, { weight, eps: 0.1 }), 1),
    golden: {
      rms_norm: ([x, weight = null], attributes) =>
        rmsNorm(x, { eps: attributes.number('eps'), weight }),
    },
  },
  {
    op: 'groupNorm',
    cases: shaped(
      (x, weight, bias) => groupNorm(x, 2, { weight, bias, eps: 0.1 }),
      [[2, 4, 3], [4], [4]],
    ),
    golden: {
      group_norm: ([x, weight = null, bias = null], attributes) =>
        groupNorm(x, attributes.number('groups'), { eps: attributes.number('eps'), weight, bias }),
    },
  },
  {
    op: 'batchNorm',
    variant: 'in training',
    cases: shaped(
      (x, weight, bias, mean, variance) => {
        const options = { training: true, weight, bias, eps: 0.1 };
        const { output, running } = batchNorm(x, { mean, variance }, options);
        return [output, running.mean, running.variance];
      },
      [[4, 3, 2], [3], [3], [3], [3]],
      [floats, ...ofChannels],
    ),
    golden: {
      batch_norm: ([x, weight, bias, mean, variance], attributes) => {
        const { output, running } = batchNorm(
          x,
          { mean, variance },
          {
            weight,
            bias,
            eps: attributes.number('eps'),
            momentum: attributes.number('momentum'),
            training: attributes.boolean('training'),
          },
        );
        return [output, running.mean, running.variance];
      },
    },
  },
  {
    op: 'batchNorm',
    variant: 'by running statistics',
    cases: shaped(
      (x, weight, bias, mean, variance) =>
        batchNorm(x, { mean, variance }, { weight, bias }).output.square(),
      [[4, 3, 2], [3], [3], [3], [3]],
      [floats, ...ofChannels],
    ),
  },

  {
    op: 'attention',
    cases: heads((q, k, v) => attention(q, k, v)),
    golden: {
      sdpa: ([q, k, v, mask = null], attributes) => {
        const scale = attributes.optionalNumber('scale');
        const causal = attributes.optionalBoolean('causal');
        return attention(q, k, v, { mask, causal, ...(scale === null ? {} : { scale }) });
      },
    },
  },
  {
    op: 'attentionGrad',
    cases: heads((q, k, v) => {
      const cotangent = q.matmul(k.transpose()).matmul(v); // any function that gives [..., T, F]
      return apply(composites.attentionGrad, [q, k, v, cotangent], { scale: 0.5 });
    }),
  },
  {
    op: 'attention',
    variant: 'that is causal',
    cases: heads((q, k, v) => attention(q, k, v, { causal: true })),
  },
  {
    op: 'attention',
    variant: 'with a bool mask',
    cases: shaped(
      (q, k, v, mask) => attention(q, k, v, { mask }),
      [[4, 3], [5, 3], [2, 5, 2], [4, 5]], // prettier-ignore
      [floats, floats, floats, bools],
    ),
  },
  {
    op: 'attention',
    variant: 'with an additive mask',
    cases: shaped(
      (q, k, v, bias, visible) =>
        attention(q, k, v, { mask: where(visible, bias, -Infinity), scale: 0.7 }),
      [[2, 4, 3], [5, 3], [5, 2], [4, 5], [4, 5]], // prettier-ignore
      [floats, floats, floats, floats, bools],
    ),
  },
  {
    op: 'attention',
    variant: 'and the gradient of its mask',
    cases: shaped((q, mask) => attention(q, q, q, { mask }), [[3, 2], [3, 3]]), // prettier-ignore
  },
];
