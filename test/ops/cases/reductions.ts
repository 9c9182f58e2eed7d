import { spacedFloats } from '@tessera/autograd/testing';
import { argmax, argmin, cumsum, logSumExp, prod, tensor } from '@tessera/tensor';
import type { Attributes } from '../../golden/attributes.ts';
import type { GoldenOps } from '../../golden/golden-op.ts';
import { alongAxis, fixed, ids, reduction, shaped } from '../arbitraries.ts';
import type { OpRow } from '../row.ts';

function keepDims(attributes: Attributes): { readonly keepDims: boolean } {
  return { keepDims: attributes.optionalBoolean('keepdim') };
}

/** A method of tensors under its own name in the golden data. */
function golden(name: 'sum' | 'mean' | 'max' | 'min'): GoldenOps {
  return { [name]: ([x], attributes) => x[name](attributes.axes('axis'), keepDims(attributes)) };
}

const WHOLE = 'the result is int32';

/** What folds axes, and what goes along one. */
export const reductions: readonly OpRow[] = [
  {
    op: 'sum',
    cases: reduction((x, axes, keep) => x.square().sum(axes, { keepDims: keep })),
    golden: golden('sum'),
  },
  {
    op: 'sum',
    variant: 'of whole numbers',
    cases: reduction((x, axes) => x.sum(axes), ids(5)),
    notDifferentiable: WHOLE,
  },
  {
    op: 'mean',
    cases: reduction((x, axes, keep) => x.square().mean(axes, { keepDims: keep })),
    golden: golden('mean'),
  },
  {
    op: 'max',
    cases: reduction(
      (x, axes, keep) => x.max(axes, { keepDims: keep }).square(),
      spacedFloats,
      false,
    ),
    golden: golden('max'),
  },
  {
    op: 'min',
    cases: reduction(
      (x, axes, keep) => x.min(axes, { keepDims: keep }).square(),
      spacedFloats,
      false,
    ),
    golden: golden('min'),
  },
  {
    op: 'variance',
    cases: reduction((x, axes, keep) => x.variance(axes, { keepDims: keep, correction: 0 })),
    golden: {
      var: ([x], attributes) =>
        x.variance(attributes.axes('axis'), {
          ...keepDims(attributes),
          correction: attributes.number('correction'),
        }),
    },
  },
  {
    op: 'variance',
    variant: 'with a correction',
    cases: shaped((x) => x.variance([0, 2], { correction: 1 }), [[2, 3, 4]]),
  },

  {
    op: 'prod',
    cases: reduction((x, axes, keep) => prod(x, axes, { keepDims: keep })),
    golden: {
      prod: ([x], attributes) => prod(x, attributes.axes('axis'), keepDims(attributes)),
    },
  },
  { op: 'prod', variant: 'of many', cases: shaped((x) => prod(x, 1), [[2, 5, 2]]) },
  { op: 'prod', variant: 'of all', cases: shaped((x) => prod(x.transpose()), [[2, 3]]) },
  {
    op: 'prod',
    variant: 'with zeros',
    cases: fixed((x) => prod(x, 1), tensor([[0, 1.5, -1, 2, 0.7], [0, 0, 1.2, -2, 1]])), // prettier-ignore
  },

  {
    op: 'argmax',
    cases: alongAxis((x, axis) => argmax(x, axis), { elements: spacedFloats }),
    notDifferentiable: WHOLE,
    golden: {
      argmax: ([x], attributes) =>
        argmax(x, attributes.optionalNumber('axis'), keepDims(attributes)),
    },
  },
  {
    op: 'argmax',
    variant: 'beside a gradient',
    cases: alongAxis((x, axis) => x.mul(argmax(x, axis, { keepDims: true })), {
      elements: spacedFloats,
      longest: 4,
    }),
  },
  {
    op: 'argmax',
    variant: 'of all, with ties',
    cases: alongAxis((x) => argmax(x), { elements: ids(3) }),
    notDifferentiable: WHOLE,
  },
  {
    op: 'argmin',
    cases: alongAxis((x, axis) => argmin(x, axis, { keepDims: true }), { elements: spacedFloats }),
    notDifferentiable: WHOLE,
    golden: {
      argmin: ([x], attributes) =>
        argmin(x, attributes.optionalNumber('axis'), keepDims(attributes)),
    },
  },

  {
    op: 'logSumExp',
    cases: alongAxis((x, axis) => logSumExp(x, axis)),
    golden: {
      logsumexp: ([x], attributes) => logSumExp(x, attributes.axes('axis'), keepDims(attributes)),
    },
  },
  {
    op: 'logSumExp',
    variant: 'over axes',
    cases: reduction((x, axes, keep) => logSumExp(x, axes, { keepDims: keep }), undefined, false),
  },
  {
    op: 'logSumExp',
    variant: 'over outer axes',
    cases: shaped((x) => logSumExp(x, [0, 2], { keepDims: true }), [[2, 3, 4]]),
  },
  {
    op: 'cumsum',
    cases: alongAxis((x, axis) => cumsum(x, axis).square(), { longest: 5, takesEmpty: true }),
    golden: { cumsum: ([x], attributes) => cumsum(x, attributes.number('axis')) },
  },
  {
    op: 'cumsum',
    variant: 'of many',
    cases: shaped((x) => cumsum(x, 1).square(), [[2, 7, 2]]),
  },
  {
    op: 'cumsum',
    variant: 'of a view',
    cases: shaped((x) => cumsum(x.flip(0).transpose(), -1).square(), [[5, 3]]),
  },
];
