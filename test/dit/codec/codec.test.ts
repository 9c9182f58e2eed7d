import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { key, normal, tensor, zeros } from '@tessera/tensor';
import {
  Autoencoder,
  codecOf,
  CODECS,
  DESIGNS,
  diffusionLoss,
  DiT,
  encodeLatents,
  gatherPosteriors,
  OBJECTIVES,
  presetConfig,
  type TrainConfig,
} from '@tessera/dit';
import { parseTrainConfig } from '../../../packages/dit/src/config/config.ts';
import { withSettings } from '../../../packages/dit/src/config/settings.ts';

const smoke = presetConfig('smoke');
const pixels = presetConfig('smoke', { pixels: true });

/** Ten images of random bytes. */
function imagesOf(channels: 1 | 3, side: number): Uint8Array {
  return Uint8Array.from({ length: 10 * channels * side ** 2 }, (_, i) => (i * 37 + 11) % 256);
}

describe('the codec of pixels', () => {
  test('gives any batch of any images as they are, and takes it back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1 as const, 3 as const),
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 5 }),
        async (channels, side, chosen) => {
          const set = { images: imagesOf(channels, side), count: 10, rows: side, columns: side };
          const codec = codecOf(pixels);
          const source = await codec.prepare({ ...set, channels }, 10);
          const { mean, logVariance } = source.gather(Int32Array.from(chosen));
          expect([source.scale, source.count, logVariance]).toEqual([1, 10, undefined]);
          expect(mean.shape).toEqual([chosen.length, channels, side, side]);
          const back = codec.decode(codec.encode(mean).mean).dataSync();
          const size = channels * side ** 2;
          chosen.forEach((image, i) => {
            const bytes = set.images.subarray(image * size, (image + 1) * size);
            const scaled = Float32Array.from(bytes, (byte) => Math.fround(byte / 127.5) - 1);
            back.subarray(i * size, (i + 1) * size).forEach((value, k) => {
              // Two roundings to float32 of values up to 2.
              expect(Math.abs(value - scaled[k])).toBeLessThan(3e-7);
            });
          });
        },
      ),
    );
  });

  it('refuses latents', () => {
    const latents = { latents: new Float32Array(4), shape: [1, 2, 2], count: 1 } as const;
    expect(() => codecOf(pixels).prepare(latents, 1)).toThrow('have latents, expected images');
  });
});

describe('the codec of given latents', () => {
  const latents = Float32Array.from({ length: 6 * 2 * 4 }, (_, i) => 5 * Math.sin(i) + 1);
  const set = { latents, count: 6, shape: [2, 2, 2] } as const;
  const codec = codecOf({ codec: 'latents' });

  it('gives the values as they are, with the scale that brings them to unit variance', async () => {
    const { scale, gather } = await codec.prepare(set, 6);
    const all = gather(Int32Array.of(0, 1, 2, 3, 4, 5)).mean;
    expect(all.dataSync()).toEqual(latents);
    // Float32 has seven digits.
    expect(all.mul(scale).variance().itemSync() * (47 / 48)).toBeCloseTo(1, 5);
    expect(gather(Int32Array.of(4)).mean.dataSync()).toEqual(latents.subarray(32, 40));
    expect(() => gather(Int32Array.of(6))).toThrow('there is no image 6');
  });

  it('measures the scale of what the training sees alone', async () => {
    const { scale } = await codec.prepare(set, 2);
    const seen = tensor(latents.slice(0, 16));
    expect(seen.mul(scale).variance().itemSync() * (15 / 16)).toBeCloseTo(1, 5);
  });

  it('refuses images, and values that are all the same', () => {
    const images = { images: new Uint8Array(4), count: 1, rows: 2, columns: 2 };
    expect(() => codec.prepare(images, 1)).toThrow('the data have images, expected latents.');
    const same = { ...set, latents: new Float32Array(48).fill(3) };
    expect(() => codec.prepare(same, 6)).toThrow(
      'all values of the latents are 3, so there is nothing to learn.',
    );
  });
});

