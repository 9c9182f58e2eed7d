import { cpuBackend, key, setDefaultBackend, type Backend } from '@tessera/tensor';
import { Autoencoder, DiT, Generator, presetConfig, type TrainConfig } from '@tessera/dit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const smoke = presetConfig('smoke');
const config: TrainConfig = {
  ...smoke,
  autoencoder: { ...smoke.autoencoder, channels: [2, 2, 2] },
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

  it('refuses images that are not finite', async () => {
    const autoencoder = new Autoencoder(config.autoencoder, key(0));
    const generator = new Generator(config, { autoencoder, latentScale: 1e-45 });
    const options = { ...config.sampling, steps: 1, labels: [1], key: key(0) };
    await expect(generator.generate(DiT.init(config.model, key(1)), options)).rejects.toThrow(
      /^generate: the samples are not finite: a pixel is \S+, expected about -1 to 1\./,
    );
  });
});
