import * as dit from '@tessera/dit';
import { init } from '@tessera/autograd/nn';
import { key, ones, scalar, Tensor, tensor, zeros } from '@tessera/tensor';
import { methodsOf, rowsOf, type Row } from '../misuse.ts';

const random = key(0);
const x = ones([2, 2, 4, 4]);
const t = tensor([3, 700], { dtype: 'int32' });
const y = tensor([1, 0], { dtype: 'int32' });
const start = dit.officialStart;
const from = { key: random, start };
const sizes = { width: 8, heads: 2, hidden: 16 };
const gridSizes = { ...sizes, grid: [2, 2] as const };
const tokens = ones([2, 4, 8]);
const condition = ones([2, 8]);

const diffusion = dit.createDiffusion({ respacing: 3, predicts: 'v' });
const full = dit.createDiffusion({ predicts: 'v' });
const { schedule } = full;
/** Takes whatever it is given, and gives zeros like it: what is refused is refused before it is called. */
const denoiser = (at: unknown): Tensor => (at instanceof Tensor ? at.mul(0) : zeros([2, 2, 4, 4]));
const noise = dit.randomNoise(random, [2, 2, 4, 4]);
const times = tensor([0.25, 0.5]);
const history = dit.lossHistory(1000);
const guided = { nullClass: 2, forward: denoiser };

const smoke = dit.presetConfig('smoke');
const autoencoderConfig = { ...smoke.autoencoder, channels: [2, 2], latentChannels: 2 };
const modelConfig: dit.ModelConfig = {
  ...smoke.model,
  inChannels: 2,
  hiddenSize: 8,
  depth: 1,
  numHeads: 2,
};
const config: dit.AutoencoderTrainConfig = {
  ...smoke,
  autoencoder: autoencoderConfig,
  model: modelConfig,
  sampling: { ...smoke.sampling, steps: 1 },
  latentScale: 1,
};
const model = dit.DiT.init(modelConfig, random);
const flow = dit.createFlow();
const flowConfig: dit.TrainConfig = {
  ...config,
  model: { ...modelConfig, depth: 2 },
  diffusion: { ...config.diffusion, objective: 'flow' },
  sampling: { guidance: 2, steps: 2, sampler: 'euler' },
};
const mapConfig = dit.flowMapConfig(flowConfig, 'runs/flow');
const deep = dit.DiT.init(flowConfig.model, random);
/** Stays where it is. */
const flowMap = (at: Tensor): Tensor => at.mul(0);
const autoencoder = new dit.Autoencoder(autoencoderConfig, random);
const control = { name: 'edges', size: 8, channels: 1, blocks: 1, dropoutProb: 0 };
const controlled = dit.withControl(model, control, random);
const latents = ones([2, 2, 8, 8]);
const images = ones([2, 1, 32, 32]);
const posterior = { mean: latents, logVariance: zeros([2, 2, 8, 8]) };
const digits = { images: new Uint8Array(2 * 16), count: 2, rows: 4, columns: 4 };
const padded = dit.padImages(digits, 32);
const encoded = await dit.encodeLatents(autoencoder, padded, 2);
const indices = Int32Array.of(1, 0);
const weights = await dit.encodeModule(model);
const parts = {
  config: JSON.stringify(config),
  autoencoder: await dit.encodeModule(autoencoder),
  model: weights,
};
const run = dit.loadRun(parts);
const generator = new dit.Generator(config, { autoencoder, latentScale: 1 });
const drawing = { guidance: 2, steps: 1, sampler: 'ddim', seed: 0 } as const;
const loss = (w: unknown): Tensor => (w instanceof Tensor ? w.square().sum() : zeros([]));
const state = dit.initialState(ones([2]), random);

