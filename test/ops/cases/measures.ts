import { spacedFloats } from '@tessera/autograd/testing';
import {
  all,
  any,
  cummax,
  cummin,
  cumprod,
  isClose,
  isFinite,
  isInf,
  isNaN,
  norm,
  std,
  tensor,
} from '@tessera/tensor';
import {
  alongAxis,
  binary,
  bools,
  fixed,
  reduction,
  shaped,
  unary,
  within,
} from '../arbitraries.ts';
import type { OpRow } from '../row.ts';

const BOOL = 'the result is bool';
const POSITIVE = within({ min: 0.5, max: 2 });

/** What says how large a tensor is and what it holds, and what runs along an axis. */
export const measures: readonly OpRow[] = [
  {
    op: 'any',
    cases: reduction((x, axes, keepDims) => any(x, axes, { keepDims }), bools),
    notDifferentiable: BOOL,
  },
  {
    op: 'any',
    variant: 'of floats',
    cases: reduction((x, axes) => any(x, axes)),
    notDifferentiable: BOOL,
  },
  {
    op: 'all',
    cases: reduction((x, axes, keepDims) => all(x, axes, { keepDims }), bools),
    notDifferentiable: BOOL,
  },
  { op: 'isNaN', cases: unary(isNaN), notDifferentiable: BOOL },
  { op: 'isInf', cases: unary(isInf), notDifferentiable: BOOL },
  { op: 'isFinite', cases: unary(isFinite), notDifferentiable: BOOL },
  {
    op: 'isClose',
    cases: binary((a, b) => isClose(a, b, { rtol: 0.3, equalNaN: true })),
    notDifferentiable: BOOL,
  },

  {
    op: 'std',
    cases: shaped((x) => std(x, [0, 2]), [[2, 3, 4]], spacedFloats),
  },
  {
    op: 'std',
    variant: 'without a correction',
    cases: shaped((x) => std(x, 1, { correction: 0, keepDims: true }), [[2, 5]], spacedFloats),
  },
  {
    op: 'norm',
    cases: reduction((x, axes, keepDims) => norm(x, axes, { keepDims }), POSITIVE),
  },
  {
    op: 'norm',
    variant: 'of order 1',
    cases: reduction((x, axes, keepDims) => norm(x, axes, { order: 1, keepDims }), POSITIVE),
  },
  {
    op: 'norm',
    variant: 'of order infinity',
    cases: shaped((x) => norm(x.sub(100), 1, { order: Infinity }), [[2, 5]], spacedFloats),
  },
  {
    op: 'norm',
    variant: 'of large elements',
    cases: shaped((x) => norm(x.mul(2 ** 100), 1).mul(2 ** -100), [[2, 3]], POSITIVE),
  },
  {
    op: 'norm',
    variant: 'of small elements',
    cases: shaped((x) => norm(x.mul(2 ** -100), 1).mul(2 ** 100), [[2, 3]], POSITIVE),
  },

  {
    op: 'cumprod',
    cases: alongAxis((x, axis) => cumprod(x, axis), { longest: 5, takesEmpty: true }),
  },
  {
    op: 'cumprod',
    variant: 'with zeros',
    cases: fixed((x) => cumprod(x, 1), tensor([[0, 1.5, -1, 2, 0.7], [1.2, 0, 1.1, 0, 1]])), // prettier-ignore
  },
  {
    op: 'cummax',
    cases: alongAxis((x, axis) => cummax(x, axis).square(), {
      elements: spacedFloats,
      longest: 5,
    }),
  },
  {
    op: 'cummin',
    cases: alongAxis((x, axis) => cummin(x, axis).square(), {
      elements: spacedFloats,
      longest: 5,
    }),
  },
];
