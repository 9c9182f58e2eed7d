import {
  type Tensor,
  argmax,
  attention,
  avgPool2d,
  batchNorm,
  bernoulli,
  broadcastShapes,
  clamp,
  compile,
  concat,
  conv2d,
  convTranspose2d,
  cumsum,
  decodeSafetensors,
  einsum,
  embedding,
  foldIn,
  fromNpy,
  gather,
  groupNorm,
  indexSelect,
  key,
  layerNorm,
  linear,
  logSoftmax,
  logSumExp,
  maxPool2d,
  normal,
  oneHot,
  ones,
  pad,
  prod,
  randomInt,
  rmsNorm,
  roll,
  scalar,
  scatterAdd,
  softmax,
  split,
  stack,
  tensor,
  tile,
  tree,
  tril,
  triu,
  uniform,
  upsampleBilinear2d,
  upsampleNearest2d,
  zeros,
} from '@tessera/tensor';
import { describe, expect, it } from 'vitest';
import { refusals, wrong } from '../../refusals.ts';

const ints = tensor([1, 2], { dtype: 'int32' });
const bools = tensor([true, false]);
const x = ones([2, 3]);
const image = ones([1, 2, 4, 4]);
const kernel = ones([3, 2, 3, 3]);

/** Calls that make no sense, each of which must say so. */
const calls: readonly (() => unknown)[] = [
  () => concat([]),
  () => concat([x, ones([2, 4])], 0),
  () => concat([ones([2]), ints]),
  () => concat([x], 2),
  () => concat([scalar(1), scalar(2)]),
  () => stack([]),
  () => stack([ones([2]), ones([3])]),
  () => gather(x, ones([2, 1]), 1),
  () => gather(x, ints, 1),
  () => gather(x, tensor([[0]], { dtype: 'int32' }), 2),
  () => gather(x, tensor([[7]], { dtype: 'int32' }), 1).dataSync(),
  () => scatterAdd(ints, ones([3]), 0, [4]),
  () => scatterAdd(ints, ones([2]), 0, [-4]),
  () => scatterAdd(ints, bools, 0, [4]),
  () => scatterAdd(ints, ones([2]), 0, [2]).dataSync(),
  () => indexSelect(x, tensor([[0]], { dtype: 'int32' }), 0),
  () => indexSelect(x, ones([1]), 0),
  () => embedding(x, ones([1])),
  () => embedding(ones([2]), ints),
  () => embedding(x, tensor([2], { dtype: 'int32' })).dataSync(),
  () => oneHot(ones([1]), 3),
  () => oneHot(ints, -1),
  () => oneHot(ints, 1.5),
  () => linear(x, ones([4, 2])),
  () => linear(x, ones([4, 3]), ones([3])),
  () => linear(x, ones([4, 3]), ones([1])),
  () => linear(x, ones([4, 3]), ones([5, 1, 4])),
  () => conv2d(ones([2, 4, 4]), kernel),
  () => conv2d(ones([1, 3, 4, 4]), kernel),
  () => conv2d(ones([1, 2, 2, 2]), kernel),
  () => conv2d(image, kernel, { stride: 0 }),
  () => conv2d(image, kernel, { padding: -1 }),
  () => conv2d(image, kernel, { padding: NaN }),
  () => conv2d(image, kernel, { groups: 2 }),
  () => conv2d(image, kernel, { groups: 1.5 }),
  () => conv2d(image.cast('int32'), kernel),
  () => conv2d(image, kernel, { stride: wrong([1, 1, 1]) }),
  () => convTranspose2d(ones([2]), kernel),
  () => convTranspose2d(image, kernel),
  () => convTranspose2d(ones([1, 3, 4, 4]), kernel, { stride: 0 }),
  () => convTranspose2d(ones([1, 3, 4, 4]), kernel, { outputPadding: 1 }),
  () => convTranspose2d(ones([1, 3, 4, 4]), kernel, { groups: 2 }),
  () => convTranspose2d(ones([1, 3, 4, 4]), kernel, { stride: 2, outputPadding: 0.5 }),
  () => maxPool2d(image, 0),
  () => maxPool2d(image, 5),
  () => maxPool2d(image, 2, { padding: 2 }),
  () => avgPool2d(ones([3]), 2),
  () => avgPool2d(image, 2, { stride: 0 }),
  () => upsampleNearest2d(image, 0),
  () => upsampleNearest2d(ones([3]), 2),
  () => upsampleBilinear2d(image, { size: [0, 2] }),
  () => softmax(x, 2),
  () => softmax(scalar(1)),
  () => logSoftmax(x, -3),
  () => logSumExp(x, [0, 0]),
  () => layerNorm(x, { normalizedShape: [4] }),
  () => layerNorm(x, { weight: ones([2]) }),
  () => layerNorm(x, { bias: ones([2]) }),
  () => layerNorm(x, { eps: NaN }),
  () => layerNorm(x, { eps: -1 }),
  () => layerNorm(x.cast('int32')),
  () => layerNorm(scalar(1)),
  () => rmsNorm(x, { eps: -1 }),
  () => rmsNorm(x.cast('int32')).dtype,
  () => rmsNorm(x, { weight: ones([1]) }),
  () => groupNorm(image, 3),
  () => groupNorm(image, 0),
  () => groupNorm(ones([2]), 1),
  () => groupNorm(image, 1, { eps: NaN }),
  () => batchNorm(image, { mean: ones([3]), variance: ones([2]) }),
  () => batchNorm(image, { mean: ones([2]), variance: ones([2]) }, { eps: -1 }),
  () => batchNorm(image, { mean: ones([2]), variance: ones([2]) }, { training: true, momentum: 2 }),
  () => batchNorm(ones([1, 2]), { mean: ones([2]), variance: ones([2]) }, { training: true }),
  () => attention(ones([2, 3]), ones([4, 2]), ones([4, 2])),
  () => attention(ones([3]), ones([3]), ones([3])),
  () => attention(scalar(1), scalar(1), scalar(1)),
  () => attention(x, x, x, { scale: NaN }),
  () => attention(ones([2, 0]), ones([4, 0]), ones([4, 2])),
  () => attention(x, x, x, { mask: ones([3, 3]) }),
  () => attention(x, x, x, { mask: ones([2, 2], 'int32') }),
  () => attention(x, x, x, { mask: ones([5, 2, 2]) }),
  () => attention(x.cast('int32'), x, x),
  () => attention(ones([2, 3, 4]), ones([3, 3, 4]), ones([3, 3, 4])),
  () => einsum('ij,jk', x),
  () => einsum('ij,jk->ik', x, x),
  () => einsum('i1->i', ones([2])),
  () => einsum('ij->k', x),
  () => clamp(x, NaN, 1).toArraySync(),
  () => tile(x, [-1]),
  () => tile(x, [1.5]),
  () => roll(x, [1, 2], 0),
  () => roll(x, 0.5, 0),
  () => roll(x, NaN, 0),
  () => roll(x, 1, 3),
  () => argmax(zeros([0])),
  () => argmax(x, 2),
  () => prod(x, 2),
  () => cumsum(x, 2),
  () => cumsum(scalar(1), 0),
  () => tril(ones([3])),
  () => tril(x, 0.5),
  () => triu(x, NaN),
  () =>
    pad(
      x,
      [
        [0, 0],
        [3, 0],
      ],
      { mode: 'reflect' },
    ),
  () =>
    pad(
      x,
      [
        [0, 0],
        [1, 0],
      ],
      { mode: wrong('wrap') },
    ),
  () => key(-1),
  () => key(NaN),
  () => split(ints.add(0).slice([[0, 1]])),
  () => split(ones([2])),
  () => split(key(0), 1.5),
  () => foldIn(key(0), -1),
  () => foldIn(ones([2]), 1),
  () => uniform(key(0), [2], 1, 0),
  () => uniform(key(0), [2], NaN),
  () => uniform(ones([2]), [2]),
  () => normal(ones([3], 'int32'), [2]),
  () => randomInt(key(0), [2], 3, 3),
  () => bernoulli(key(0), 1.5, [2]),
  () => broadcastShapes('mine', [2], [3]),
  () => compile((a: Tensor) => a, { donate: [1] })(x),
  () => compile((a: Tensor) => Promise.resolve(a))(x),
  () => compile(wrong(3)),
  () => compile((a: Tensor) => scalar(a.sum().itemSync()))(x),
  () => {
    let kept: Tensor = x;
    compile((a: Tensor) => (kept = a))(x);
    return kept.add(1);
  },
  () => tree.map((a) => a, { a: x }, {}),
  () => tree.flatten({ a: x }).unflatten([]),
  () => decodeSafetensors(new Uint8Array(3)),
  () => fromNpy(new Uint8Array(3)),
];

