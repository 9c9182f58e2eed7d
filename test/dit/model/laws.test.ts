import { gradcheck } from '@tessera/autograd';
import { countParameters } from '@tessera/autograd/nn';
import {
  createDiffusion,
  DESIGNS,
  type DiT,
  latentShape,
  macCount,
  outChannels,
  parseModelConfig,
  parseTrainConfig,
  patchGrid,
  presetConfig,
  randomNoise,
  sample,
  trainingLosses,
  type ModelConfig,
} from '@tessera/dit';
import { key, normal, randomInt } from '@tessera/tensor';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { censusOf } from '../../../packages/dit/src/inspect/census.ts';
import { randomInputs, randomModel, TINY } from './sizes.ts';

/** Small models of every design and patch, on latents of one to eight patches, square or not. */
const configs = fc
  .record({
    design: fc.constantFrom(...DESIGNS),
    patchSize: fc.constantFrom(1, 2, 4, 8),
    rows: fc.integer({ min: 1, max: 4 }),
    columns: fc.integer({ min: 1, max: 2 }),
    numHeads: fc.constantFrom(1, 2, 4),
    learnSigma: fc.boolean(),
    position: fc.constantFrom('1d' as const, '2d' as const),
    numClasses: fc.constantFrom(1, 5),
  })
  .map(({ rows, columns, ...some }): ModelConfig => {
    const inputSize = [rows * some.patchSize, columns * some.patchSize] as const;
    return { ...TINY, ...some, depth: 1, inChannels: 1, inputSize };
  });

describe('a model of any design, patch and latent', () => {
  it('gives a finite latent for a latent, and is counted as inspect says', () => {
    fc.assert(
      fc.property(configs, fc.nat(1000), (config, seed) => {
        const model = randomModel(parseModelConfig(config), key(seed));
        const { x, t, y } = randomInputs(config, 2, key(seed + 1));
        const output = model.forward(x, t, y);
        const [batch, , ...sides] = latentShape(config, 2);
        expect(output.shape).toEqual([batch, outChannels(config), ...sides]);
        expect(Number.isFinite(output.square().sum().itemSync())).toBe(true);
        const { params, tokens } = censusOf({ name: 'any', imageSize: 1, model: config });
        expect(params).toBe(countParameters(model));
        const [rows, columns] = patchGrid(config);
        expect(tokens).toBe(rows * columns);
        expect(model.pos_embed.value.shape).toEqual([1, tokens, config.hiddenSize]);
      }),
      { numRuns: 20 },
    );
  });

  it('has the gradient of finite differences along a random direction', async () => {
    await fc.assert(
      fc.asyncProperty(configs, fc.nat(1000), async (config, seed) => {
        const { x, t, y } = randomInputs(config, 1, key(seed));
        const model = randomModel(config, key(seed + 1));
        const forward = (m: DiT): ReturnType<DiT['forward']> => m.forward(x, t, y).square().mean();
        await gradcheck(forward, [model], { directions: 1, step: 1e-3 });
      }),
      { numRuns: 6 },
    );
  });
});

test('latents that are not square are sampled', () => {
  const config: ModelConfig = { ...TINY, design: 'modern', inputSize: [2, 6], learnSigma: true };
  const model = randomModel(config, key(0));
  const y = randomInt(key(1), [2], 0, 5);
  const process = createDiffusion({ variance: 'learned-range', respacing: 2 });
  const noise = randomNoise(key(2), latentShape(config, 2));
  expect(sample(process, (x, t) => model.forward(x, t, y), noise).shape).toEqual([2, 2, 2, 6]);
});

describe('a learned variance', () => {
  it.each(['eps', 'xStart', 'v'] as const)('is trained beside %s', (predicts) => {
    const config: ModelConfig = { ...TINY, learnSigma: true };
    const model = randomModel(config, key(0));
    const { x, t, y } = randomInputs(config, 2, key(1));
    const process = createDiffusion({ predicts, variance: 'learned-range' });
    const batch = { xStart: x, t, eps: normal(key(2), x.shape) };
    const { loss, mse, vb } = trainingLosses(
      process,
      (xT, time) => model.forward(xT, time, y),
      batch,
    );
    expect(
      mse
        ?.add(vb ?? 0)
        .sub(loss)
        .abs()
        .max()
        .itemSync(),
    ).toBe(0);
    expect(Number.isFinite(loss.sum().itemSync())).toBe(true);
  });

  it('has no meaning for a flow', () => {
    const config = presetConfig('smoke', { objective: 'flow' });
    const learned = { ...config, model: { ...config.model, learnSigma: true } };
    expect(() => parseTrainConfig(learned)).toThrow(
      'model.learnSigma is true, but a step of a flow has no variance to learn. Set it to false',
    );
  });
});

test('rows and columns of patches cost the same', () => {
  const wide: ModelConfig = { ...TINY, inputSize: [4, 16] };
  expect(macCount(wide)).toBe(macCount({ ...wide, inputSize: [16, 4] }));
  expect(macCount(wide)).toBe(macCount({ ...wide, inputSize: 8 }));
});
