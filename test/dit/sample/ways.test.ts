import { key, normal, tensor } from '@tessera/tensor';
import {
  Autoencoder,
  encodeTexts,
  flowMapConfig,
  Generator,
  presetConfig,
  type GeneratedStep,
  type GenerateOptions,
  type AutoencoderTrainConfig,
} from '@tessera/dit';
import { describe, expect, it } from 'vitest';
import { randomModel } from '../model/sizes.ts';

function tiny(smoke: AutoencoderTrainConfig): AutoencoderTrainConfig {
  return {
    ...smoke,
    autoencoder: { ...smoke.autoencoder, channels: [2, 2] },
    model: { ...smoke.model, hiddenSize: 16, depth: 1, numHeads: 2 },
  };
}

const config = tiny(presetConfig('smoke'));
const autoencoder = new Autoencoder(config.autoencoder, key(0));
const generator = new Generator(config, { autoencoder, latentScale: 0.5 });
const model = randomModel(config.model, key(1));
const asked = { ...config.sampling, steps: 3, labels: [3, 1] };
const options = { ...asked, key: key(2) };
const SHAPE = [2, 4, 8, 8];
const latents = (await normal(key(3), SHAPE).data()) as Float32Array;

/** Outputs of the model are of size 1, and batches of other sizes may sum in another order. */
const CLOSE = 5e-4;

function furthest(found: Float32Array, expected: Float32Array): number {
  return Math.max(...found.map((value, i) => Math.abs(value - expected[i])));
}

describe('latents', () => {
  it('are what images are decoded from, and are encoded to', async () => {
    const drawn = await generator.generateLatents(model, options);
    const images = await generator.generate(model, options);
    expect(await generator.decode(tensor(drawn, { shape: SHAPE }))).toEqual(images);
    const encoded = await generator.encode(tensor(images, { shape: [2, 1, 32, 32] }));
    const { mean } = autoencoder.encode(tensor(images, { shape: [2, 1, 32, 32] }));
    expect(furthest(encoded, (await mean.mul(0.5).data()) as Float32Array)).toBeLessThan(1e-6);
  });

  it('at which sampling starts take the place of noise', async () => {
    const drawn = await generator.generateLatents(model, { ...options, xT: latents });
    expect(drawn).not.toEqual(await generator.generateLatents(model, options));
    expect(drawn).toEqual(
      await generator.generateLatents(model, { ...options, xT: latents, key: key(9) }),
    );
    await expect(
      generator.generate(model, { ...options, xT: latents.subarray(1) }),
    ).rejects.toThrow('generate: xT has 511 values, expected 512.');
  });
});

describe('a region of latents', () => {
  const mask = new Uint8Array(64).fill(1, 0, 32);

  it('where nothing is known is plain drawing, and where all is known it is the latents', async () => {
    const open = { latents, mask: new Uint8Array(64).fill(1) };
    expect(await generator.generateLatents(model, { ...options, region: open })).toEqual(
      await generator.generateLatents(model, options),
    );
    const closed = { latents, mask: new Uint8Array(64), passes: 2 };
    expect(await generator.generateLatents(model, { ...options, region: closed })).toEqual(latents);
  });

  it('keeps what is known', async () => {
    const region = { latents, mask, passes: 2 };
    const drawn = await generator.generateLatents(model, { ...options, region });
    const kept = drawn.every((value, i) => mask[i % 64] === 1 || value === latents[i]);
    expect(kept).toBe(true);
    expect(drawn.some((value, i) => mask[i % 64] === 1 && value !== latents[i])).toBe(true);
    await expect(
      generator.generate(model, { ...options, region: { latents, mask: mask.subarray(1) } }),
    ).rejects.toThrow('region.mask has 63 values, expected 64, one for each place of a latent.');
  });
});

