import { arange, eye, full, linspace, ones, scalar, tensor, zeros } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';
import { refusals, wrong } from '../refusals.ts';

const bools = tensor([true, false]);
const x = ones([2, 3]);

/** Calls that make no sense, each of which must say so. */
const calls: readonly (() => unknown)[] = [
  () => tensor([[1, 2], [3]]),
  () => tensor(wrong(['a'])),
  () => tensor(wrong([1, true])),
  () => tensor(wrong(null)),
  () => tensor(wrong(undefined)),
  () => tensor(wrong('abc')),
  () => tensor([1], { dtype: wrong('float64') }),
  () => tensor(wrong(new Float64Array(2))),
  () => tensor(new Float32Array(6), { shape: [4] }),
  () => tensor(new Float32Array(6), [2, 3] as object),
  () => tensor([NaN], { dtype: 'int32' }),
  () => tensor([1.5], { dtype: 'int32' }),
  () => zeros([-1]),
  () => zeros([1.5]),
  () => zeros([NaN]),
  () => zeros(wrong(3)),
  () => full([1], 1, wrong('f16')),
  () => full([1], 2, 'bool'),
  () => scalar(NaN, 'int32'),
  () => arange(-1),
  () => arange(2.5),
  () => eye(-1),
  () => linspace(0, 1, -1),
  () => linspace(0, 1, 1.5),
  () => linspace(NaN, 1, 2),
  () => x.add(ones([2])),
  () => x.add(wrong('1')),
  () => x.add(wrong(undefined)),
  () => x.add(wrong([1, 2, 3])),
  () => x.and(x),
  () => bools.and(tensor([true, false, true])),
  () => x.not(),
  () => bools.neg(),
  () => bools.sub(bools),
  () => x.where(1, 2),
  () => bools.where(ones([3]), 0),
  () => x.cast(wrong('float64')),
  () => x.matmul(x),
  () => x.matmul(scalar(1)),
  () => x.matmul(ones([2])),
  () => ones([3]).matmul(x),
  () => ones([2, 3, 4]).matmul(ones([3, 4, 5])),
  () => tensor([[1]], { dtype: 'int32' }).matmul(tensor([[1]], { dtype: 'int32' })),
  () => x.matmul(wrong(3)),
  () => x.reshape([4]),
  () => x.reshape([-1, -1]),
  () => x.reshape([NaN]),
  () => x.permute([0, 0]),
  () => x.permute([0]),
  () => x.permute([0, 2]),
  () => ones([2]).transpose(),
  () => x.expand([4, 3]),
  () => x.expand([3]),
  () => x.squeeze(0),
  () => x.squeeze(5),
  () => x.unsqueeze(4),
  () => x.flatten(3),
  () => ones([2, 3, 4]).flatten(2, 0),
  () => x.slice([null, null, null]),
  () => x.slice([[0, 1, 0]]),
  () => x.slice([[0.5]]),
  () => x.select(0, 2),
  () => x.select(0, 0.5),
  () => x.flip(2),
  () => x.pad([[1, 1]]),
  () =>
    x.pad([
      [0, 0],
      [-1, 0],
    ]),
  () =>
    x.pad([
      [0, 0],
      [NaN, 0],
    ]),
  () => x.split([1, 3], 1),
  () => x.chunk(2, 1),
  () => x.chunk(0, 1),
  () => x.sum(2),
  () => x.sum([0, -2]),
  () => x.sum(0.5),
  () => zeros([0]).max(),
  () => zeros([0]).min(),
  () => x.mean(7),
  () => x.variance(0, { correction: NaN }),
  () => x.itemSync(),
];

