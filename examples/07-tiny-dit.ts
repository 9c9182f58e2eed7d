// A Diffusion Transformer that learns to draw stripes, and draws the kind it is asked for.

import { arange, key, normal, randomInt, split, tensor, type Tensor } from '@tessera/tensor';
import { countParameters } from '@tessera/autograd/nn';
import {
  compiledTrainStep,
  createDiffusion,
  DiT,
  guidedForward,
  initialState,
  randomNoise,
  sample,
  trainingLosses,
  type ModelConfig,
} from '@tessera/dit';

const config: ModelConfig = {
  inputSize: 4, // images of 4×4
  patchSize: 2,
  inChannels: 1,
  hiddenSize: 32,
  depth: 2,
  numHeads: 2,
  mlpRatio: 2,
  classDropoutProb: 0.1,
  numClasses: 2, // 0: stripes lie, 1: stripes stand
  learnSigma: false,
  design: 'adaln-zero',
  position: '2d',
};
const process = { schedule: 'squaredcos_cap_v2', predicts: 'v', timesteps: 200 } as const;
const BATCH = 32;

/** Stripes `[B, 1, 4, 4]` of −1 and 1: rows of class 0, columns of class 1, both phases. */
function stripes(labels: Tensor, phases: Tensor): Tensor {
  const lines = arange(4).add(phases.reshape([-1, 1])); // [B, 4]
  const even = lines.mul(0.5).sub(lines.mul(0.5).floor()).equal(0);
  const values = even.where(1, -1); // [B, 4]
  const images = labels
    .reshape([-1, 1, 1])
    .equal(0)
    .where(values.unsqueeze(2), values.unsqueeze(1)); // [B, 4, 4]
  return images.unsqueeze(1);
}

const diffusion = createDiffusion(process);
const step = compiledTrainStep(
  (model: DiT, _batch: null, random: Tensor) => {
    const [a, b, c, d, e] = split(random, 5);
    const labels = randomInt(a, [BATCH], 0, 2);
    const xStart = stripes(labels, randomInt(b, [BATCH], 0, 2));
    const t = randomInt(c, [BATCH], 0, process.timesteps);
    const y = model.y_embedder.dropLabels(labels, d);
    const denoiser = (x: Tensor, time: Tensor): Tensor => model.forward(x, time, y);
    return trainingLosses(diffusion, denoiser, {
      xStart,
      t,
      eps: normal(e, xStart.shape),
    }).loss.mean();
  },
  {
    learningRate: 4e-3,
    warmupSteps: 20,
    finalLrFraction: 0.1,
    weightDecay: 0,
    clipNorm: 1,
    betas: [0.9, 0.99],
    emaDecay: 0.98,
  },
  400,
);

const model = DiT.init(config, key(0));
console.log(`${countParameters(model)} parameters`);
let state = initialState(model, key(1));
for (let i = 1; i <= 400; i++) {
  const [next, { loss }] = step(state, null);
  state = next;
  if (i % 100 === 0) console.log(`step ${i}: loss ${loss.itemSync().toFixed(3)}`);
}

const labels = tensor([0, 0, 1, 1], { dtype: 'int32' });
const guided = (x: Tensor, t: Tensor): Tensor =>
  guidedForward(state.average, x, t, labels, { scale: 2 });
const steps = createDiffusion({ ...process, respacing: 20 });
const images = sample(steps, guided, randomNoise(key(2), [4, 1, 4, 4])); // [4, 1, 4, 4]
const rows = images.greater(0).permute([2, 0, 1, 3]).toArraySync() as number[][][][];
console.log('two of each kind, drawn from noise:');
for (const row of rows) {
  console.log(row.map(([pixels]) => pixels.map((on) => (on ? '█' : '·')).join('')).join('  '));
}
