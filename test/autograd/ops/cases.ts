/** Functions of the public API with points at which they are smooth, for checks that want them all. */
import {
  argmax,
  attention,
  avgPool2d,
  batchNorm,
  clamp,
  cumsum,
  einsum,
  expm1,
  groupNorm,
  key,
  layerNorm,
  log1p,
  logSumExp,
  maxPool2d,
  normal,
  ones,
  pad,
  prod,
  rmsNorm,
  roll,
  softplus,
  tensor,
  tile,
  tril,
  triu,
  uniform,
  upsampleBilinear2d,
  upsampleNearest2d,
  where,
  type Tensor,
} from '@tessera/tensor';

/** A function and its operands. */
export interface OpCase {
  readonly f: (...inputs: Tensor[]) => Tensor;
  readonly inputs: readonly Tensor[];
}

let seed = 0;
const random = (...shape: number[]): Tensor => normal(key(seed++), shape);

/** Numbers in steps of ¼ in random order: no two are closer, none lies within ⅛ of 0. */
function spaced(...shape: number[]): Tensor {
  const size = ones(shape).size;
  const order = [...uniform(key(seed++), [size]).dataSync()]
    .map((priority, i) => [priority, i])
    .sort(([a], [b]) => a - b);
  const values = order.map(([, i]) => (i - Math.floor(size / 2)) / 4 + 0.125);
  return tensor(Float32Array.from(values), { shape });
}

const unary = (f: (x: Tensor) => Tensor, x: Tensor): OpCase => ({ f, inputs: [x] });

const statistics = { mean: random(3), variance: uniform(key(1000), [3]).add(0.5) };
const hidden = where(random(4, 5).greater(1), -Infinity, random(4, 5));

