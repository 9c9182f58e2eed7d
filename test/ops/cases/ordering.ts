import { spacedFloats } from '@tessera/autograd/testing';
import {
  argsort,
  histogram,
  median,
  quantile,
  searchsorted,
  sort,
  topk,
  type Tensor,
} from '@tessera/tensor';
import { alongAxis, bools, ids, reduction, shaped } from '../arbitraries.ts';
import type { OpRow } from '../row.ts';

const WHOLE = 'the result is int32';

/** What puts elements in order, and what needs them in order. */
export const ordering: readonly OpRow[] = [
  {
    op: 'argsort',
    cases: alongAxis((x, axis) => argsort(x, axis), { longest: 5, takesEmpty: true }),
    notDifferentiable: WHOLE,
  },
  {
    op: 'argsort',
    variant: 'descending, with ties',
    cases: alongAxis((x, axis) => argsort(x, axis, { descending: true }), {
      elements: ids(3),
      longest: 9,
    }),
    notDifferentiable: WHOLE,
  },
  {
    op: 'argsort',
    variant: 'of bools',
    cases: shaped((x) => argsort(x), [[2, 9]], bools),
    notDifferentiable: WHOLE,
  },
  {
    op: 'argsort',
    variant: 'descending, of floats',
    cases: alongAxis((x, axis) => argsort(x, axis, { descending: true }), { longest: 7 }),
    notDifferentiable: WHOLE,
  },
  {
    op: 'sort',
    cases: alongAxis((x, axis) => sort(x, axis).square(), {
      elements: spacedFloats,
      longest: 5,
      takesEmpty: true,
    }),
  },
  {
    op: 'topk',
    cases: alongAxis((x, axis) => topk(x, 1, axis).values.square(), { elements: spacedFloats }),
  },
  {
    op: 'topk',
    variant: 'of the smallest',
    cases: shaped((x) => topk(x, 3, 0, { largest: false }).values.square(), [[5, 2]], spacedFloats),
  },
  {
    op: 'median',
    cases: reduction(
      (x, axes, keepDims) => median(x, axes, { keepDims }).square(),
      spacedFloats,
      false,
    ),
  },
  {
    op: 'quantile',
    cases: reduction(
      (x, axes, keepDims) => quantile(x, [0, 0.3, 1], axes, { keepDims }).square(),
      spacedFloats,
      false,
    ),
  },
  {
    op: 'searchsorted',
    cases: shaped((x, y) => searchsorted(sort(x), y), [[6], [2, 3]]),
    notDifferentiable: WHOLE,
  },
  {
    op: 'searchsorted',
    variant: 'behind equal elements',
    cases: shaped((x, y) => searchsorted(sort(x), y, { right: true }), [[7], [4]], ids(5)),
    notDifferentiable: WHOLE,
  },
  {
    op: 'histogram',
    cases: shaped((x: Tensor) => histogram(x, 3, [-1, 1]).counts, [[2, 5]]),
    notDifferentiable: WHOLE,
  },
];
