import * as T from '@tessera/tensor';
import { methodsOf, rowsOf, type Row } from '../misuse.ts';

const x = T.tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const ids = T.tensor([1, 0], { dtype: 'int32' });
const column = T.tensor([[0], [1]], { dtype: 'int32' });
const image = T.ones([1, 2, 4, 4]);
const random = T.key(0);
const vector = T.ones([3]);
const npy = await T.toNpy(x);

const calls: Readonly<Record<string, readonly unknown[]>> = {
  arange: [3, 'int32'],
  argmax: [x, 0, { keepDims: true }],
  argmin: [x, 0, { keepDims: true }],
  attention: [x, x, x, { scale: 1, mask: null, causal: true }],
  avgPool2d: [image, 2, { stride: 1, padding: 0, countIncludePad: true }],
  batchNorm: [x, { mean: vector, variance: vector }, { training: true, momentum: 0.5 }],
  bernoulli: [random, 0.5, [2]],
  broadcastShapes: ['mine', [2, 1], [3]],
  clamp: [x, 0, 1],
  compile: [(a: T.Tensor) => a, { donate: [0] }],
  concat: [[x, x], 0],
  conv2d: [image, T.ones([3, 2, 3, 3]), { stride: 1, padding: 1, dilation: 1, groups: 1 }],
  convTranspose2d: [image, T.ones([2, 3, 3, 3]), { stride: 2, outputPadding: 1 }],
  cpuBackend: [],
  cumsum: [x, 0],
  decodeSafetensors: [T.encodeSafetensors(new Map()), 'file'],
  defaultBackend: [],
  einsum: ['ij,kj->ik', x, x],
  embedding: [x, ids],
  encodeSafetensors: [
    new Map([['w', { dtype: 'float32', shape: [1], data: Float32Array.of(1) }]]),
    { a: 'b' },
  ],
  expm1: [x],
  eye: [2, 'int32'],
  foldIn: [random, 1],
  formatShape: [[2, 3]],
  fromImageData: [{ data: new Uint8Array(4), width: 1, height: 1 }, { channels: 1 }],
  fromNpy: [npy],
  full: [[2], 1, 'int32'],
  gather: [x, column, 1],
  gelu: [x],
  geluErf: [x],
  groupNorm: [image, 2, { eps: 1e-5 }],
  indexSelect: [x, ids, 0],
  key: [0],
  layerNorm: [x, { eps: 1e-5, weight: vector, bias: vector, normalizedShape: [3] }],
  linear: [x, x, T.ones([2])],
  linspace: [0, 1, 3],
  log1p: [x],
  logSoftmax: [x, 0],
  logSumExp: [x, 0, { keepDims: true }],
  matmul: [x, vector],
  maxPool2d: [image, 2, { stride: 1, padding: 0, dilation: 1 }],
  normal: [random, [2]],
  oneHot: [ids, 2],
  ones: [[2], 'int32'],
  pad: [
    x,
    [
      [1, 1],
      [0, 0],
    ],
    { mode: 'constant', value: 1 },
  ],
  prod: [x, 0, { keepDims: true }],
  randomInt: [random, [2], 0, 2],
  randomWords: [random, [2]],
  rmsNorm: [x, { weight: vector, eps: 1e-5 }],
  roll: [x, 1, 0],
  scalar: [1, 'int32'],
  scatterAdd: [column, T.ones([2, 1]), 0, [2, 1]],
  silu: [x],
  sizeOf: [[2, 3]],
  softmax: [x, 0],
  softplus: [x],
  split: [random, 2],
  stack: [[x, x], 0],
  tensor: [[1, 2], { dtype: 'int32', shape: [2] }],
  tile: [x, [1, 2]],
  toImageData: [T.ones([1, 1, 1])],
  toNpy: [x],
  tril: [x, 0],
  triu: [x, 0],
  uniform: [random, [2], 0, 1],
  upsampleBilinear2d: [image, { size: [2, 2] }, { alignCorners: true }],
  upsampleNearest2d: [image, 2],
  wasmBackend: [{ threads: 1 }],
  where: [x.less(2), x, 0],
  zeros: [[2], 'int32'],
};

const bools = x.less(2);

const methods: Readonly<Record<string, readonly unknown[]>> = {
  add: [x],
  sub: [x],
  mul: [x],
  div: [x],
  pow: [x],
  maximum: [x],
  minimum: [x],
  less: [x],
  lessEqual: [x],
  greater: [x],
  greaterEqual: [x],
  equal: [x],
  notEqual: [x],
  cast: ['int32'],
  matmul: [vector],
  reshape: [[3, -1]],
  permute: [[1, 0]],
  transpose: [0, 1],
  expand: [[2, 2, 3]],
  squeeze: [null],
  unsqueeze: [0],
  flatten: [0, 1],
  slice: [[[0, 1], null]],
  select: [0, 1],
  flip: [0],
  pad: [
    [
      [1, 1],
      [0, 0],
    ],
    1,
  ],
  split: [[1, 1], 0],
  chunk: [2, 0],
  sum: [0, { keepDims: true }],
  mean: [0, { keepDims: true }],
  max: [0, { keepDims: true }],
  min: [0, { keepDims: true }],
  variance: [0, { keepDims: true, correction: 0 }],
};

const boolMethods: Readonly<Record<string, readonly unknown[]>> = {
  and: [bools],
  or: [bools],
  where: [x, 0],
};

/** A row for every public function of the package, and for the methods of its tensors. */
export const tensorRows: readonly Row[] = [
  ...rowsOf(T, calls),
  ...methodsOf('Tensor', x, methods),
  ...methodsOf('Tensor', bools, boolMethods),
];
