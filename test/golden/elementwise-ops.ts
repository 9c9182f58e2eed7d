import {
  argmax,
  argmin,
  clamp,
  cumsum,
  expm1,
  gelu,
  geluErf,
  log1p,
  logSoftmax,
  logSumExp,
  prod,
  silu,
  softmax,
  softplus,
  where,
} from '@tessera/tensor';
import type { Attributes } from './attributes.ts';
import { binary, unary, type GoldenOp, type GoldenOps } from './golden-op.ts';

function keepDims(attributes: Attributes): { readonly keepDims: boolean } {
  return { keepDims: attributes.optionalBoolean('keepdim') };
}

function reduction(name: 'sum' | 'mean' | 'max' | 'min'): GoldenOp {
  return ([x], attributes) => x[name](attributes.axes('axis'), keepDims(attributes));
}

/** Maps of elements, reductions, and what goes along one axis. */
export const elementwiseOps: GoldenOps = {
  neg: unary((x) => x.neg()),
  abs: unary((x) => x.abs()),
  exp: unary((x) => x.exp()),
  expm1: unary(expm1),
  log: unary((x) => x.log()),
  log1p: unary(log1p),
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
  clamp: ([x], attributes) =>
    clamp(x, attributes.optionalNumber('min'), attributes.optionalNumber('max')),

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
  prod: ([x], attributes) => prod(x, attributes.axes('axis'), keepDims(attributes)),
  var: ([x], attributes) =>
    x.variance(attributes.axes('axis'), {
      ...keepDims(attributes),
      correction: attributes.number('correction'),
    }),
  argmax: ([x], attributes) => argmax(x, attributes.optionalNumber('axis'), keepDims(attributes)),
  argmin: ([x], attributes) => argmin(x, attributes.optionalNumber('axis'), keepDims(attributes)),
  logsumexp: ([x], attributes) => logSumExp(x, attributes.axes('axis'), keepDims(attributes)),
  softmax: ([x], attributes) => softmax(x, attributes.number('axis')),
  log_softmax: ([x], attributes) => logSoftmax(x, attributes.number('axis')),
  cumsum: ([x], attributes) => cumsum(x, attributes.number('axis')),
};
