import {
  conv2d,
  convTranspose2d,
  einsum,
  key,
  linear,
  matmul,
  normal,
  type Tensor,
} from '@tessera/tensor';
import { apply, convolutions as primitives } from '@tessera/tensor/extend';
import type { Attributes } from '../../golden/attributes.ts';
import { binary as goldenBinary } from '../../golden/golden-op.ts';
import { convolutions, products as matrices, shaped } from '../arbitraries.ts';
import type { OpBenchmark, OpRow } from '../row.ts';

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

function matmulWork(m: number, k: number, n: number): OpBenchmark {
  return {
    sizes: `${m}×${k}×${n}`,
    f: (a, b) => a.matmul(b),
    inputs: () => [normal(key(1), [m, k]), normal(key(2), [k, n])],
    flops: 2 * m * k * n,
  };
}

/** Matrix products, sums of products and convolutions. */
export const products: readonly OpRow[] = [
  {
    op: 'matmul',
    cases: matrices,
    golden: { matmul: goldenBinary(matmul) },
    benchmarks: [...[256, 512, 1024].map((n) => matmulWork(n, n, n)), matmulWork(3136, 128, 512)],
  },
  {
    op: 'matmul',
    variant: 'with a row and a column',
    cases: shaped(
      (a, m, b) => [matmul(a, m), matmul(m, b), matmul(a, matmul(m, b))],
      [[3], [3, 4], [4]],
    ),
  },
  {
    op: 'linear',
    cases: shaped((x, weight, bias) => linear(x, weight, bias), [[2, 3, 4], [5, 4], [5]]),
    golden: { linear: ([x, weight, bias]) => linear(x, weight, bias) },
  },
  {
    op: 'einsum',
    variant: 'as a product',
    cases: shaped((a, b) => einsum('bij,bkj->ikb', a, b), [[2, 3, 4], [2, 2, 4]]), // prettier-ignore
    golden: {
      einsum: (inputs, attributes) => einsum(attributes.text('equation'), ...inputs),
    },
  },
  {
    op: 'einsum',
    variant: 'of three',
    cases: shaped((a, b, c) => einsum('i,ij,...j->...i', a, b, c), [[3], [3, 4], [2, 4]]),
  },
  {
    op: 'einsum',
    variant: 'of a diagonal',
    cases: shaped((x) => einsum('iji->j', x.square()), [[3, 2, 3]]),
  },
  {
    op: 'einsum',
    variant: 'elementwise',
    cases: shaped((a, b) => einsum('ij,ij->i', a, b), [[3, 4], [3, 4]]), // prettier-ignore
  },

  {
    op: 'conv2d',
    cases: convolutions((drawn) => ({
      f: (x, w) => conv2d(x, w, drawn.geometry),
      inputs: [drawn.x, drawn.w],
    })),
    golden: {
      conv2d: ([x, weight, bias], attributes) =>
        addChannelBias(conv2d(x, weight, geometry(attributes)), bias),
    },
    benchmarks: [
      {
        sizes: '8×32→64, 32×32, 3×3',
        f: (x, w) => conv2d(x, w, { padding: 1 }),
        inputs: () => [normal(key(1), [8, 32, 32, 32]), normal(key(2), [64, 32, 3, 3])],
        flops: 2 * 8 * 64 * 32 * 32 * 32 * 9,
        backward: true,
      },
    ],
  },
  {
    op: 'conv2dInput',
    cases: convolutions(({ x, y, w, geometry: given }) => ({
      f: (p, q) =>
        apply(primitives.conv2dInput, [p, q], { ...given, inputSize: [x.shape[2], x.shape[3]] }),
      inputs: [y, w],
    })),
  },
  {
    op: 'conv2dWeight',
    cases: convolutions(({ x, y, w, geometry: given }) => ({
      f: (p, q) =>
        apply(primitives.conv2dWeight, [p, q], {
          ...given,
          kernelSize: [w.shape[2], w.shape[3]],
        }),
      inputs: [x, y],
    })),
  },
  {
    op: 'convTranspose2d',
    cases: shaped(
      (x, w) =>
        convTranspose2d(x, w, {
          stride: [2, 3],
          padding: [1, 0],
          outputPadding: [1, 2],
          dilation: [1, 2],
          groups: 2,
        }),
      [[2, 4, 2, 3], [4, 1, 3, 2]], // prettier-ignore
    ),
    golden: {
      conv_transpose2d: ([x, weight, bias], attributes) => {
        const options = {
          ...geometry(attributes),
          outputPadding: attributes.pair('output_padding'),
        };
        return addChannelBias(convTranspose2d(x, weight, options), bias);
      },
    },
  },
];