/** A row for every public function and class of the entry, and for the methods of what they make. */
export const ditRows: readonly Row[] = [
  ...rowsOf(dit, {
    AdaLnBlock: [sizes, from],
    AdaLnZeroBlock: [sizes, from],
    Autoencoder: [autoencoderConfig, random, init.zeros()],
    CrossAttentionBlock: [sizes, from],
    DiT: [modelConfig, from],
    FinalLayer: [8, 16, { adaptive: true, key: random, start }],
    Generator: [config, { autoencoder, latentScale: 1 }],
    InContextBlock: [sizes, from],
    LabelEmbedder: [10, 8, { dropoutProb: 0.1, key: random, start }],
    ModernBlock: [gridSizes, from],
    Modulation: [8, 2, { key: random, init: init.zeros() }],
    PatchEmbed: [2, 8, { patchSize: 2, key: random, start }],
    TimestepEmbedder: [8, from],
    TrainedRun: [config, autoencoder, model],
    autoencoderLoss: [autoencoder, images, random, 1e-4],
    batchOrder: [{ count: 4, batch: 2, seed: 0 }],
    betaTable: ['linear', 1000],
    boundTerm: [full, x, x, x, t, { clipDenoised: true, compat: 'fixed' }],
    codecOf: [config, autoencoder],
    coefficient: [schedule.beta, t, x],
    compiledTrainStep: [loss, smoke.optimizer, 100, { accumulate: 2, moduleNorms: true }],
    createDiffusion: [
      {
        schedule: 'linear',
        timesteps: 100,
        predicts: 'v',
        variance: 'fixed-small',
        zeroTerminalSnr: true,
      },
    ],
    createFlow: [{ predicts: 'mean-flow', steps: 4, shift: 2, timesteps: 100 }],
    createSchedule: [
      { schedule: 'linear', timesteps: 100, respacing: '10', zeroTerminalSnr: false },
    ],
    ddimReverseStep: [full, x, x, t, { clipDenoised: true }],
    ddimSigma: [schedule, 0.5],
    ddimStep: [full, x, x, t, x, { eta: 0.5, clipDenoised: true }],
    ddpmStep: [full, x, x, t, x, { clipDenoised: true }],
    decodeIdxImages: [dit.encodeIdxImages(digits), 'images'],
    decodeIdxLabels: [dit.encodeIdxLabels(Uint8Array.of(1, 2)), { name: 'labels', classes: 3 }],
    denoise: [full, x, x, t, { clipDenoised: true }],
    diffusionLoss: [config, 1, { checkpoint: 1 }],
    discretizedGaussianLogLikelihood: [x, x, x],
    drawByLoss: [history, random, 3],
    drawIntervals: [flow, random, 3, { sampling: 'logit-normal', shift: 2, instantShare: 0.5 }],
    drawTimesteps: [full, random, 3, { sampling: 'logit-normal', shift: 2 }],
    encodeIdxLabels: [Uint8Array.of(1, 2)],
    encodeLatents: [autoencoder, padded, 2],
    encodeModule: [model, { note: 'untrained' }, { floats: 'F16' }],
    encodeTexts: [['a thin seven'], 16],
    epochOrder: [5, 0, 1],
    epsFromV: [schedule, x, t, x],
    epsFromXStart: [schedule, x, t, x],
    flowEnds: [x, times, x, { clipDenoised: true }],
    flowMapConfig: [flowConfig, 'runs/flow', { steps: 9, timestepSampling: 'uniform' }],
    flowMapLoss: [mapConfig, 1, deep, { checkpoint: 1 }],
    flowSample: [x, times, x],
    gatherImages: [digits, indices],
    gatherLabels: [Uint8Array.of(1, 2), indices],
    gatherPosteriors: [encoded, indices],
    gaussianLogDensity: [x, x, x],
    guidedBatchForward: [
      guided,
      x,
      t,
      y,
      { scale: 2, compat: 'official', interval: [0, 500], rescale: 0.5 },
    ],
    guidedByConditions: [
      { ...guided, nullConditions: () => ({ label: y }) },
      x,
      t,
      { label: y },
      { scale: { label: 2 }, negative: { label: y }, form: 'sum' },
    ],
    guidedForward: [
      guided,
      x,
      t,
      y,
      { scale: 2, compat: 'official', interval: [0, 500], rescale: 0.5 },
    ],
    lossOfDraws: [{ draw: (_model: unknown, batch: unknown) => batch, lossOf: () => scalar(0) }],
    initialState: [ones([2]), random],
    observeForward: [model, ones([2, 2, 8, 8]), t, y, {}],
    inpaintSteps: [
      diffusion,
      denoiser,
      noise,
      { latent: zeros([2, 2, 4, 4]), mask: zeros([4, 4], 'bool') },
      { passes: 2, stretch: 2, sampler: 'ddim', eta: 0.5, clipDenoised: true },
    ],
    inversionSteps: [diffusion, denoiser, x, { iterations: 1, to: 1 }],
    invertDdim: [diffusion, denoiser, x, { iterations: 1, to: 1 }],
    lossHistory: [5],
    minSnrWeights: [full, t, 4],
    loadModule: [weights, model, 'weights'],
    loadRun: [parts, 'run'],
    modelTimestep: [schedule, t],
    modulate: [tokens, condition, condition],
    normalCdf: [x],
    normalKl: [x, 0, x, 0],
    observe: [model, () => undefined],
    pReverse: [full, x, x, t, { clipDenoised: true }],
    padImages: [digits, 6],
    parseModelConfig: [modelConfig, 'model'],
    parseTrainConfig: [config, 'config'],
    patchify: [x, 2],
    predictionTarget: [full, x, t, x],
    presetConfig: [
      'smoke',
      {
        design: 'adaln',
        backend: 'cpu',
        steps: 9,
        batch: 2,
        seed: 1,
        data: 'mine',
        conditions: ['text'],
        objective: 'flow',
        schedule: 'linear',
        timestepSampling: 'logit-normal',
        weighting: 'min-snr',
      },
    ],
    priorTerm: [full, x],
    qMarginal: [schedule, x, t],
    qPosterior: [schedule, x, x, t],
    qSample: [schedule, x, t, x],
    randomNoise: [random, [2, 2]],
    recordLosses: [history, t, times],
    rememberingLoss: [config, 1, { checkpoint: 1 }],
    rescaleGuidance: [x, x, 0.5],
    respaceTimesteps: [100, '10'],
    runDiffusion: [config, 3],
    sample: [
      diffusion,
      denoiser,
      noise,
      { sampler: 'ddim', eta: 0.5, clipDenoised: true, from: 1 },
    ],
    sampleSteps: [diffusion, denoiser, noise, { sampler: 'ddpm', clipDenoised: true, from: 1 }],
    samplePosterior: [posterior, random],
    samplersOf: ['flow'],
    scalePixels: [Uint8Array.of(0, 255)],
    shiftTime: [times, 2],
    sinCos1d: [8, 3],
    slerp: [x, x, 0.5],
    sinCos2d: [8, 3],
    splitOutput: [full, x, x],
    timestepEmbedding: [t, 8],
    trainStep: [loss, smoke.optimizer, 100, { accumulate: 2, moduleNorms: true }],
    trainingLosses: [
      full,
      denoiser,
      { xStart: x, t, eps: x },
      { kind: 'mse', weighting: 'min-snr', gamma: 4 },
    ],
    unpatchify: [ones([2, 4, 8]), 2, [2, 2]],
    unscalePixels: [Float32Array.of(-1, 1)],
    variationalBound: [diffusion, denoiser, x, () => x, { clipDenoised: true, compat: 'fixed' }],
    velocity: [schedule, x, t, x],
    xStartFromEps: [schedule, x, t, x],
    withDecoder: [deep, 1],
    branchLoss: [dit.diffusionLoss(config, 1), controlled, 'edges'],
    branchOf: [controlled, 'edges'],
    withBranch: [controlled, 'edges', dit.branchOf(controlled, 'edges')],
    withControl: [model, control, random],
    withControlScale: [controlled, 0.5],
    withConditions: [
      model,
      [{ kind: 'scalar', name: 'slant', range: [-1, 1], dropoutProb: 0 }],
      random,
    ],
    xStartFromV: [schedule, x, t, x],
  }),
  // Records of data and sizes, which callers may extend.
  ...rowsOf(dit, {
    encodeIdxImages: [digits],
    latentShape: [modelConfig, 2],
    macCount: [modelConfig],
    meanFlowLosses: [flowMap, { x, velocity: x, t: times, r: times }],
    outChannels: [modelConfig],
    parameterCount: [modelConfig],
    patchGrid: [modelConfig],
  }).map((row) => ({ ...row, takesMore: true })),
  ...methodsOf('AdaLnBlock', new dit.AdaLnBlock(sizes, from), { forward: [tokens, condition] }),
  ...methodsOf('AdaLnZeroBlock', new dit.AdaLnZeroBlock(sizes, from), {
    forward: [tokens, condition],
  }),
  ...methodsOf('Autoencoder', autoencoder, { encode: [images], decode: [latents] }),
  ...methodsOf('BatchOrder', dit.batchOrder({ count: 4, batch: 2, seed: 0 }), { indices: [1] }),
  ...methodsOf('CrossAttentionBlock', new dit.CrossAttentionBlock(sizes, from), {
    forward: [tokens, ones([2, 2, 8])],
  }),
  ...methodsOf('DiT', model, {
    dropConditions: [y, random],
    forward: [latents, t, y],
    nullConditions: [2],
  }),
  ...methodsOf('FinalLayer', new dit.FinalLayer(8, 16, { adaptive: true, key: random, start }), {
    forward: [tokens, condition],
  }),
  ...methodsOf('Generator', generator, {
    generate: [
      model,
      {
        labels: [1],
        key: random,
        guidance: 2,
        steps: 1,
        sampler: 'ddim',
        onProgress: () => undefined,
      },
    ],
  }),
  ...methodsOf('InContextBlock', new dit.InContextBlock(sizes, from), { forward: [tokens] }),
  ...methodsOf('ModernBlock', new dit.ModernBlock(gridSizes, from), {
    forward: [tokens, condition],
  }),
  ...methodsOf('LabelEmbedder', model.y_embedder, {
    forward: [y],
    dropLabels: [y, random],
    dropWhere: [y, y.equal(1)],
  }),
  ...methodsOf('Modulation', new dit.Modulation(8, 2, { key: random, init: init.zeros() }), {
    forward: [condition],
  }),
  ...methodsOf('PatchEmbed', model.x_embedder, { forward: [latents] }),
  ...methodsOf('TimestepEmbedder', model.t_embedder, { forward: [t] }),
  ...methodsOf('Generator', generator, {
    decode: [latents],
    encode: [images],
    generateLatents: [model, { labels: [1], key: random, guidance: 2, steps: 1, sampler: 'ddim' }],
    invert: [
      model,
      new Float32Array(2 * 8 * 8),
      { labels: [1], guidance: 2, steps: 1, sampler: 'ddim', to: 0, iterations: 1 },
    ],
  }),
  ...methodsOf('TrainedRun', run, {
    nameOf: [3],
    draw: [[1], drawing],
    drawLatents: [[1], drawing],
    generate: [[1], drawing],
  }),
  ...methodsOf('randomNoise', noise, { step: [1] }),
  ...methodsOf(
    'trainStep',
    { step: dit.trainStep(loss, smoke.optimizer, 100) },
    {
      step: [state, x],
    },
  ),
];