describe('the codec of an autoencoder', () => {
  it('has the bits of the autoencoder itself', async () => {
    const autoencoder = new Autoencoder({ channels: [2, 4], latentChannels: 2 }, key(0));
    const codec = codecOf(smoke, autoencoder);
    const x = normal(key(1), [3, 1, 8, 8]);
    const { mean } = autoencoder.encode(x);
    expect(codec.encode(x).mean.dataSync()).toEqual(mean.dataSync());
    expect(codec.decode(mean).dataSync()).toEqual(autoencoder.decode(mean).dataSync());
    const set = { images: imagesOf(1, 8), count: 10, rows: 8, columns: 8 };
    const [source, encoded] = [
      await codec.prepare(set, 7),
      await encodeLatents(autoencoder, set, 7),
    ];
    expect([source.count, source.scale]).toEqual([7, encoded.scale]);
    const some = Int32Array.of(6, 0);
    const [own, other] = [source.gather(some), gatherPosteriors(encoded, some)];
    expect(own.mean.dataSync()).toEqual(other.mean.dataSync());
    expect(own.logVariance?.dataSync()).toEqual(other.logVariance.dataSync());
  });

  it('is needed where the run has one, and is one too many elsewhere', () => {
    expect(() => codecOf(smoke)).toThrow('Give an Autoencoder.');
    const autoencoder = new Autoencoder({ channels: [2], latentChannels: 1 }, key(0));
    for (const codec of CODECS.slice(1)) {
      expect(() => codecOf({ codec }, autoencoder)).toThrow(`a run of codec ${codec} has none`);
    }
  });
});

describe('a configuration', () => {
  const problem = (config: object): string => {
    try {
      parseTrainConfig(JSON.parse(JSON.stringify(config)));
      return 'accepted';
    } catch (error) {
      return String(error);
    }
  };
  const withModel = (model: object): object => ({
    ...pixels,
    model: { ...pixels.model, ...model },
  });

  test('on pixels predicts images by patches of 8, and describes no autoencoder', () => {
    expect(pixels).toMatchObject({
      codec: 'pixels',
      model: { inputSize: 32, inChannels: 1, patchSize: 8 },
      diffusion: { objective: 'xStart' },
    });
    expect(pixels).not.toHaveProperty('autoencoder');
    expect(presetConfig('quick', { pixels: true, objective: 'v' }).diffusion.objective).toBe('v');
    expect(parseTrainConfig(JSON.parse(JSON.stringify(pixels)))).toEqual(pixels);
  });

  test('whose codec and model do not go together is refused', () => {
    expect(problem({ ...smoke, autoencoder: undefined })).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config: autoencoder: missing."`,
    );
    expect(problem({ ...pixels, autoencoder: smoke.autoencoder })).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config: codec pixels has no autoencoder, but its settings are there. Leave autoencoder out."`,
    );
    expect(problem({ ...pixels, codec: 'pixel' })).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config: codec: expected ("autoencoder" | "pixels" | "latents"), got "pixel"."`,
    );
    expect(problem(withModel({ inputSize: [32, 16] }))).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config: model.inputSize is 32×16, but the images of codec pixels are square."`,
    );
    expect(problem(withModel({ inChannels: 2 }))).toMatchInlineSnapshot(
      `"FormatError: parseTrainConfig: config: model.inChannels is 2, but images of codec pixels have 1 channel for grey or 3 for colour."`,
    );
    expect(problem({ ...smoke, codec: 'autoencoder' })).toBe('accepted');
    const latents = { ...pixels, codec: 'latents' };
    expect(
      problem({ ...latents, model: { ...pixels.model, inputSize: [32, 8], inChannels: 7 } }),
    ).toBe('accepted');
  });

  test('without an autoencoder has none to set', () => {
    expect(() => withSettings(pixels, ['autoencoder.steps=5'])).toThrow(
      '--set autoencoder.steps: this run has no autoencoder, so there is nothing to set. Leave it out.',
    );
    expect(withSettings(pixels, ['model.patchSize=4']).model.patchSize).toBe(4);
  });
});

test('every design and objective trains on pixels, whose latents are not drawn', () => {
  const values = zeros([2, 1, 8, 8]).add(0.5);
  for (const design of DESIGNS) {
    const size = { inputSize: 8, patchSize: 4, hiddenSize: 16, depth: 1, numHeads: 2 };
    const config: TrainConfig = { ...pixels, model: { ...pixels.model, ...size, design } };
    const model = DiT.init(config.model, key(0));
    const labels = tensor([3, 1], { dtype: 'int32' });
    for (const objective of OBJECTIVES.filter((name) => name !== 'mean-flow')) {
      const own = { ...config, diffusion: { ...config.diffusion, objective } };
      const loss = diffusionLoss(own, 1)(model, { posterior: { mean: values }, labels }, key(1));
      expect(loss.itemSync(), `${design} ${objective}`).toBeGreaterThan(0);
      // A posterior without any spread is the same latent, to the bit: e^-∞ is 0.
      const drawn = { mean: values, logVariance: zeros([2, 1, 8, 8]).sub(Infinity) };
      const same = diffusionLoss(own, 1)(model, { posterior: drawn, labels }, key(1));
      expect(same.itemSync()).toBe(loss.itemSync());
    }
  }
});
