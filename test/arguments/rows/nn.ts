import * as nn from '@tessera/autograd/nn';
import { key, ones, tensor } from '@tessera/tensor';
import { methodsOf, rowsOf, type Row } from '../misuse.ts';

const random = key(0);
const x = ones([2, 4]);
const tokens = ones([1, 3, 4]);
const image = ones([2, 4, 6, 6]);
const linear = new nn.Linear(4, 2, { key: random });
const mlp = new nn.Mlp(4, 8, { key: random });
const drop = new nn.Dropout(0.5);
const batch = new nn.BatchNorm2d(4);
const cross = new nn.CrossAttention(4, 2, { key: random });

/** A row for every public function and class of the entry, and for `forward` of each layer. */
export const nnRows: readonly Row[] = [
  ...rowsOf(nn, {
    Apply: [(y: unknown) => y, 'same'],
    BatchNorm2d: [4, { eps: 1e-5, affine: true, momentum: 0.1 }],
    Buffer: [x],
    Conv2d: [
      4,
      2,
      { key: random, kernelSize: 3, stride: 1, padding: 1, dilation: 1, groups: 1, bias: true },
    ],
    ConvTranspose2d: [
      4,
      2,
      { key: random, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1 },
    ],
    CrossAttention: [4, 2, { key: random, bias: true, contextWidth: 6 }],
    Dropout: [0.5],
    Embedding: [5, 4, { key: random, init: nn.init.normal(0.1) }],
    GroupNorm: [2, 4, { eps: 1e-5, affine: true }],
    LayerNorm: [4, { eps: 1e-5, affine: true }],
    Linear: [4, 2, { key: random, bias: true, init: nn.init.ones(), biasInit: nn.init.zeros() }],
    Mlp: [4, 8, { key: random, init: nn.init.ones() }],
    RMSNorm: [4, { eps: 1e-5, affine: true }],
    SelfAttention: [4, 2, { key: random, bias: true }],
    Sequential: [linear, (y: unknown) => y],
    bceWithLogits: [x, x, { reduction: 'sum', posWeight: 2 }],
    countParameters: [linear],
    crossEntropy: [
      x,
      tensor([0, 1], { dtype: 'int32' }),
      { axis: -1, labelSmoothing: 0.1, ignoreIndex: null, reduction: 'mean' },
    ],
    klDiv: [x, x, { reduction: 'batchmean', logTarget: false }],
    loadTensors: [linear, new Map(nn.namedTensors(linear))],
    measure: [linear, x],
    mseLoss: [x, x, { reduction: 'none' }],
    namedModules: [mlp],
    namedParameters: [mlp],
    namedTensors: [mlp],
    observe: [mlp, () => undefined],
    smoothL1: [x, x, { reduction: 'sum', beta: 1 }],
    summary: [mlp, x],
    withFields: [linear, { bias: null }],
  }),
  ...methodsOf('init', nn.init, {
    xavierUniform: [1],
    xavierNormal: [1],
    kaimingUniform: [1],
    kaimingNormal: [1],
    normal: [1],
    truncatedNormal: [1, 2],
    zeros: [],
    ones: [],
  }),
  ...methodsOf('Linear', linear, { forward: [x] }),
  ...methodsOf('Mlp', mlp, { forward: [x] }),
  ...methodsOf('Dropout', drop, { forward: [x, random], train: [x, random] }),
  ...methodsOf('BatchNorm2d', batch, { forward: [image], train: [image] }),
  ...methodsOf('CrossAttention', cross, { forward: [tokens, tokens, { causal: true }] }),
  ...methodsOf('SelfAttention', new nn.SelfAttention(4, 2, { key: random }), {
    forward: [tokens, { causal: true }],
  }),
  ...methodsOf('LayerNorm', new nn.LayerNorm(4), { forward: [x] }),
  ...methodsOf('RMSNorm', new nn.RMSNorm(4), { forward: [x] }),
  ...methodsOf('GroupNorm', new nn.GroupNorm(2, 4), { forward: [image] }),
  ...methodsOf('Embedding', new nn.Embedding(5, 4, { key: random }), {
    forward: [tensor([1], { dtype: 'int32' })],
  }),
  ...methodsOf('Conv2d', new nn.Conv2d(4, 2, { key: random, kernelSize: 3 }), { forward: [image] }),
  ...methodsOf('ConvTranspose2d', new nn.ConvTranspose2d(4, 2, { key: random, kernelSize: 3 }), {
    forward: [image],
  }),
  ...methodsOf('Sequential', new nn.Sequential(linear), { forward: [x], train: [x, random] }),
];
