import { describe, expect, it, test } from 'vitest';
import { key, normal, stack, tensor, zeros, type Tensor } from '@tessera/tensor';
import {
  Autoencoder,
  compiledTrainStep,
  diffusionLoss,
  DiT,
  flowSample,
  Generator,
  initialState,
  OBJECTIVES,
  presetConfig,
  samplersOf,
  TIMESTEP_SAMPLINGS,
  trainStep,
  WEIGHTINGS,
  type DiffusionBatch,
  type DiffusionConfig,
  type NoisedBatch,
  type SamplingConfig,
  type AutoencoderTrainConfig,
} from '@tessera/dit';
import { withHistory } from '../../../packages/dit/src/train/diffusion-loss.ts';
import { lossOf } from '../../../packages/dit/src/train/flow-map-loss.ts';
import { randomModel } from '../model/sizes.ts';

const smoke = presetConfig('smoke');
const small: AutoencoderTrainConfig = {
  ...smoke,
  autoencoder: { ...smoke.autoencoder, channels: [2, 2], latentChannels: 2 },
  model: { ...smoke.model, inChannels: 2, hiddenSize: 16, depth: 1, numHeads: 2 },
  latentScale: 1,
};

function configOf(
  diffusion: Partial<DiffusionConfig>,
  sampling: Partial<SamplingConfig> = {},
): AutoencoderTrainConfig {
  return {
    ...small,
    diffusion: { ...small.diffusion, ...diffusion },
    sampling: { ...small.sampling, ...sampling },
  };
}

const BATCH = 8;
const batch: DiffusionBatch = {
  posterior: { mean: normal(key(9), [BATCH, 2, 8, 8]), logVariance: zeros([BATCH, 2, 8, 8]) },
  labels: tensor(Int32Array.from({ length: BATCH }, (_, i) => i)),
};

/** The losses of three steps, and how many losses the history counts in the end. */
function trained(
  config: AutoencoderTrainConfig,
  compiled: boolean,
): { losses: number[]; counted: number } {
  const make = compiled ? compiledTrainStep : trainStep;
  const step = make(lossOf(config, 1), config.optimizer, 10);
  let state = withHistory(initialState(DiT.init(config.model, key(1)), key(2)), config);
  const losses: number[] = [];
  for (let i = 0; i < 3; i++) {
    const [next, { loss }] = step(state, batch);
    state = next;
    losses.push(loss.itemSync());
  }
  return { losses, counted: state.history?.counts.sum().itemSync() ?? 0 };
}

// A flow map follows another model: see flow-map.test.ts.
describe.each(OBJECTIVES.filter((name) => name !== 'mean-flow'))(
  'a training that predicts %s',
  (objective) => {
    test.each(
      TIMESTEP_SAMPLINGS.flatMap((each) =>
        WEIGHTINGS.map((weighting) => [each, weighting] as const),
      ),
    )('takes steps at timesteps drawn %s, weighed %s', (timestepSampling, weighting) => {
      const config = configOf({ objective, timestepSampling, weighting });
      const eager = trained(config, false);
      const compiled = trained(config, true);
      // Losses are of size 1 and sums of 1024 squares.
      eager.losses.forEach((loss, i) => expect(compiled.losses[i]).toBeCloseTo(loss, 4));
      expect(eager.losses.every(Number.isFinite)).toBe(true);
      expect(compiled.counted).toBe(timestepSampling === 'loss-second-moment' ? 3 * BATCH : 0);
    });
  },
);

