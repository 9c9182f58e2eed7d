import { cpuBackend, key, setDefaultBackend, type Backend } from '@tessera/tensor';
import {
  Autoencoder,
  DiT,
  Generator,
  presetConfig,
  TrainedRun,
  type AutoencoderTrainConfig,
} from '@tessera/dit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gridTitle } from '../../../packages/dit/src/sample/sample-grid.ts';
import { randomModel } from '../model/sizes.ts';

const smoke = presetConfig('smoke');
const config: AutoencoderTrainConfig = {
  ...smoke,
  autoencoder: { ...smoke.autoencoder, channels: [2, 2] },
  model: { ...smoke.model, hiddenSize: 16, depth: 1, numHeads: 2 },
};

/** A backend that counts the plans which are made ready for it. */
const backend: Backend = cpuBackend();
let plans = 0;
const { prepare } = backend;
Object.assign(backend, {
  prepare: (...args: Parameters<typeof prepare>) => {
    plans++;
    return prepare(...args);
  },
});

describe('a generator', () => {
  let before: Backend | null;
  beforeAll(() => {
    before = setDefaultBackend(backend);
  });
  afterAll(() => {
    setDefaultBackend(before);
  });

  it('makes no new plan for another guidance or other labels', async () => {
    const autoencoder = new Autoencoder(config.autoencoder, key(0));
    const generator = new Generator(config, { autoencoder, latentScale: 1 });
    const model = DiT.init(config.model, key(1));
    const draw = (guidance: number, labels: readonly number[]): Promise<Float32Array> =>
      generator.generate(model, { guidance, labels, steps: 2, sampler: 'ddim', key: key(2) });
    const first = await draw(2, [3, 1]);
    await draw(1, [3, 1]);
    const made = plans;
    for (let i = 0; i < 30; i++) await draw(i / 7, [i % 10, (i * 3) % 10]);
    expect(plans).toBe(made);
    expect(await draw(2, [3, 1])).toEqual(first);
    expect(await draw(2.5, [3, 1])).toHaveLength(2 * 32 * 32);
  });

  it('takes the scale of the label by its name, and no other', async () => {
    const autoencoder = new Autoencoder(config.autoencoder, key(0));
    const generator = new Generator(config, { autoencoder, latentScale: 1 });
    const model = randomModel(config.model, key(1));
    const options = { ...config.sampling, labels: [3], steps: 2, key: key(2) };
    const named = await generator.generate(model, { ...options, scales: { label: 8 } });
    expect(named).toEqual(await generator.generate(model, { ...options, guidance: 8 }));
    expect(named).not.toEqual(await generator.generate(model, options));
    await expect(generator.generate(model, { ...options, scales: { text: 8 } })).rejects.toThrow(
      "generate: there is a scale for 'text', but the model knows the label alone.",
    );
  });

  it('of a model that knows nothing refuses guidance', async () => {
    const open = { ...config, model: { ...config.model, numClasses: 0 } };
    const autoencoder = new Autoencoder(config.autoencoder, key(0));
    const generator = new Generator(open, { autoencoder, latentScale: 1 });
    const model = randomModel(open.model, key(1));
    const options = { ...config.sampling, labels: [0], steps: 2, guidance: 1, key: key(2) };
    expect(await generator.generate(model, options)).toHaveLength(32 * 32);
    await expect(generator.generate(model, { ...options, guidance: 4 })).rejects.toThrow(
      'generate: guidance 4 has nothing to guide by, since the model knows no condition. Set it to 1.',
    );
    await expect(generator.generate(model, { ...options, scales: { label: 2 } })).rejects.toThrow(
      "generate: there is a scale for 'label', but the model knows nothing.",
    );
  });

  it('of a trained run takes over the eta of its ddim sampler for ddim alone', async () => {
    const noisy = { ...config, latentScale: 1, sampling: { ...config.sampling, eta: 0.5 } };
    const autoencoder = new Autoencoder(config.autoencoder, key(0));
    const run = new TrainedRun(noisy, autoencoder, randomModel(config.model, key(1)));
    const own = await run.draw([3], { steps: 2 });
    expect(own).toEqual(await run.draw([3], { steps: 2, eta: 0.5 }));
    expect(own).not.toEqual(await run.draw([3], { steps: 2, eta: 0 }));
    expect(await run.draw([3], { steps: 2, sampler: 'ddpm' })).toHaveLength(32 * 32);
    await expect(run.draw([3], { steps: 2, sampler: 'ddpm', eta: 1 })).rejects.toThrow(/eta/);
    await expect(run.draw([3], { steps: 2000 })).rejects.toThrow(
      'generate: steps 2000 is more than the 1000 timesteps of the diffusion.',
    );
  });

  it('refuses settings of sampling that do not go together', async () => {
    const autoencoder = new Autoencoder(config.autoencoder, key(0));
    const model = DiT.init(config.model, key(1));
    const draw = (changes: object, diffusion = config.diffusion): Promise<unknown> => {
      const generator = new Generator({ ...config, diffusion }, { autoencoder, latentScale: 1 });
      const own = { ...config.sampling, labels: [1], steps: 1, key: key(0) };
      return generator.generate(model, { ...own, ...changes });
    };
    for (const guidanceInterval of [[900, 100], 'all', [-1, 5]]) {
      await expect(draw({ guidanceInterval })).rejects.toThrow(
        /^generate: interval must be two timesteps in order, \[200, 800\], but is/,
      );
    }
    await expect(draw({ guidanceInterval: [5000, 9000] })).rejects.toThrow(
      'guidanceInterval [5000, 9000] begins after the 1000 timesteps of the diffusion.',
    );
    await expect(draw({ guidanceInterval: [200, 1001] })).rejects.toThrow(
      'guidanceInterval [200, 1001] ends after the 1000 timesteps of the diffusion. End it at 1000.',
    );
    await expect(draw({ spacing: 'wide' })).rejects.toThrow(
      "generate: there is no spacing 'wide'.",
    );
    const flow = { ...config.diffusion, objective: 'flow' } as const;
    await expect(draw({ sampler: 'heun', spacing: 'even' }, flow)).rejects.toThrow(
      'spacing even chooses timesteps of a noise schedule, and a flow has none.',
    );
  });

  it('refuses images that are not finite, and names the guidance', async () => {
    const autoencoder = new Autoencoder(config.autoencoder, key(0));
    const generator = new Generator(config, { autoencoder, latentScale: 1e-45 });
    const options = { ...config.sampling, steps: 1, labels: [1], key: key(0) };
    const model = DiT.init(config.model, key(1));
    await expect(generator.generate(model, options)).rejects.toThrow(
      /^generate: the samples are not finite: a pixel is \S+, expected about -1 to 1\. Lower the guidance \(2\)/,
    );
    await expect(generator.generate(model, { ...options, scales: { label: 7 } })).rejects.toThrow(
      'Lower the guidance (label=7)',
    );
  });
});

describe('the title of a grid of samples', () => {
  it('names the guidance that drew it', () => {
    const drawn = { ...config.sampling, design: 'adaln' } as const;
    expect(gridTitle(drawn)).toBe('adaln · guidance 2 · 50 ddim steps');
    const map = { ...drawn, guidance: 1, trainedGuidance: 2, steps: 4, sampler: 'euler' } as const;
    expect(gridTitle(map)).toBe('adaln · trained with guidance 2 · 4 euler steps');
    expect(gridTitle({ ...drawn, scales: { text: 3, depth: 1.5 } })).toBe(
      'adaln · guidance text=3,depth=1.5 · 50 ddim steps',
    );
  });
});
