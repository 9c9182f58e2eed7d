import {
  attention,
  avgPool2d,
  batchNorm,
  conv2d,
  convTranspose2d,
  einsum,
  groupNorm,
  layerNorm,
  linear,
  matmul,
  maxPool2d,
  rmsNorm,
  upsampleBilinear2d,
  upsampleNearest2d,
  type Tensor,
} from '@tessera/tensor';
import type { Attributes } from './attributes.ts';
import { binary, type GoldenOps } from './golden-op.ts';

/** Products, convolutions, pooling, normalisations and attention. */
export const networkOps: GoldenOps = {
  matmul: binary(matmul),
  linear: ([x, weight, bias]) => linear(x, weight, bias),
  einsum: (inputs, attributes) => einsum(attributes.text('equation'), ...inputs),
  conv2d: ([x, weight, bias], attributes) =>
    addChannelBias(conv2d(x, weight, geometry(attributes)), bias),
  conv_transpose2d: ([x, weight, bias], attributes) => {
    const options = { ...geometry(attributes), outputPadding: attributes.pair('output_padding') };
    return addChannelBias(convTranspose2d(x, weight, options), bias);
  },

  avg_pool2d: ([x], attributes) =>
    avgPool2d(x, attributes.pair('kernel'), {
      stride: attributes.pair('stride'),
      padding: attributes.pair('padding'),
      countIncludePad: attributes.boolean('count_include_pad'),
    }),
  max_pool2d: ([x], attributes) =>
    maxPool2d(x, attributes.pair('kernel'), {
      stride: attributes.pair('stride'),
      padding: attributes.pair('padding'),
      dilation: attributes.pair('dilation'),
    }),
  upsample_nearest2d: ([x], attributes) => upsampleNearest2d(x, { size: attributes.pair('size') }),
  upsample_bilinear2d: ([x], attributes) =>
    upsampleBilinear2d(
      x,
      { size: attributes.pair('size') },
      { alignCorners: attributes.boolean('align_corners') },
    ),

  layer_norm: ([x, weight = null, bias = null], attributes) =>
    layerNorm(x, {
      normalizedShape: attributes.numbers('normalized_shape'),
      eps: attributes.number('eps'),
      weight,
      bias,
    }),
  rms_norm: ([x, weight = null], attributes) =>
    rmsNorm(x, { eps: attributes.number('eps'), weight }),
  group_norm: ([x, weight = null, bias = null], attributes) =>
    groupNorm(x, attributes.number('groups'), { eps: attributes.number('eps'), weight, bias }),
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

  sdpa: ([q, k, v, mask = null], attributes) => {
    const scale = attributes.optionalNumber('scale');
    const causal = attributes.optionalBoolean('causal');
    return attention(q, k, v, { mask, causal, ...(scale === null ? {} : { scale }) });
  },
};

function geometry(attributes: Attributes): {
  stride: readonly [number, number];
  padding: readonly [number, number];
  dilation: readonly [number, number];
  groups: number;
} {
  return {
    stride: attributes.pair('stride'),
    padding: attributes.pair('padding'),
    dilation: attributes.pair('dilation'),
    groups: attributes.number('groups'),
  };
}

function addChannelBias(y: Tensor, bias: Tensor | undefined): Tensor {
  return bias === undefined ? y : y.add(bias.reshape([-1, 1, 1]));
}
