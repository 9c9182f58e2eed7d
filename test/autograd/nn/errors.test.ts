import { ones, scalar, tensor, key } from '@tessera/tensor';
import {
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  CrossAttention,
  Dropout,
  Embedding,
  GroupNorm,
  LayerNorm,
  Linear,
  Mlp,
  RMSNorm,
  SelfAttention,
  bceWithLogits,
  crossEntropy,
  init,
  klDiv,
  loadTensors,
  mseLoss,
  smoothL1,
} from '@tessera/autograd/nn';
import {
  adam,
  adamw,
  clipByGlobalNorm,
  clipByValue,
  constantSchedule,
  cosineSchedule,
  emaDecay,
  emaUpdate,
  exponentialSchedule,
  linearSchedule,
  lion,
  oneCycleSchedule,
  rmsprop,
  sgd,
  stepSchedule,
} from '@tessera/autograd/optim';
import { describe, expect, it } from 'vitest';
import { refusals, wrong } from '../../refusals.ts';

const ints = tensor([1, 2], { dtype: 'int32' });
const x = ones([2, 3]);
const k = key(0);
const model = { w: ones([2]) };
const lr = { learningRate: 0.1 };

/** Calls that make no sense, each of which must say so. */
const calls: readonly (() => unknown)[] = [
  () => new Linear(0, 2, { key: k }),
  () => new Linear(-1, 2, { key: k }),
  () => new Linear(1.5, 2, { key: k }),
  () => new Linear(1, 2, { key: ones([2]) }),
  () => new Linear(4, 2, { key: k }).forward(x),
  () => new Conv2d(3, 4, { key: k, kernelSize: 3, groups: 2 }),
  () => new Conv2d(3, 4, { key: k, kernelSize: 3, groups: 0 }),
  () => new Conv2d(3, 4, { key: k, kernelSize: 0 }),
  () => new Conv2d(3, 4, { key: k, kernelSize: 1.5 }),
  () => new Conv2d(3, 4, { key: k, kernelSize: 3, stride: 0 }),
  () => new Conv2d(3, 4, { key: k, kernelSize: 3 }).forward(ones([1, 2, 5, 5])),
  () => new ConvTranspose2d(3, 4, { key: k, kernelSize: 3, groups: 2 }),
  () => new Embedding(-1, 2, { key: k }),
  () => new Embedding(4, 2, { key: k }).forward(ones([1])),
  () => new LayerNorm(3, { eps: -1 }),
  () => new LayerNorm(4).forward(x),
  () => new LayerNorm(4, { affine: false }).forward(x),
  () => new GroupNorm(2, 3),
  () => new GroupNorm(1, 3).forward(ones([1, 2, 4, 4])),
  () => new RMSNorm(4).forward(x),
  () => new BatchNorm2d(4).forward(x),
  () => new BatchNorm2d(4, { momentum: 2 }),
  () => new Dropout(1),
  () => new Dropout(NaN),
  () => new Dropout(0.5).train(x),
  () => new SelfAttention(6, 4, { key: k }),
  () => new SelfAttention(6, 0, { key: k }),
  () => new SelfAttention(6, 2, { key: k }).forward(x),
  () => new SelfAttention(3, 1, { key: k }).forward(x),
  () => new CrossAttention(4, 2, { key: k }).forward(ones([1, 2, 4]), ones([1, 2, 3])),
  () => new Mlp(4, -1, { key: k }),
  () => init.xavierUniform()(k, [3]),
  () => init.kaimingUniform()(k, []),
  () => init.normal(NaN)(k, [2]),
  () => mseLoss(x, ones([2])),
  () => mseLoss(x, x, { reduction: wrong('avg') }),
  () => smoothL1(x, x, { beta: -1 }),
  () => smoothL1(x, x, { beta: NaN }),
  () => crossEntropy(x, tensor([0], { dtype: 'int32' })),
  () => crossEntropy(x, ones([2])),
  () => crossEntropy(x, ints, { labelSmoothing: 2 }),
  () => crossEntropy(x, tensor([0, 9], { dtype: 'int32' })).dataSync(),
  () => bceWithLogits(x, ones([2])),
  () => bceWithLogits(x, x, { posWeight: ones([7]) }),
  () => klDiv(x, ones([2])),
  () => loadTensors(new Linear(2, 2, { key: k }), new Map()),
  () => loadTensors(new Linear(2, 2, { key: k, bias: false }), new Map([['weight', ones([3, 2])]])),
  () =>
    loadTensors(
      new Linear(2, 2, { key: k, bias: false }),
      new Map([
        ['weight', ones([2, 2])],
        ['more', x],
      ]),
    ),
  () => adamw({ betas: [1, 0.9] }),
  () => adamw({ betas: [NaN, 0.9] }),
  () => adamw({ eps: -1 }),
  () => adamw({ weightDecay: NaN }),
  () => adam({ betas: [0.9, 2] }),
  () => sgd({ momentum: -1 }),
  () => sgd({ nesterov: true }),
  () => sgd({ momentum: 0.9, dampening: NaN }),
  () => rmsprop({ alpha: 2 }),
  () => lion({ betas: [0.9, NaN] }),
  () => adamw().update({ v: ones([2]) }, adamw().init(model), model, lr),
  () => adamw().update({ w: ones([3]) }, adamw().init(model), model, lr),
  () => adamw().update(model, adamw().init({}), model, lr),
  () => adamw().update(model, adamw().init(model), model, { learningRate: NaN }),
  () => sgd().update(model, sgd().init(model), model, { learningRate: -1 }),
  () => sgd().update(model, sgd().init(model), model, { learningRate: ones([2]) }),
  () => sgd().update(model, sgd().init(model), model, wrong({ lr: 0.1 })),
  () => clipByGlobalNorm(model, 0),
  () => clipByGlobalNorm(model, NaN),
  () => clipByValue(model, -1),
  () => emaUpdate({ a: x }, { b: x }, 0.9),
  () => emaUpdate({ a: x }, { a: ones([2]) }, 0.9),
  () => emaUpdate(model, model, 1.5),
  () => emaUpdate(model, model, NaN),
  () => emaDecay(scalar(0), 2),
  () => cosineSchedule({ peak: 1, totalSteps: 0 }),
  () => cosineSchedule({ peak: NaN, totalSteps: 10 }),
  () => linearSchedule({ start: 1, end: 0, totalSteps: 0 }),
  () => stepSchedule({ start: 1, drops: 0 }),
  () => exponentialSchedule({ start: 1, decay: 0 }),
  () => oneCycleSchedule({ peak: 1, totalSteps: 2 }),
  () => constantSchedule(NaN),
];

