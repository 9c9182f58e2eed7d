import {
  attention,
  concat,
  conv2d,
  convTranspose2d,
  embedding,
  gather,
  gelu,
  geluErf,
  indexSelect,
  arange,
  layerNorm,
  linear,
  logSoftmax,
  logSumExp,
  matmul,
  oneHot,
  scatterAdd,
  silu,
  softmax,
  softplus,
  stack,
  upsampleNearest2d,
  where,
  type Tensor,
} from '@tessera/tensor';
import { crossEntropy, GroupNorm, loadTensors, mseLoss } from '@tessera/autograd/nn';
import type { Attributes } from './attributes.ts';

/** An operation as the golden data names it. */
export type GoldenOp = (inputs: readonly Tensor[], attributes: Attributes) => Tensor | Tensor[];

/** The operation called `name`. Throws if the public API has none yet. */
export function findOp(name: string): GoldenOp {
  if (Object.hasOwn(OPS, name)) return OPS[name];
  throw new Error(`op "${name}" is not there yet`);
}

const unary =
  (f: (x: Tensor) => Tensor): GoldenOp =>
  ([x]) =>
    f(x);

const binary =
  (f: (a: Tensor, b: Tensor) => Tensor): GoldenOp =>
  ([a, b]) =>
    f(a, b);

const reduction =
  (name: 'sum' | 'mean' | 'max' | 'min'): GoldenOp =>
  ([x], attributes) =>
    x[name](attributes.axes('axis'), { keepDims: attributes.optionalBoolean('keepdim') });