/** The cases by name. Linear functions are squared, so that their second derivative is not just 0. */
export const opCases: Readonly<Record<string, OpCase>> = {
  expm1: unary(expm1, spaced(3, 2)),
  log1p: unary(log1p, tensor([-0.75, -0.6, -0.2, 0.05, 0.3, 0.5, 2])),
  softplus: unary(softplus, spaced(5)),
  clamp: unary((x) => clamp(x, -0.5, 0.75).square(), spaced(3, 4)),
  'clamp to tensors': {
    f: (x, low, high) => clamp(x, low, high).square(),
    inputs: [tensor([-2, 0.2, 3, -1]), tensor([-1, -1, 0.5, 0.3]), tensor([[1], [1.5]])],
  },

  prod: unary((x) => prod(x, 1), random(2, 5, 2)),
  'prod of all': unary((x) => prod(x.transpose()), random(2, 3)),
  'prod with zeros': unary((x) => prod(x, 1), tensor([[0, 1.5, -1, 2, 0.7], [0, 0, 1.2, -2, 1]])), // prettier-ignore
  cumsum: unary((x) => cumsum(x, 1).square(), random(2, 7, 2)),
  'cumsum of a view': unary((x) => cumsum(x.flip(0).transpose(), -1).square(), random(5, 3)),
  'logSumExp over axes': unary((x) => logSumExp(x, [0, 2], { keepDims: true }), random(2, 3, 4)),

  tril: unary((x) => tril(x, 1).square(), random(2, 3, 4)),
  triu: unary((x) => triu(x, -1).square(), random(4, 3)),
  tile: unary((x) => tile(x, [2, 1, 3]).square(), random(2, 3)),
  roll: unary((x) => roll(x, [-2, 4], [1, 0]).square(), random(3, 5)),
  'pad with a value': unary((x) => pad(x, [[1, 2], [0, 1]], { value: 3 }).square(), random(2, 3)), // prettier-ignore
  'pad by reflection': unary((x) => pad(x, [[1, 0], [2, 2]], { mode: 'reflect' }).square(), random(2, 3)), // prettier-ignore
  'pad by replication': unary((x) => pad(x, [[1, 2], [0, 3]], { mode: 'replicate' }).square(), random(2, 3)), // prettier-ignore

  maxPool2d: unary((x) => maxPool2d(x, 3, { stride: 2, padding: 1 }).square(), spaced(1, 2, 5, 4)),
  'maxPool2d with dilation': unary(
    (x) => maxPool2d(x, [2, 1], { stride: [1, 2], dilation: [2, 1] }).square(),
    spaced(2, 5, 4),
  ),
  avgPool2d: unary((x) => avgPool2d(x, [2, 3], { stride: 1 }).square(), random(2, 4, 5)),
  'avgPool2d without the padding': unary(
    (x) => avgPool2d(x, 3, { stride: 2, padding: 1, countIncludePad: false }).square(),
    random(1, 2, 4, 5),
  ),
  'upsampleNearest2d by a factor': unary((x) => upsampleNearest2d(x, 2).square(), random(1, 2, 3)),
  'upsampleNearest2d to a size': unary(
    (x) => upsampleNearest2d(x, { size: [5, 2] }).square(),
    random(2, 3, 3),
  ),
  upsampleBilinear2d: unary(
    (x) => upsampleBilinear2d(x, { size: [5, 2] }).square(),
    random(2, 3, 4),
  ),
  'upsampleBilinear2d with corners': unary(
    (x) => upsampleBilinear2d(x, { size: [5, 7] }, { alignCorners: true }).square(),
    random(2, 3, 4),
  ),

  'einsum as a product': {
    f: (a, b) => einsum('bij,bkj->ikb', a, b),
    inputs: [random(2, 3, 4), random(2, 2, 4)],
  },
  'einsum of three': {
    f: (a, b, c) => einsum('i,ij,...j->...i', a, b, c),
    inputs: [random(3), random(3, 4), random(2, 4)],
  },
  'einsum of a diagonal': unary((x) => einsum('iji->j', x.square()), random(3, 2, 3)),
  'einsum elementwise': {
    f: (a, b) => einsum('ij,ij->i', a, b),
    inputs: [random(3, 4), random(3, 4)],
  },

  layerNorm: {
    f: (x, weight, bias) => layerNorm(x, { weight, bias, eps: 0.1 }),
    inputs: [random(2, 3, 4), random(3, 4), random(3, 4)],
  },
  rmsNorm: {
    f: (x, weight) => rmsNorm(x, { weight, eps: 0.1 }),
    inputs: [random(3, 5), random(5)],
  },
  groupNorm: {
    f: (x, weight, bias) => groupNorm(x, 2, { weight, bias, eps: 0.1 }),
    inputs: [random(2, 4, 3), random(4), random(4)],
  },
  'batchNorm in training': {
    f: (x, weight, bias) =>
      batchNorm(x, statistics, { training: true, weight, bias, eps: 0.1 }).output,
    inputs: [random(4, 3, 2), random(3), random(3)],
  },
  'batchNorm by running statistics': {
    f: (x, weight, bias) => batchNorm(x, statistics, { weight, bias }).output.square(),
    inputs: [random(4, 3, 2), random(3), random(3)],
  },

  'attention, causal': {
    f: (q, k, v) => attention(q, k, v, { causal: true }),
    inputs: [random(2, 4, 3), random(2, 4, 3), random(2, 4, 2)],
  },
  'attention with a bool mask': {
    f: (q, k, v) => attention(q, k, v, { mask: hidden.greater(-1) }),
    inputs: [random(4, 3), random(5, 3), random(2, 5, 2)],
  },
  'attention with an additive mask': {
    f: (q, k, v) => attention(q, k, v, { mask: hidden, scale: 0.7 }),
    inputs: [random(2, 4, 3), random(5, 3), random(5, 2)],
  },
  'attention and the gradient of its mask': {
    f: (q, mask) => attention(q, q, q, { mask }),
    inputs: [random(3, 2), random(3, 3)],
  },
  'argmax beside a gradient': unary((x) => x.mul(argmax(x, 1, { keepDims: true })), spaced(3, 4)),
};