describe('layers, losses and optimizers', () => {
  it('refuse what makes no sense, and say what clashes', async () => {
    expect(await refusals(calls)).toMatchInlineSnapshot(`
      "ShapeError: Linear: inFeatures must be a whole number of at least 1, but is 0.
      ShapeError: Linear: inFeatures must be a whole number of at least 1, but is -1.
      ShapeError: Linear: inFeatures must be a whole number of at least 1, but is 1.5.
      DTypeError: split: a key is an int32 tensor of shape [2], but got float32[2]. Make one with key(seed) or splitKey(key, n); tensors are cut by x.split(sizes, axis) and x.chunk(count, axis).
      ShapeError: linear: x is [2, 3], weight is [2, 4]: [..., in] and [out, in] expected.
      ValueError: Conv2d: inChannels 3 and outChannels 4 do not both divide into 2 groups.
      ShapeError: Conv2d: groups must be a whole number of at least 1, but is 0.
      ShapeError: Conv2d: kernelSize must be a whole number of at least 1, but is 0.
      ShapeError: Conv2d: kernelSize must be a whole number of at least 1, but is 1.5.
      ShapeError: Conv2d: stride must be a whole number of at least 1, but is 0.
      ShapeError: conv2d: x [1, 2, 5, 5] has 2 channels, but w [4, 3, 3, 3] with groups 1 takes 3 channels to 4. C must be groups · w.shape[1] and O a multiple of groups.
      ValueError: ConvTranspose2d: inChannels 3 and outChannels 4 do not both divide into 2 groups.
      ShapeError: Embedding: count must be a whole number of at least 1, but is -1.
      DTypeError: embedding: takes int32, but got float32. Convert it first with .cast('int32').
      ValueError: LayerNorm: eps must be finite and at least 0, but is -1.
      ShapeError: LayerNorm: x is [2, 3], but the last axis must have size 4.
      ShapeError: LayerNorm: x is [2, 3], but the last axis must have size 4.
      ShapeError: GroupNorm: 3 channels do not divide into 2 groups.
      ShapeError: GroupNorm: x is [1, 2, 4, 4], but [B, 3, ...] is expected.
      ShapeError: RMSNorm: x is [2, 3], but the last axis must have size 4.
      ShapeError: BatchNorm2d: x is [2, 3], but [B, 4, H, W] is expected.
      ValueError: BatchNorm2d: momentum must be between 0 and 1, but is 2.
      ValueError: Dropout: p must lie in [0, 1), but is 1.
      ValueError: Dropout: p must lie in [0, 1), but is NaN.
      ValueError: Dropout: training draws random numbers, but got no key. Pass one to train.
      ShapeError: SelfAttention: width 6 does not divide into 4 heads.
      ShapeError: SelfAttention: heads must be a whole number of at least 1, but is 0.
      ShapeError: SelfAttention: x is [2, 3], but [B, T, 6] is expected.
      ShapeError: SelfAttention: x is [2, 3], but [B, T, 3] is expected.
      ShapeError: CrossAttention: the context is [1, 2, 3], but [B, T, 4] is expected.
      ShapeError: Mlp: hidden must be a whole number of at least 1, but is -1.
      ValueError: xavierUniform: needs a weight [out, in, ...kernel], but got [3].
      ValueError: kaimingUniform: needs a weight [out, in, ...kernel], but got [].
      ValueError: normal: std must be finite and at least 0, but is NaN.
      ShapeError: mseLoss: prediction [2, 3] and target [2] must have one shape.
      ValueError: mseLoss: reduction 'avg' is not known: none, sum or mean expected.
      ValueError: smoothL1: beta must be at least 0, but got -1.
      ValueError: smoothL1: beta must be at least 0, but got NaN.
      ShapeError: crossEntropy: logits [2, 3] take int32 class ids [2] or float32 probabilities of their own shape, but the target is int32[1].
      ShapeError: crossEntropy: logits [2, 3] take int32 class ids [2] or float32 probabilities of their own shape, but the target is float32[2].
      ValueError: crossEntropy: labelSmoothing must lie in [0, 1], but got 2.
      ValueError: gather: index 9 is outside axis 1 of [2, 3]: indices along it are 0 to 2. Ids of embedding and crossEntropy are such indices.
      ShapeError: bceWithLogits: prediction [2, 3] and target [2] must have one shape.
      ShapeError: bceWithLogits (posWeight): shapes [2, 3] and [7] do not broadcast: sizes 3 and 7 clash at axis -1. Sizes must be equal or 1, aligned at the last axis.
      ShapeError: klDiv: prediction [2, 3] and target [2] must have one shape.
      FormatError: loadTensors: the tensors do not fit the module. 2 missing: weight, bias.
      FormatError: loadTensors: the tensors do not fit the module. 1 different: weight is float32[3, 2], not float32[2, 2].
      FormatError: loadTensors: the tensors do not fit the module. 1 unexpected: more.
      ValueError: adamw: betas must lie in [0, 1), eps and weightDecay be at least 0, but got betas [1, 0.9], eps 1e-8, weightDecay 0.01.
      ValueError: adamw: betas must lie in [0, 1), eps and weightDecay be at least 0, but got betas [NaN, 0.9], eps 1e-8, weightDecay 0.01.
      ValueError: adamw: betas must lie in [0, 1), eps and weightDecay be at least 0, but got betas [0.9, 0.999], eps -1, weightDecay 0.01.
      ValueError: adamw: betas must lie in [0, 1), eps and weightDecay be at least 0, but got betas [0.9, 0.999], eps 1e-8, weightDecay NaN.
      ValueError: adam: betas must lie in [0, 1), eps and weightDecay be at least 0, but got betas [0.9, 2], eps 1e-8, weightDecay 0.
      ValueError: sgd: momentum -1, dampening 0 and weightDecay 0 must be finite and at least 0.
      ValueError: sgd: nesterov needs momentum above 0 and dampening 0, but got momentum 0, dampening 0.
      ValueError: sgd: momentum 0.9, dampening NaN and weightDecay 0 must be finite and at least 0.
      ValueError: rmsprop: alpha must lie in [0, 1), the others be at least 0, but got alpha 2, eps 1e-8, momentum 0, weightDecay 0.
      ValueError: lion: betas must lie in [0, 1) and weightDecay be at least 0, but got betas [0.9, NaN], weightDecay 0.
      StateError: adamw: there is a gradient at 'v', but no parameter. Pass grads and params of one tree.
      ShapeError: adamw: the gradient of 'w' is [3], the parameter [2].
      StateError: adamw: the state knows no parameter 'w'. Make it with init(params) of the same tree.
      ValueError: adamw: learningRate must be finite and at least 0, but is NaN.
      ValueError: sgd: learningRate must be finite and at least 0, but is -1.
      ShapeError: sgd: the learning rate must be a number or a scalar tensor, but is a tensor [2].
      ValueError: sgd: there is no option 'lr'. Options are learningRate.
      ValueError: clipByGlobalNorm: maxNorm must be above 0, but is 0.
      ValueError: clipByGlobalNorm: maxNorm must be above 0, but is NaN.
      ValueError: clipByValue: limit must be above 0, but is -1.
      StateError: emaUpdate: the average and the parameters are different trees. Start with the parameters.
      ShapeError: emaUpdate: 'a' is float32[2], its average float32[2, 3].
      ValueError: emaUpdate: the decay must lie in [0, 1], but is 1.5.
      ValueError: emaUpdate: the decay must lie in [0, 1], but is NaN.
      ValueError: emaDecay: the decay must lie in [0, 1], but is 2.
      ValueError: cosineSchedule: needs 0 ≤ warmupSteps < totalSteps, but got warmupSteps 0 and totalSteps 0.
      ValueError: cosineSchedule: peak must be finite and at least 0, but is NaN.
      ValueError: linearSchedule: totalSteps must be finite and above 0, but is 0.
      ValueError: stepSchedule: drops must be finite and above 0, but is 0.
      ValueError: exponentialSchedule: decay must be finite and above 0, but is 0.
      ValueError: oneCycleSchedule: the rise must end after step 0 and before step 1, but riseShare 0.3 of 2 steps ends it at step -0.4.
      ValueError: constantSchedule: rate must be finite and at least 0, but is NaN."
    `);
  });
});
