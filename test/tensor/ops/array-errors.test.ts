import {
  all,
  allClose,
  argsort,
  bincount,
  categorical,
  compile,
  conv1d,
  cumprod,
  diag,
  diagonal,
  histogram,
  isClose,
  key,
  linspace,
  maskedSelect,
  median,
  meshgrid,
  nonzero,
  norm,
  ones,
  onesLike,
  outer,
  permutation,
  quantile,
  repeat,
  scalar,
  searchsorted,
  sort,
  std,
  take,
  takeAlongAxis,
  tensor,
  topk,
  trace,
  unique,
  where,
  zeros,
  type Tensor,
} from '@tessera/tensor';
import { grad } from '@tessera/autograd';
import { describe, expect, it } from 'vitest';
import { refusals, wrong } from '../../refusals.ts';

const ints = tensor([1, 2], { dtype: 'int32' });
const x = ones([2, 3]);

/** Calls that make no sense, each of which must say so. */
const calls: readonly (() => unknown)[] = [
  () => sort(scalar(1)),
  () => sort(x, 2),
  () => sort(x, 0, wrong({ reverse: true })),
  () => sort(wrong([3, 1, 2])),
  () => argsort(x, wrong(null)),
  () => topk(x, 4),
  () => topk(x, 1.5),
  () => topk(x, 1, 5),
  () => topk(x, wrong({ k: 2 })),
  () => median(zeros([2, 0]), 1),
  () => median(x, 3),
  () => quantile(x, 2),
  () => quantile(x, []),
  () => quantile(x, [0.5, NaN]),
  () => quantile(x, wrong('half')),
  () => std(x, 4),
  () => std(x, 0, { correction: NaN }),
  () => std(x, 0, wrong({ ddof: 1 })),
  () => norm(x, 2),
  () => norm(x, 0, { order: 3 }),
  () => norm(x, 0, wrong({ ord: 1 })),
  () => norm(zeros([0]), 0, { order: Infinity }),
  () => all(x, 2),
  () => all(x, 0, wrong({ keepdims: true })),
  () => isClose(x, ones([4])),
  () => isClose(x, x, { rtol: -1 }),
  () => isClose(x, wrong([1, 2, 3])),
  () => allClose(x, x, wrong({ tol: 1 })),
  () => cumprod(x, 2),
  () => onesLike(wrong([2, 3])),
  () => onesLike(x, wrong('float64')),
  () => repeat(x, -1),
  () => repeat(x, [1, 2, 3], 0),
  () => repeat(x, [1, 0.5], 0),
  () => repeat(x, 2, 2),
  () => diag(ones([1, 2, 3])),
  () => diag(scalar(1)),
  () => diag(x, 0.5),
  () => diagonal(ones([3])),
  () => trace(ones([3])),
  () => outer(x, ones([3])),
  () => meshgrid(wrong(ones([3]))),
  () => meshgrid([x]),
  () => meshgrid([ones([2])], { indexing: wrong('yx') }),
  () => take(x, [6]),
  () => take(x, [0, -3], 0),
  () => take(x, [0.5], 0),
  () => take(x, ones([2]), 0),
  () => take(x, ints, 0).dataSync(),
  () => takeAlongAxis(x, ints, 0),
  () => takeAlongAxis(x, ones([3, 3], 'int32'), 1),
  () => searchsorted(x, x),
  () => bincount(ones([2]), 3),
  () => bincount(ints, -1),
  () => bincount(ints, 2).dataSync(),
  () => bincount(ints, 3, ones([3])),
  () => histogram(x, 0, [0, 1]),
  () => histogram(x, 2, [1, 1]),
  () => histogram(x, 2, wrong(5)),
  () => permutation(key(0), 1.5),
  () => permutation(key(0), scalar(3)),
  () => permutation(ints.cast('float32'), 3),
  () => permutation(wrong(5), 3),
  () => categorical(key(0), scalar(1)),
  () => categorical(key(0), x, { axis: 2 }),
  () => categorical(key(0), x, { shape: [3] }),
  () => categorical(key(0), x, { shape: [] }),
  () => categorical(key(0), zeros([2, 0])),
  () => conv1d(x, x),
  () => conv1d(ones([1, 2, 3]), ones([1, 2, 4])),
  () => conv1d(ones([1, 2, 3]), ones([1, 2, 2]), { stride: 0 }),
  () => linspace(0, 1, 3, wrong({ endPoint: false })),
  () => where(wrong(true), 1, 0),
  () => maskedSelect(x, ones([4], 'bool')),
  () => nonzero(wrong([1, 0])),
  () => compile((y: Tensor) => wrong(unique(y)))(x),
  () => compile((y: Tensor) => wrong(maskedSelect(y, y.greater(0))))(x),
  () => grad((y: Tensor) => wrong(unique(y)))(x),
];