describe('the loss of a flow', () => {
  const lossAt = (diffusion: Partial<DiffusionConfig>): Tensor =>
    diffusionLoss(configOf({ objective: 'flow', ...diffusion }), 1)(
      DiT.init(small.model, key(1)),
      batch,
      key(3),
    );

  it('takes off a share of the distance to the velocity of the sample before', () => {
    const share = 0.1;
    const loss = diffusionLoss(configOf({ objective: 'flow', contrastive: share }), 1);
    const plain = diffusionLoss(configOf({ objective: 'flow' }), 1);
    const model = randomModel(small.model, key(1));
    const { draw } = plain.parts ?? expect.fail('has no parts');
    const { xStart, eps, t, y } = draw(model, batch, key(3)) as NoisedBatch & { y: Tensor };
    const predicted = model.forward(flowSample(xStart, t, eps), t.mul(1000), y);
    const before = Array.from({ length: BATCH }, (_, i) => (i + BATCH - 1) % BATCH);
    const others = stack(
      before.map((i) => eps.sub(xStart).select(0, i)),
      0,
    );
    const apart = predicted.sub(others).square().mean().itemSync();
    // Means of 1024 squares of size 1.
    expect(loss(model, batch, key(3)).itemSync()).toBeCloseTo(
      plain(model, batch, key(3)).itemSync() - share * apart,
      4,
    );
  });

  it('depends on the shift', () => {
    expect(lossAt({ shift: 3, weighting: 'min-snr' }).itemSync()).not.toBe(
      lossAt({ weighting: 'min-snr' }).itemSync(),
    );
  });

  it('needs a history for timesteps drawn by loss', () => {
    expect(() => diffusionLoss(configOf({ timestepSampling: 'loss-second-moment' }), 1)).toThrow(
      'diffusionLoss: timesteps drawn by their losses need a history of them. Use rememberingLoss.',
    );
  });
});

describe('a history of losses', () => {
  it('needs a loss that remembers', () => {
    const config = configOf({ timestepSampling: 'loss-second-moment' });
    const step = trainStep(diffusionLoss(small, 1), config.optimizer, 10);
    const state = withHistory(initialState(DiT.init(config.model, key(1)), key(2)), config);
    expect(() => step(state, batch)).toThrow(
      'trainStep: the state has a history, so the loss must give [loss, history], but gave',
    );
  });

  it('takes whole batches only', () => {
    const config = configOf({ timestepSampling: 'loss-second-moment' });
    const step = trainStep(lossOf(config, 1), config.optimizer, 10, { accumulate: 2 });
    const state = withHistory(initialState(DiT.init(config.model, key(1)), key(2)), config);
    expect(() => step(state, batch)).toThrow(
      'trainStep: accumulate: 2 does not go with a history of losses, which takes whole batches.',
    );
  });
});

describe('guided samples', () => {
  const config = configOf({});
  const autoencoder = new Autoencoder(config.autoencoder, key(4));
  const generator = new Generator(config, { autoencoder, latentScale: 1 });
  const model = randomModel(config.model, key(6));
  const draw = (more: Partial<SamplingConfig>): Promise<Float32Array> =>
    generator.generate(model, {
      ...config.sampling,
      steps: 3,
      labels: [3, 1],
      key: key(5),
      guidance: 3,
      ...more,
    });

  it('are unguided outside of the interval, and differ by rescale and compat', async () => {
    const plain = await draw({});
    expect(await draw({ guidanceInterval: [0, 1000] })).toEqual(plain);
    expect(await draw({ guidanceInterval: [400, 401] })).toEqual(await draw({ guidance: 1 }));
    expect(await draw({ guidanceInterval: [400, 600] })).not.toEqual(plain);
    expect(await draw({ guidanceRescale: 0.7 })).not.toEqual(plain);
    expect(await draw({ guidanceRescale: 0, compat: 'fixed' })).toEqual(plain);
    expect(await draw({ eta: 1 })).not.toEqual(plain);
  });
});

describe('samples', () => {
  const draw = async (
    config: AutoencoderTrainConfig,
    more: Partial<SamplingConfig>,
  ): Promise<Float32Array> => {
    const autoencoder = new Autoencoder(config.autoencoder, key(4));
    const generator = new Generator(config, { autoencoder, latentScale: 1 });
    const options = { ...config.sampling, steps: 3, labels: [3, 1], key: key(5), ...more };
    return generator.generate(randomModel(config.model, key(6)), options);
  };

  it.each(OBJECTIVES.filter((name) => name !== 'mean-flow'))(
    'of a model that predicts %s come from each of its samplers',
    async (objective) => {
      const config = configOf({ objective });
      for (const sampler of samplersOf(objective)) {
        const images = await draw(config, { sampler });
        expect(images.length).toBe(2 * 32 * 32);
        expect(images.every(Number.isFinite)).toBe(true);
      }
    },
  );

  it('obey the spacing and a schedule that ends without signal', async () => {
    for (const spacing of ['official', 'even', 'trailing'] as const) {
      const config = configOf({ zeroTerminalSnr: true }, { spacing });
      expect((await draw(config, { spacing, steps: 2 })).every(Number.isFinite)).toBe(true);
    }
  });
});