describe('functions of tensors', () => {
  it('refuse what makes no sense, and say what clashes', async () => {
    expect(await refusals(calls)).toMatchInlineSnapshot(`
      "ShapeError: concat: needs at least one tensor.
      ShapeError: concat: input 1 is float32 [2, 4], input 0 is float32 [2, 3]: all must agree except in the size of axis 0.
      DTypeError: concat: input 1 is int32 [2], input 0 is float32 [2]: one dtype expected. Convert with .cast('float32').
      AxisError: concat: axis 2 does not exist: valid axes are -2 to 1.
      AxisError: concat: axis 0 does not exist: a scalar has no axes.
      ShapeError: stack: needs at least one tensor.
      ShapeError: stack: input 1 is [3], input 0 is [2]: all must have one shape. To join along an axis that exists use concat.
      DTypeError: gather: takes int32, but got float32. Convert it first with .cast('int32').
      ShapeError: gather: index [2] must have the rank of [2, 3] and be no larger outside axis 1.
      AxisError: gather: axis 2 does not exist: valid axes are -2 to 1.
      ValueError: gather: index 7 is outside axis 1 of [2, 3]: indices along it are 0 to 2. Ids of embedding and crossEntropy are such indices.
      ShapeError: scatterAdd: index [2] and source [3] must have one shape.
      ShapeError: scatterAdd: sizes must be whole numbers of at least 0, but got [-4].
      DTypeError: scatterAdd: takes float32 or int32, but got bool. Convert it first with .cast('float32').
      ValueError: scatterAdd: index 2 is outside axis 0 of [2]: indices along it are 0 to 1.
      ShapeError: indexSelect: index must be a vector, but got [1, 1].
      DTypeError: indexSelect: takes int32, but got float32. Convert it first with .cast('int32').
      DTypeError: embedding: takes int32, but got float32. Convert it first with .cast('int32').
      ShapeError: embedding: the table must be [V, D], but got [2].
      ValueError: gather: index 2 is outside axis 0 of [2, 3]: indices along it are 0 to 1. Ids of embedding and crossEntropy are such indices.
      DTypeError: oneHot: takes int32, but got float32. Convert it first with .cast('int32').
      ValueError: oneHot: classes must be a whole number of at least 0, but is -1.
      ValueError: oneHot: classes must be a whole number of at least 0, but is 1.5.
      ShapeError: linear: x is [2, 3], weight is [4, 2]: [..., in] and [out, in] expected.
      ShapeError: linear: bias is [3], weight is [4, 3]: [out] and [out, in] expected.
      ShapeError: linear: bias is [1], weight is [4, 3]: [out] and [out, in] expected.
      ShapeError: linear: bias is [5, 1, 4], weight is [4, 3]: [out] and [out, in] expected.
      ShapeError: conv2d: x [B, C, H, W] expected, but got [2, 4, 4].
      ShapeError: conv2d: x [1, 3, 4, 4] has 3 channels, but w [3, 2, 3, 3] with groups 1 takes 2 channels to 3. C must be groups · w.shape[1] and O a multiple of groups.
      ShapeError: conv2d: the kernel of w [3, 2, 3, 3] does not fit into x [1, 2, 2, 2] with padding [0, 0] and dilation [1, 1].
      ValueError: conv2d: stride [0, 0], dilation [1, 1] and groups 1 must be whole numbers of at least 1, padding [0, 0] of at least 0: one number, or [vertical, horizontal].
      ValueError: conv2d: stride [1, 1], dilation [1, 1] and groups 1 must be whole numbers of at least 1, padding [-1, -1] of at least 0: one number, or [vertical, horizontal].
      ValueError: conv2d: stride [1, 1], dilation [1, 1] and groups 1 must be whole numbers of at least 1, padding [NaN, NaN] of at least 0: one number, or [vertical, horizontal].
      ShapeError: conv2d: x [1, 2, 4, 4] has 2 channels, but w [3, 2, 3, 3] with groups 2 takes 4 channels to 3. C must be groups · w.shape[1] and O a multiple of groups.
      ValueError: conv2d: stride [1, 1], dilation [1, 1] and groups 1.5 must be whole numbers of at least 1, padding [0, 0] of at least 0: one number, or [vertical, horizontal].
      DTypeError: conv2d: takes float32, but got int32. Convert it first with .cast('float32').
      ValueError: conv2d: stride [1, 1, 1], dilation [1, 1] and groups 1 must be whole numbers of at least 1, padding [0, 0] of at least 0: one number, or [vertical, horizontal].
      ShapeError: convTranspose2d: x is [2], weight is [3, 2, 3, 3]: [B, C, H, W] and [C, O/groups, kh, kw] expected.
      ShapeError: convTranspose2d: x [1, 2, 4, 4] has 2 channels, but weight [3, 2, 3, 3] takes 3, in 1 groups. C must be weight.shape[0] and a multiple of groups.
      ValueError: convTranspose2d: stride [0, 0], dilation [1, 1] and groups 1 must be whole numbers of at least 1, padding [0, 0] of at least 0: one number, or [vertical, horizontal].
      ValueError: convTranspose2d: outputPadding [1, 1] must be whole numbers from 0, smaller than stride [1, 1] or dilation [1, 1].
      ShapeError: convTranspose2d: x [1, 3, 4, 4] has 3 channels, but weight [3, 2, 3, 3] takes 3, in 2 groups. C must be weight.shape[0] and a multiple of groups.
      ValueError: convTranspose2d: outputPadding [0.5, 0.5] must be whole numbers from 0, smaller than stride [2, 2] or dilation [1, 1].
      ValueError: maxPool2d: kernel [0, 0] must be whole numbers of at least 1, and padding [0, 0] at most half of the span of a window, [0, 0].
      ShapeError: maxPool2d: a 5×5 window with padding [0, 0] and dilation [1, 1] does not fit into x [1, 2, 4, 4]: [..., H, W] of its size or larger expected.
      ValueError: maxPool2d: kernel [2, 2] must be whole numbers of at least 1, and padding [2, 2] at most half of the span of a window, [2, 2].
      ShapeError: avgPool2d: a 2×2 window with padding [0, 0] and dilation [1, 1] does not fit into x [3]: [..., H, W] of its size or larger expected.
      ValueError: avgPool2d: stride [0, 0], dilation [1, 1] and groups 1 must be whole numbers of at least 1, padding [0, 0] of at least 0: one number, or [vertical, horizontal].
      ValueError: upsampleNearest2d: factor and size must be whole numbers of at least 1, but got [0]. Write 2, or { size: [8, 8] }.
      ShapeError: upsampleNearest2d: [..., H, W] with pixels expected, but got [3].
      ValueError: upsampleBilinear2d: factor and size must be whole numbers of at least 1, but got [0, 2]. Write 2, or { size: [8, 8] }.
      AxisError: softmax: axis 2 does not exist: valid axes are -2 to 1.
      AxisError: softmax: axis -1 does not exist: a scalar has no axes.
      AxisError: logSoftmax: axis -3 does not exist: valid axes are -2 to 1.
      AxisError: logSumExp: axis 0 is named twice in [0, 0].
      ShapeError: layerNorm: x is [2, 3], but its last axes must be the normalised ones, [4].
      ShapeError: layerNorm: x is [2, 3], but its last axes must be the normalised ones, [2].
      ShapeError: layerNorm: weight, bias and statistics must be [3], but one is [2].
      ValueError: layerNorm: eps must be a finite number of at least 0, but is NaN.
      ValueError: layerNorm: eps must be a finite number of at least 0, but is -1.
      DTypeError: layerNorm: takes float32, but got int32. Convert it first with .cast('float32').
      ShapeError: layerNorm: a scalar has no last axis.
      ValueError: rmsNorm: eps must be a finite number of at least 0, but is -1.
      DTypeError: rmsNorm: takes float32, but got int32. Convert it first with .cast('float32').
      ShapeError: rmsNorm: weight, bias and statistics must be [3], but one is [1].
      ShapeError: groupNorm: the 2 channels of x [1, 2, 4, 4] do not divide into 3 groups.
      ShapeError: groupNorm: the 2 channels of x [1, 2, 4, 4] do not divide into 0 groups.
      ShapeError: groupNorm: [B, C, ...] expected, but got [2].
      ValueError: groupNorm: eps must be a finite number of at least 0, but is NaN.
      ShapeError: batchNorm: weight, bias and statistics must be [2], but one is [3].
      ValueError: batchNorm: eps must be a finite number of at least 0, but is -1.
      ValueError: batchNorm: momentum must lie in [0, 1], but is 2.
      ShapeError: batchNorm: x [1, 2] has a single value per channel, so it has no variance. Train on larger batches.
      ShapeError: attention: q is [2, 3], k is [4, 2], v is [4, 2]: [..., T, E], [..., S, E] and [..., S, F] with equal batch dimensions expected.
      ShapeError: attention: q is [3], k is [3], v is [3]: [..., T, E], [..., S, E] and [..., S, F] with equal batch dimensions expected.
      ShapeError: attention: q is [], k is [], v is []: [..., T, E], [..., S, E] and [..., S, F] with equal batch dimensions expected.
      ValueError: attention: scale must be finite, but is NaN.
      ValueError: attention: scale must be finite, but is Infinity for width 0.
      ShapeError: attention (mask): shapes [2, 2] and [3, 3] do not broadcast: sizes 2 and 3 clash at axis -2. Sizes must be equal or 1, aligned at the last axis.
      DTypeError: attention (mask): takes bool or float32, but got int32. Convert it first with .cast('bool').
      ShapeError: attention (mask): the mask [5, 2, 2] does not broadcast to the logits [2, 2]: [..., T, S] expected.
      DTypeError: attention: takes float32, but got int32. Convert it first with .cast('float32').
      ShapeError: attention (batch dimensions): shapes [2] and [3] and [3] do not broadcast: sizes 2 and 3 clash at axis -1. Sizes must be equal or 1, aligned at the last axis.
      ValueError: einsum: 'ij,jk' is no equation for 1 operands: write one term of letters and '...' per operand, like 'ij,jk->ik'.
      ShapeError: einsum: sizes 3 and 2 of label j clash in 'ij,jk->ik' with operands [2, 3] and [2, 3].
      ValueError: einsum: 'i1->i' is no equation for 1 operands: write one term of letters and '...' per operand, like 'ij,jk->ik'.
      ValueError: einsum: label k of the output of 'ij->k' is in no operand, or named twice.
      ValueError: clamp: a bound is NaN: low NaN, high 1. Use null for none.
      ShapeError: tile: sizes must be whole numbers of at least 0, but got [-1].
      ShapeError: tile: sizes must be whole numbers of at least 0, but got [1.5].
      ShapeError: roll: 2 shifts for 1 axes: one each expected.
      ValueError: roll: shifts must be whole numbers, but got [0.5].
      ValueError: roll: shifts must be whole numbers, but got [NaN].
      AxisError: roll: axis 3 does not exist: valid axes are -2 to 1.
      ShapeError: argmax: [0] has no elements to compare.
      AxisError: argmax: axis 2 does not exist: valid axes are -2 to 1.
      AxisError: prod: axis 2 does not exist: valid axes are -2 to 1.
      AxisError: cumsum: axis 2 does not exist: valid axes are -2 to 1.
      AxisError: cumsum: axis 0 does not exist: a scalar has no axes.
      ShapeError: tril: [..., M, N] expected, but got [3].
      ValueError: tril: k must be a whole number, but is 0.5.
      ValueError: triu: k must be a whole number, but is NaN.
      ShapeError: pad: mode 'reflect' cannot add [3, 0] along axis 1 of [2, 3]: whole numbers from 0 to 2 expected.
      ValueError: pad: there is no mode 'wrap'. Use constant, reflect, replicate.
      ValueError: key: a seed is a whole number from 0 to 2^53 - 1, but got -1.
      ValueError: key: a seed is a whole number from 0 to 2^53 - 1, but got NaN.
      ShapeError: split: a key is an int32 tensor of shape [2], but got int32[1]. Make one with key(seed) or splitKey(key, n); tensors are cut by x.split(sizes, axis) and x.chunk(count, axis).
      DTypeError: split: a key is an int32 tensor of shape [2], but got float32[2]. Make one with key(seed) or splitKey(key, n); tensors are cut by x.split(sizes, axis) and x.chunk(count, axis).
      ValueError: split: count must be a whole number of at least 0, but is 1.5.
      ValueError: foldIn: index must be a whole number from 0 to 2^31 - 1, but got -1.
      DTypeError: foldIn: a key is an int32 tensor of shape [2], but got float32[2]. Make one with key(seed) or splitKey(key, n).
      ValueError: uniform: needs finite bounds low ≤ high, but got 1 and 0.
      ValueError: uniform: needs finite bounds low ≤ high, but got NaN and 1.
      DTypeError: uniform: a key is an int32 tensor of shape [2], but got float32[2]. Make one with key(seed) or splitKey(key, n).
      ShapeError: normal: a key is an int32 tensor of shape [2], but got int32[3]. Make one with key(seed) or splitKey(key, n).
      ValueError: randomInt: needs whole numbers low < high ≤ low + 2^24 from -2^31 to 2^31, but got 3 and 3.
      ValueError: bernoulli: p must lie in [0, 1], but got 1.5.
      ShapeError: mine: shapes [2] and [3] do not broadcast: sizes 2 and 3 clash at axis -1. Sizes must be equal or 1, aligned at the last axis.
      ValueError: compile: donate names argument 1, but the function was called with 1.
      StateError: compile: the function returned a Promise, but it must be synchronous. Read values with await outside of it.
      ValueError: compile: takes a function, but got 3.
      StateError: data: the values of float32[] are not known while compile traces the function. Return the tensor and read it outside.
      StateError: evaluate: a tensor from inside a compiled function was used after tracing. Return it from that function instead.
      StateError: tree.map: the trees differ: their numbers of leaves are 1 and 0.
      StateError: tree: the number of leaves must be 1, but is 0.
      FormatError: safetensors: 3 bytes are too few for a safetensors file.
      FormatError: npy: the bytes do not start like an .npy file."
    `);
  });
});