describe('tensors and their methods', () => {
  it('refuse what makes no sense, and say what clashes', async () => {
    expect(await refusals(calls)).toMatchInlineSnapshot(`
      "ShapeError: tensor: the rows differ in length or depth; the first ones make up [2, 2]. Pad them to one length.
      FormatError: tensor: elements must be all numbers or all booleans, but got string.
      FormatError: tensor: elements must be all numbers or all booleans, but got number and boolean.
      FormatError: tensor: elements must be all numbers or all booleans, but got null.
      FormatError: tensor: elements must be all numbers or all booleans, but got undefined.
      FormatError: tensor: elements must be all numbers or all booleans, but got string.
      DTypeError: tensor: there is no dtype float64. Use float32, int32, bool.
      DTypeError: tensor: no dtype is stored as [object Float64Array]. Use Float32Array, Int32Array or Uint8Array (bool).
      ShapeError: tensor: 6 elements do not fill shape [4] (4 elements).
      ValueError: tensor: the second argument must be options, but is an array. Write { shape: [2, 3] }.
      ValueError: tensor: element 0 is NaN, which is no int32. Use float32, or round it first.
      ValueError: tensor: element 0 is 1.5, which is no int32. Use float32, or round it first.
      ShapeError: zeros: sizes must be whole numbers of at least 0, but got [-1].
      ShapeError: zeros: sizes must be whole numbers of at least 0, but got [1.5].
      ShapeError: zeros: sizes must be whole numbers of at least 0, but got [NaN].
      ShapeError: zeros: a shape is a list of sizes, but got 3. Write [2, 3].
      DTypeError: full: there is no dtype f16. Use float32, int32, bool.
      ValueError: full: 2 is no bool. A bool is 0 or 1: compare first, e.g. x.notEqual(0), or take dtype 'int32'.
      ValueError: scalar: NaN is no int32. Use float32, or round it first.
      ValueError: arange: count must be a whole number of at least 0, but got -1.
      ValueError: arange: count must be a whole number of at least 0, but got 2.5.
      ValueError: eye: n must be a whole number of at least 0, but got -1.
      ValueError: linspace: count must be a whole number of at least 0, but got -1.
      ValueError: linspace: count must be a whole number of at least 0, but got 1.5.
      ValueError: linspace: the ends must be finite, but got NaN and 1.
      ShapeError: add: shapes [2, 3] and [2] do not broadcast: sizes 3 and 2 clash at axis -1. Sizes must be equal or 1, aligned at the last axis.
      ValueError: add: operands are tensors, numbers or booleans, but got '1'. Make a tensor first, with tensor(…).
      ValueError: add: operands are tensors, numbers or booleans, but got undefined. Make a tensor first, with tensor(…).
      ValueError: add: operands are tensors, numbers or booleans, but got an array. Make a tensor first, with tensor(…).
      DTypeError: and: takes bool, but got float32 and float32. Compare first, e.g. x.greater(0).
      ShapeError: and: shapes [2] and [3] do not broadcast: sizes 2 and 3 clash at axis -1. Sizes must be equal or 1, aligned at the last axis.
      DTypeError: not: takes bool, but got float32. Compare first, e.g. x.greater(0).
      DTypeError: neg: takes float32 or int32, but got bool. Convert it first with .cast('float32').
      DTypeError: sub: takes float32 or int32, but got bool. Convert it first with .cast('float32').
      DTypeError: where: takes bool, but got float32. Compare first, e.g. x.greater(0).
      ShapeError: where: shapes [2] and [3] and [] do not broadcast: sizes 2 and 3 clash at axis -1. Sizes must be equal or 1, aligned at the last axis.
      DTypeError: cast: there is no dtype float64. Use float32, int32, bool.
      ShapeError: matmul: inner dimensions differ: a is [2, 3] (K = 3), b is [2, 3] (K = 2). Did you mean b.transpose(-1, -2)?
      ShapeError: matmul: a is [2, 3], b is []: scalars have no inner dimension. Use mul.
      ShapeError: matmul: inner dimensions differ: a is [2, 3] (K = 3), b is [2] (K = 2). Did you mean a.transpose(-1, -2)?
      ShapeError: matmul: inner dimensions differ: a is [3] (K = 3), b is [2, 3] (K = 2). Did you mean b.transpose(-1, -2)?
      ShapeError: matmul (batch dimensions of [2, 3, 4] and [3, 4, 5]): shapes [2] and [3] do not broadcast: sizes 2 and 3 clash at axis -1. Sizes must be equal or 1, aligned at the last axis.
      DTypeError: matmul: takes float32, but got int32. Convert it first with .cast('float32').
      ValueError: matmul: takes tensors, but got 3. For numbers use mul.
      ShapeError: reshape: cannot turn [2, 3] (6 elements) into [4]. The number of elements must stay the same; at most one size may be -1.
      ShapeError: reshape: cannot turn [2, 3] (6 elements) into [-1, -1]. The number of elements must stay the same; at most one size may be -1.
      ShapeError: reshape: cannot turn [2, 3] (6 elements) into [NaN]. The number of elements must stay the same; at most one size may be -1.
      AxisError: permute: axes [0, 0] do not name each of the 2 dimensions once.
      AxisError: permute: axes [0] do not name each of the 2 dimensions once.
      AxisError: permute: axis 2 does not exist: valid axes are -2 to 1.
      AxisError: transpose: axis -2 does not exist: valid axes are -1 to 0.
      ShapeError: expand: shapes [2, 3] and [4, 3] do not broadcast: sizes 2 and 4 clash at axis -2. Sizes must be equal or 1, aligned at the last axis.
      ShapeError: expand: [2, 3] does not expand to [3]: only sizes of 1 stretch.
      ShapeError: squeeze: axis 0 of [2, 3] has size 2, not 1.
      AxisError: squeeze: axis 5 does not exist: valid axes are -2 to 1.
      AxisError: unsqueeze: axis 4 does not exist: valid axes are -3 to 2.
      AxisError: flatten: axis 3 does not exist: valid axes are -2 to 1.
      AxisError: flatten: the first axis 2 of [2, 3, 4] comes after the last axis, 0.
      ShapeError: slice: 3 ranges for [2, 3] of rank 2.
      ValueError: slice: a slice step must be a whole number other than 0, but got 0.
      ValueError: slice: slice bounds must be whole numbers, but got 0.5.
      ValueError: select: index 2 is outside axis 0 of [2, 3].
      ValueError: select: index 0.5 is outside axis 0 of [2, 3].
      AxisError: flip: axis 2 does not exist: valid axes are -2 to 1.
      ShapeError: pad: 1 [before, after] pairs for [2, 3]: one for each dimension expected.
      ShapeError: pad: amounts must be whole numbers of at least 0: before [0, -1], after [0, 0]. Use slice to crop.
      ShapeError: pad: amounts must be whole numbers of at least 0: before [0, NaN], after [0, 0]. Use slice to crop.
      ShapeError: split: sizes [1, 3] do not add up to 3, the size of axis 1 of [2, 3].
      ShapeError: chunk: axis 1 of [2, 3] does not divide into 2 equal parts.
      ShapeError: chunk: axis 1 of [2, 3] does not divide into 0 equal parts.
      AxisError: sum: axis 2 does not exist: valid axes are -2 to 1.
      AxisError: sum: axis 0 is named twice in [0, -2].
      AxisError: sum: axis 0.5 does not exist: valid axes are -2 to 1.
      ShapeError: max: [0] has no elements along axes [0], so there is no largest one.
      ShapeError: min: [0] has no elements along axes [0], so there is no largest one.
      AxisError: mean: axis 7 does not exist: valid axes are -2 to 1.
      ValueError: variance: correction must be finite, but is NaN.
      ShapeError: item: float32[2, 3] holds 6 elements, not one. Use data() or toArray()."
    `);
  });
});