describe('between two ends', () => {
  it('shares of 0 and 1 are the ends, others are neither', async () => {
    for (const guidance of [1, 3]) {
      const own = { ...options, guidance };
      const towards = { labels: [8, 7] };
      const at = (shares: readonly number[]): Promise<Float32Array> =>
        generator.generateLatents(model, { ...own, towards: { ...towards, shares } });
      const from = await generator.generateLatents(model, own);
      const to = await generator.generateLatents(model, { ...own, ...towards });
      expect(furthest(await at([0, 0]), from)).toBeLessThan(CLOSE);
      expect(furthest(await at([1, 1]), to)).toBeLessThan(CLOSE);
      const middle = await at([0.5, 0.5]);
      expect(Math.min(furthest(middle, from), furthest(middle, to))).toBeGreaterThan(10 * CLOSE);
    }
  });

  it('of texts are those of the texts, with a negative', async () => {
    const reads = tiny(presetConfig('smoke', { conditions: ['text'] }));
    const [text] = reads.model.conditions ?? [];
    if (text.kind !== 'text') throw new Error('no text');
    const reader = randomModel(reads.model, key(4));
    const by = new Generator(reads, { autoencoder, latentScale: 1 });
    const tokens = (...texts: readonly string[]): Int32Array =>
      encodeTexts(texts, text.length, text.words);
    const [ends, others] = [tokens('a four', 'a thick two'), tokens('a thin nine', 'a one')];
    const own = { ...options, labels: [0, 0], negative: { text: tokens('a six') } };
    const from = { ...own, conditions: { text: ends } };
    const at = (shares: readonly number[]): Promise<Float32Array> =>
      by.generateLatents(reader, { ...from, towards: { conditions: { text: others }, shares } });
    const first = await by.generateLatents(reader, from);
    const second = await by.generateLatents(reader, { ...own, conditions: { text: others } });
    expect(furthest(await at([0, 0]), first)).toBeLessThan(CLOSE);
    expect(furthest(await at([1, 1]), second)).toBeLessThan(CLOSE);
    const mixed = await at([0, 1]);
    expect(furthest(mixed.subarray(0, 256), first.subarray(0, 256))).toBeLessThan(CLOSE);
    expect(furthest(mixed.subarray(256), second.subarray(256))).toBeLessThan(CLOSE);
  });

  it('refuses shares and labels that are not one for each image', async () => {
    const draw = (towards: object): Promise<unknown> =>
      generator.generate(model, { ...options, towards: { shares: [0, 1], ...towards } });
    await expect(draw({ shares: [0] })).rejects.toThrow(
      'towards.shares are [0], expected 2 numbers from 0 to 1, one for each image.',
    );
    await expect(draw({ labels: [1] })).rejects.toThrow('towards has 1 labels for 2 images');
    await expect(draw({ labels: [1, 10] })).rejects.toThrow('labels must be some of the classes');
    await expect(
      generator.generate(model, { ...options, scales: { label: 2 }, towards: { shares: [0, 1] } }),
    ).rejects.toThrow('scales guide by each condition');
  });
});

describe('inversion', () => {
  it('by the same labels leads back, closer with more steps; by others it edits', async () => {
    const back = async (steps: number, labels: readonly number[]): Promise<number> => {
      const own = { ...asked, steps, guidance: 1 };
      const to = steps / 2 - 1;
      const xT = await generator.invert(model, latents, { ...own, to, iterations: 2 });
      const found = await generator.generateLatents(model, {
        ...own,
        labels,
        xT,
        from: to,
        key: key(0),
      });
      return furthest(found, latents);
    };
    const few = await back(4, [3, 1]);
    const many = await back(16, [3, 1]);
    expect(many).toBeLessThan(0.5 * few);
    expect(await back(16, [8, 8])).toBeGreaterThan(2 * many);
  });

  it('reports its steps, and refuses latents of another size', async () => {
    const steps: string[] = [];
    const own = { ...asked, guidance: 1 };
    await generator.invert(model, latents, {
      ...own,
      onProgress: ({ step, totalSteps }) => steps.push(`${step}/${totalSteps}`),
    });
    expect(steps).toEqual(['1/3', '2/3', '3/3']);
    await expect(generator.invert(model, latents.subarray(2), own)).rejects.toThrow(
      'invert: latents has 510 values, expected 512.',
    );
  });
});

describe('a flow map', () => {
  const flow = tiny(presetConfig('smoke', { objective: 'flow' }));
  const map = flowMapConfig(
    { ...flow, model: { ...flow.model, depth: 2 }, latentScale: 0.5 },
    'runs/flow',
  );
  const drawer = new Generator(map, { autoencoder, latentScale: 0.5 });
  const jumper = randomModel(map.model, key(6));
  const own = { ...map.sampling, steps: 2, labels: [3, 1], key: key(2) };
  const draw = (more: Partial<GenerateOptions> = {}): Promise<Float32Array> =>
    drawer.generateLatents(jumper, { ...own, ...more });

  it('takes its steps, by the times at which they end, in every way to draw', async () => {
    const plain = await draw();
    expect(await draw({ region: { latents, mask: new Uint8Array(64).fill(1) } })).toEqual(plain);
    const closed = { latents, mask: new Uint8Array(64), passes: 2 };
    expect(await draw({ region: closed })).toEqual(latents);
    const at = (share: number): Promise<Float32Array> =>
      draw({ towards: { labels: [8, 7], shares: [share, share] } });
    expect(furthest(await at(0), plain)).toBeLessThan(CLOSE);
    expect(furthest(await at(1), await draw({ labels: [8, 7] }))).toBeLessThan(CLOSE);
  });

  it('has no way back, and no guidance but that of its training', async () => {
    const { key: _, ...asking } = own;
    await expect(drawer.invert(jumper, latents, asking)).rejects.toThrow(
      'invert: this model is a flow map, which knows the way from noise to images but not back. Use the flow that it follows.',
    );
    await expect(draw({ scales: { label: 2 } })).rejects.toThrow(
      'generateLatents: scales and negative guide, but a flow map was trained with its guidance',
    );
  });
});

describe('each step', () => {
  it('is handed out before the next, with the latents that end as the result', async () => {
    const seen: number[] = [];
    let last: Float32Array | undefined;
    const onStep = async ({ n, start, x, xStart }: GeneratedStep): Promise<void> => {
      expect([start, ...x.shape]).toEqual([0, ...SHAPE]);
      expect(xStart.shape).toEqual(SHAPE);
      seen.push(n);
      last = (await x.data()) as Float32Array;
    };
    const drawn = await generator.generateLatents(model, { ...options, onStep });
    expect(seen).toEqual([0, 1, 2]);
    expect(last).toEqual(drawn);
  });
});
