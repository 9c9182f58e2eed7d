import {
  bincount,
  clip,
  conv1d,
  diag,
  diagonal,
  fullLike,
  meshgrid,
  onesLike,
  outer,
  repeat,
  take,
  takeAlongAxis,
  trace,
  where,
  zerosLike,
} from '@tessera/tensor';
import { bools, ids, lookups, shaped, unary, within } from '../arbitraries.ts';
import type { OpRow } from '../row.ts';

const CONSTANT = 'the result does not depend on the elements';

/** What lays elements out anew, and looks them up. */
export const arranging: readonly OpRow[] = [
  { op: 'zerosLike', cases: unary((x) => zerosLike(x)), notDifferentiable: CONSTANT },
  { op: 'onesLike', cases: unary((x) => onesLike(x)), notDifferentiable: CONSTANT },
  { op: 'fullLike', cases: unary((x) => fullLike(x, 0.5)), notDifferentiable: CONSTANT },
  {
    op: 'where',
    variant: 'of a number and a tensor',
    cases: shaped((x, condition) => where(condition, 0, x).square(), [[2, 3], [3]], [within({ min: 1, max: 2 }), bools]), // prettier-ignore
  },
  {
    op: 'where',
    variant: 'of two numbers',
    cases: shaped((condition) => where(condition, 1, -2.5), [[2, 3]], bools),
    notDifferentiable: 'the operand is bool',
  },
  { op: 'clip', cases: unary((x) => clip(x, -100, 100).square()) },
  { op: 'repeat', cases: unary((x) => repeat(x, 2).square()) },
  {
    op: 'repeat',
    variant: 'along an axis',
    cases: shaped((x) => repeat(x, 3, 1).square(), [[2, 3, 2]]),
  },
  {
    op: 'repeat',
    variant: 'with counts',
    cases: shaped((x) => repeat(x, [2, 0, 1], -1).square(), [[2, 3]]),
  },
  { op: 'diag', variant: 'of a vector', cases: shaped((x) => diag(x, -2).square(), [[3]]) },
  { op: 'diag', variant: 'of a matrix', cases: shaped((x) => diag(x, 1).square(), [[3, 4]]) },
  {
    op: 'diagonal',
    cases: shaped((x) => diagonal(x.transpose(), -1).square(), [[2, 3, 4]]),
  },
  { op: 'trace', cases: shaped((x) => trace(x.square()), [[2, 3, 4]]) },
  { op: 'outer', cases: shaped(outer, [[3], [4]]) },
  {
    op: 'meshgrid',
    cases: shaped((x, y) => meshgrid([x, y.sin()]).map((grid) => grid.square()), [[3], [4]]),
  },
  {
    op: 'meshgrid',
    variant: 'of matrix indices',
    cases: shaped((x, y, z) => meshgrid([x, y, z], { indexing: 'ij' }), [[3], [4], [2]]),
  },
  {
    op: 'take',
    cases: lookups(({ x, index }) => ({
      f: (y, at) => take(y, at, 1).square(),
      inputs: [x, index],
    })),
  },
  {
    op: 'take',
    variant: 'of a list',
    cases: shaped((x) => take(x, [-1, 0, 2, 2]).square(), [[2, 3]]),
  },
  {
    op: 'takeAlongAxis',
    cases: shaped(
      (x, index) => takeAlongAxis(x, index.sub(2), 1).square(),
      [[2, 3, 1], [1, 4, 2]],
      [within({ min: -2, max: 2 }), ids(5)],
    ), // prettier-ignore
  },
  {
    op: 'bincount',
    cases: shaped((x) => bincount(x, 6), [[2, 3]], ids(6)),
    notDifferentiable: 'the result is int32',
  },
  {
    op: 'bincount',
    variant: 'of weights',
    cases: shaped((weights, x) => bincount(x, 4, weights).square(), [[2, 3], [2, 3]], [within({ min: -2, max: 2 }), ids(4)]), // prettier-ignore
  },
  {
    op: 'conv1d',
    cases: shaped(
      (x, w) => conv1d(x, w, { stride: 2, padding: 1, groups: 2 }),
      [[2, 4, 7], [4, 2, 3]],
    ), // prettier-ignore
  },
];