describe('functions of arrays', () => {
  it('say what is wrong and what was expected', async () => {
    expect(await refusals(calls)).toMatchInlineSnapshot(`
      "AxisError: sort: axis -1 does not exist: a scalar has no axes.
      AxisError: sort: axis 2 does not exist: valid axes are -2 to 1.
      ValueError: sort: there is no option 'reverse'. Options are descending.
      ValueError: sort: x must be a tensor, but is an array. Make one first, with tensor(…).
      AxisError: argsort: axis null does not exist: valid axes are -2 to 1.
      ValueError: topk: k is 4, but axis -1 of [2, 3] takes whole numbers from 0 to 3.
      ValueError: topk: k is 1.5, but axis -1 of [2, 3] takes whole numbers from 0 to 3.
      AxisError: topk: axis 5 does not exist: valid axes are -2 to 1.
      ValueError: topk: k is an object, but axis -1 of [2, 3] takes whole numbers from 0 to 3.
      ShapeError: median: [2, 0] has no elements to put in order.
      AxisError: median: axis 3 does not exist: valid axes are -2 to 1.
      ValueError: quantile: q must be numbers from 0 to 1, but one is 2.
      ValueError: quantile: q must be numbers from 0 to 1, but there is none.
      ValueError: quantile: q must be numbers from 0 to 1, but one is NaN.
      ValueError: quantile: q must be numbers from 0 to 1, but one is 'half'.
      AxisError: std: axis 4 does not exist: valid axes are -2 to 1.
      ValueError: variance: correction must be finite, but is NaN.
      ValueError: std: there is no option 'ddof'. Options are keepDims, correction.
      AxisError: norm: axis 2 does not exist: valid axes are -2 to 1.
      ValueError: norm: there is no order 3. Use 1, 2, Infinity or 'fro'.
      ValueError: norm: there is no option 'ord'. Options are order, keepDims.
      ShapeError: max: [0] has no elements along axes [0], so there is no largest one.
      AxisError: all: axis 2 does not exist: valid axes are -2 to 1.
      ValueError: all: there is no option 'keepdims'. Did you mean keepDims?
      ShapeError: isClose: shapes [2, 3] and [4] do not broadcast: sizes 3 and 4 clash at axis -1. Sizes must be equal or 1, aligned at the last axis.
      ValueError: isClose: rtol and atol must be finite and at least 0, but got -1 and 1e-8.
      ValueError: isClose: operands are tensors, numbers or booleans, but got an array. Make a tensor first, with tensor(…).
      ValueError: allClose: there is no option 'tol'. Options are rtol, atol, equalNaN.
      AxisError: cumprod: axis 2 does not exist: valid axes are -2 to 1.
      ValueError: onesLike: x must be a tensor, but is an array. Make one first, with tensor(…).
      DTypeError: onesLike: there is no dtype float64. Use float32, int32, bool.
      ValueError: repeat: counts must be whole numbers of at least 0, but one is -1.
      ShapeError: repeat: 3 counts for the 2 elements along axis 0 of [2, 3]: one each expected.
      ValueError: repeat: counts must be whole numbers of at least 0, but one is 0.5.
      AxisError: repeat: axis 2 does not exist: valid axes are -2 to 1.
      ShapeError: diag: takes a vector or a matrix, but got [1, 2, 3]. For batches of matrices use diagonal.
      ShapeError: diag: takes a vector or a matrix, but got []. For batches of matrices use diagonal.
      ValueError: diag: k must be a whole number, but is 0.5.
      ShapeError: diagonal: [..., M, N] expected, but got [3].
      ShapeError: trace: [..., M, N] expected, but got [3].
      ShapeError: outer: takes vectors, but got [2, 3]. Flatten it first.
      ValueError: meshgrid: vectors must be an array, but is a tensor [3]. Write meshgrid([x, y]).
      ShapeError: meshgrid: takes vectors, but got [2, 3]. Flatten it first.
      ValueError: meshgrid: there is no indexing 'yx'. Use 'xy' or 'ij'.
      ValueError: take: index 6 is outside axis 0 of 6 elements: whole numbers from -6 to 5 expected.
      ValueError: take: index -3 is outside axis 0 of 2 elements: whole numbers from -2 to 1 expected.
      ValueError: take: index 0.5 is outside axis 0 of 2 elements: whole numbers from -2 to 1 expected.
      DTypeError: take: takes int32, but got float32. Convert it first with .cast('int32').
      ValueError: gather: index 2 is outside axis 0 of [2, 3]: indices along it are 0 to 1. Ids of embedding and crossEntropy are such indices.
      ShapeError: takeAlongAxis: index [2] must have the rank of x [2, 3].
      ShapeError: takeAlongAxis: shapes [2, 1] and [3, 1] do not broadcast: sizes 2 and 3 clash at axis -2. Sizes must be equal or 1, aligned at the last axis.
      ShapeError: searchsorted: sorted must be a vector, but is [2, 3].
      DTypeError: bincount: takes int32, but got float32. Convert it first with .cast('int32').
      ValueError: bincount: length must be a whole number of at least 0, but is -1.
      ValueError: scatterAdd: index 2 is outside axis 0 of [2]: indices along it are 0 to 1.
      ShapeError: scatterAdd: index [2] and source [3] must have one shape.
      ValueError: histogram: bins must be a whole number of at least 1, but is 0.
      ValueError: histogram: the range needs finite ends low < high, but is [1, 1].
      ValueError: histogram: the range must be an array, but is 5. Write [low, high].
      ValueError: permutation: takes a tensor or a whole number of at least 0, but got 1.5.
      ShapeError: permutation: a scalar has no entries. Pass a number of them.
      DTypeError: permutation: a key is an int32 tensor of shape [2], but got float32[2]. Make one with key(seed) or splitKey(key, n).
      ValueError: permutation: the key must be a tensor, but is 5. Make one first, with tensor(…).
      AxisError: categorical: axis -1 does not exist: a scalar has no axes.
      AxisError: categorical: axis 2 does not exist: valid axes are -2 to 1.
      ShapeError: categorical: shapes [2] and [3] do not broadcast: sizes 2 and 3 clash at axis -1. Sizes must be equal or 1, aligned at the last axis.
      ShapeError: categorical: logits [2, 3] without axis 1 do not broadcast to [].
      ShapeError: max: [2, 0] has no elements along axes [1], so there is no largest one.
      ShapeError: conv1d: x is [2, 3], weight is [2, 3]: [B, C, L] and [O, C/groups, k] expected.
      ShapeError: conv2d: the kernel of w [1, 2, 1, 4] does not fit into x [1, 2, 1, 3] with padding [0, 0] and dilation [1, 1].
      ValueError: conv2d: stride [1, 0], dilation [1, 1] and groups 1 must be whole numbers of at least 1, padding [0, 0] of at least 0: one number, or [vertical, horizontal].
      ValueError: linspace: there is no option 'endPoint'. Did you mean endpoint?
      ValueError: where: condition must be a tensor, but is true. Make one first, with tensor(…).
      ShapeError: maskedSelect: shapes [2, 3] and [4] do not broadcast: sizes 3 and 4 clash at axis -1. Sizes must be equal or 1, aligned at the last axis.
      ValueError: nonzero: x must be a tensor, but is an array. Make one first, with tensor(…).
      StateError: unique: its result depends on values, and inside of compile values cannot be awaited. Call it outside, with await, and pass the result in.
      StateError: maskedSelect: its result depends on values, and inside of compile values cannot be awaited. Call it outside, with await, and pass the result in.
      StateError: unique: its result depends on values, and inside of grad values cannot be awaited. Call it outside, with await, and pass the result in."
    `);
  });
});
