/** A few training steps of a small DiT, as every mode of the gpu backend and the cpu backend run them. */
import {
  key,
  normal,
  randomInt,
  setDefaultBackend,
  split,
  tree,
  type Backend,
  type Tensor,
} from '@tessera/tensor';
import {
  compiledTrainStep,
  createDiffusion,
  DiT,
  initialState,
  parseModelConfig,
  trainingLosses,
} from '@tessera/dit';

const BATCH = 2;

/** What the steps gave, ready for JSON. */
export interface TrainingRun {
  readonly losses: readonly number[];
  readonly gradNorms: readonly number[];
  /** Sum of squares of each trained parameter, in order. */
  readonly parameters: readonly number[];
}

interface Batch {
  readonly x: Tensor;
  readonly y: Tensor;
}

/**
 * Trains on random latents: forward, backward, clipping, AdamW and moving average as one plan a step.
 *
 * @param backend Where, as the default backend from then on.
 * @param steps How many steps.
 * @param afterStep Is told the number of each step that is done, from 1.
 */
export async function trainSmallDiT(
  backend: Backend,
  steps: number,
  afterStep?: (step: number) => void | Promise<void>,
): Promise<TrainingRun> {
  setDefaultBackend(backend);
  const config = parseModelConfig({
    inputSize: 4,
    patchSize: 2,
    inChannels: 2,
    hiddenSize: 16,
    depth: 2,
    numHeads: 2,
    mlpRatio: 4,
    classDropoutProb: 0.1,
    numClasses: 5,
    learnSigma: true,
    design: 'adaln-zero',
    position: '2d',
  });
  const diffusion = createDiffusion({ variance: 'learned-range' });
  const step = compiledTrainStep(
    (model: DiT, { x, y }: Batch, random) => {
      const [timeKey, noiseKey, dropKey] = split(random, 3);
      const t = randomInt(timeKey, [BATCH], 0, diffusion.schedule.timesteps);
      const eps = normal(noiseKey, x.shape);
      const labels = model.y_embedder.dropLabels(y, dropKey);
      const terms = trainingLosses(
        diffusion,
        (noised, time) => model.forward(noised, time, labels),
        {
          xStart: x,
          t,
          eps,
        },
      );
      return terms.loss.mean();
    },
    {
      learningRate: 1e-3,
      warmupSteps: 2,
      finalLrFraction: 0.1,
      weightDecay: 0.01,
      clipNorm: 1,
      betas: [0.9, 0.999],
      emaDecay: 0.99,
    },
    steps,
  );
  let state = initialState(DiT.init(config, key(0)), key(1));
  const [losses, gradNorms]: [Tensor[], Tensor[]] = [[], []];
  for (let i = 0; i < steps; i++) {
    const [forX, forY] = split(key(2 + i));
    const batch = { x: normal(forX, [BATCH, 2, 4, 4]), y: randomInt(forY, [BATCH], 0, 5) };
    const [next, metrics] = step(state, batch);
    state = next;
    losses.push(metrics.loss);
    gradNorms.push(metrics.gradNorm);
    for (const leaf of tree.leaves(batch)) leaf[Symbol.dispose]();
    await afterStep?.(i + 1);
  }
  const squares = tree.leaves(state.model).map((parameter) => parameter.square().sum());
  return {
    losses: await numbersOf(losses),
    gradNorms: await numbersOf(gradNorms),
    parameters: await numbersOf(squares),
  };
}

function numbersOf(tensors: readonly Tensor[]): Promise<number[]> {
  return Promise.all(tensors.map((each) => each.item()));
}