/** What each operation is in the public API: a method, a function, or a short composition of them. */
const OPS: Readonly<Record<string, GoldenOp>> = {
  neg: unary((x) => x.neg()),
  abs: unary((x) => x.abs()),
  exp: unary((x) => x.exp()),
  log: unary((x) => x.log()),
  sqrt: unary((x) => x.sqrt()),
  rsqrt: unary((x) => x.rsqrt()),
  sin: unary((x) => x.sin()),
  cos: unary((x) => x.cos()),
  tanh: unary((x) => x.tanh()),
  sigmoid: unary((x) => x.sigmoid()),
  relu: unary((x) => x.relu()),
  erf: unary((x) => x.erf()),
  reciprocal: unary((x) => x.reciprocal()),
  square: unary((x) => x.square()),
  silu: unary(silu),
  gelu_tanh: unary(gelu),
  gelu_erf: unary(geluErf),
  softplus: unary(softplus),

  add: binary((a, b) => a.add(b)),
  sub: binary((a, b) => a.sub(b)),
  mul: binary((a, b) => a.mul(b)),
  div: binary((a, b) => a.div(b)),
  pow: binary((a, b) => a.pow(b)),
  maximum: binary((a, b) => a.maximum(b)),
  minimum: binary((a, b) => a.minimum(b)),
  pow_scalar: ([x], attributes) => x.pow(attributes.number('exponent')),
  where: ([condition, a, b]) => where(condition, a, b),

  sum: reduction('sum'),
  mean: reduction('mean'),
  max: reduction('max'),
  min: reduction('min'),
  var: ([x], attributes) =>
    x.variance(attributes.axes('axis'), {
      keepDims: attributes.optionalBoolean('keepdim'),
      correction: attributes.number('correction'),
    }),
  logsumexp: ([x], attributes) => {
    const axis = attributes.axes('axis');
    if (typeof axis !== 'number') return unsupported('logsumexp over several axes');
    const y = logSumExp(x, axis);
    return attributes.optionalBoolean('keepdim') ? y.unsqueeze(axis < 0 ? axis + x.rank : axis) : y;
  },
  softmax: ([x], attributes) => softmax(x, attributes.number('axis')),
  log_softmax: ([x], attributes) => logSoftmax(x, attributes.number('axis')),

  matmul: binary(matmul),
  linear: ([x, weight, bias]) => linear(x, weight, bias),
  conv2d: ([x, weight, bias], attributes) =>
    addChannelBias(conv2d(x, weight, geometry(attributes)), bias),
  conv_transpose2d: ([x, weight, bias], attributes) => {
    const options = { ...geometry(attributes), outputPadding: attributes.pair('output_padding') };
    return addChannelBias(convTranspose2d(x, weight, options), bias);
  },
  upsample_nearest2d: ([x], attributes) => {
    const [height, width] = attributes.pair('size');
    const factor = height / x.shape[2];
    const isFactor = Number.isInteger(factor) && width === factor * x.shape[3];
    return isFactor
      ? upsampleNearest2d(x, factor)
      : unsupported(
          `upsample_nearest2d of [${x.shape.slice(2).join(', ')}] to [${height}, ${width}]`,
        );
  },

  reshape: ([x], attributes) => x.reshape(attributes.numbers('shape')),
  permute: ([x], attributes) => x.permute(attributes.numbers('dims')),
  transpose: ([x], attributes) => x.transpose(attributes.number('dim0'), attributes.number('dim1')),
  expand: ([x], attributes) => x.expand(attributes.numbers('shape')),
  squeeze: ([x], attributes) => x.squeeze(attributes.optionalNumber('axis')),
  unsqueeze: ([x], attributes) => x.unsqueeze(attributes.number('axis')),
  flip: ([x], attributes) => x.flip(attributes.numbers('dims')),
  slice: ([x], attributes) =>
    x.slice(attributes.slices('slices').map((s) => (s === null ? null : [s[0], s[1], s[2]]))),
  pad: ([x], attributes) =>
    attributes.text('mode') === 'constant'
      ? x.pad(attributes.pairs('pads'), attributes.number('value'))
      : unsupported(`pad with mode "${attributes.text('mode')}"`),
  tril: ([x], attributes) =>
    triangle(x, (row, column) => column.sub(row).lessEqual(attributes.number('k'))),
  triu: ([x], attributes) =>
    triangle(x, (row, column) => column.sub(row).greaterEqual(attributes.number('k'))),

  concat: (inputs, attributes) => concat(inputs, attributes.number('axis')),
  stack: (inputs, attributes) => stack(inputs, attributes.number('axis')),
  split: ([x], attributes) => x.split(attributes.numbers('sizes'), attributes.number('axis')),
  chunk: ([x], attributes) => x.chunk(attributes.number('chunks'), attributes.number('axis')),

  gather: ([x, index], attributes) => gather(x, index, attributes.number('axis')),
  scatter_add: ([base, index, source], attributes) =>
    base.add(scatterAdd(index, source, attributes.number('axis'), base.shape)),
  index_select: ([x, index], attributes) => indexSelect(x, index, attributes.number('axis')),
  embedding: binary(embedding),
  one_hot: ([ids], attributes) => oneHot(ids, attributes.number('num_classes')),

  layer_norm: ([x, weight, bias], attributes) => {
    const lead = x.shape.slice(0, x.rank - attributes.numbers('normalized_shape').length);
    const y = layerNorm(x.reshape([...lead, -1]), attributes.number('eps')).reshape(x.shape);
    return affine(y, weight, bias);
  },
  group_norm: ([x, weight, bias], attributes) => {
    const eps = attributes.number('eps');
    const norm = new GroupNorm(attributes.number('groups'), x.shape[1], {
      eps,
      affine: weight !== undefined,
    });
    const tensors = Object.entries({ weight, bias }).filter(([, tensor]) => tensor !== undefined);
    return loadTensors(norm, new Map(tensors)).forward(x);
  },
  sdpa: ([q, k, v, mask], attributes) => {
    if (attributes.optionalBoolean('causal')) return unsupported('causal attention');
    if (mask !== undefined) return unsupported('attention with a mask');
    const scale = attributes.optionalNumber('scale');
    return attention(q, k, v, scale === null ? {} : { scale });
  },

  mse_loss: ([a, b], attributes) => {
    expectMean('mse_loss', attributes);
    return mseLoss(a, b);
  },
  cross_entropy: ([logits, target], attributes) => {
    expectMean('cross_entropy', attributes);
    if (target.dtype !== 'int32') return unsupported('cross_entropy with probabilities as target');
    if (attributes.optionalNumber('ignore_index') !== null)
      return unsupported('cross_entropy with ignore_index');
    const classesLast = logits.permute([0, ...logits.shape.map((_, i) => i).slice(2), 1]); // [N, ..., C]
    return crossEntropy(classesLast, target, {
      labelSmoothing: attributes.number('label_smoothing'),
    });
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

function affine(y: Tensor, weight: Tensor | undefined, bias: Tensor | undefined): Tensor {
  const scaled = weight === undefined ? y : y.mul(weight);
  return bias === undefined ? scaled : scaled.add(bias);
}

function triangle(x: Tensor, keep: (row: Tensor, column: Tensor) => Tensor): Tensor {
  const [rows, columns] = x.shape.slice(-2);
  return keep(arange(rows).unsqueeze(1), arange(columns)).where(x, 0);
}

function expectMean(op: string, attributes: Attributes): void {
  const kind = attributes.text('reduction');
  if (kind !== 'mean') unsupported(`${op} with reduction "${kind}"`);
}

function unsupported(what: string): never {
  throw new Error(`${what} is not there yet`);
}
