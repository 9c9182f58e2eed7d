import { describe, expect, it } from 'vitest';
import { key } from '@tessera/tensor';
import {
  Autoencoder,
  encodeTexts,
  Generator,
  presetConfig,
  type AutoencoderTrainConfig,
} from '@tessera/dit';
import { askedConditions } from '../../../packages/dit/src/sample/asked-conditions.ts';
import { randomModel } from '../model/sizes.ts';

const smoke = presetConfig('smoke', { conditions: ['text', 'thickness', 'depth'] });
const config: AutoencoderTrainConfig = {
  ...smoke,
  autoencoder: { ...smoke.autoencoder, channels: [2, 2] },
  model: { ...smoke.model, hiddenSize: 16, depth: 1, numHeads: 2 },
};
const model = randomModel(config.model, key(1));
const autoencoder = new Autoencoder(config.autoencoder, key(0));
const generator = new Generator(config, { autoencoder, latentScale: 1 });
const options = { ...config.sampling, steps: 2, labels: [0, 0], key: key(2) };

/** Batches of other sizes may sum in another order; pixels are of size 1. */
const CLOSE = 2e-4;

/** The largest difference of two pixels. */
function furthest(found: Float32Array, expected: Float32Array): number {
  return Math.max(...found.map((pixel, i) => Math.abs(pixel - expected[i])));
}

const [reader] = config.model.conditions?.filter(({ kind }) => kind === 'text') ?? [];
const { length: LENGTH, words } = reader.kind === 'text' ? reader : expect.fail('no text');

/** Tokens of texts for the model. */
function tokens(...texts: readonly string[]): Int32Array {
  return encodeTexts(texts, LENGTH, words);
}

describe('a generator of conditions', () => {
  const text = tokens('a thin four', 'a nine');
  const thickness = Float32Array.of(2, 4);

  it('hears what it is asked for, and the negative', async () => {
    const open = await generator.generate(model, options);
    const asked = await generator.generate(model, { ...options, conditions: { text, thickness } });
    expect(asked).not.toEqual(open);
    const negative = { text: text.slice(LENGTH) };
    const away = await generator.generate(model, {
      ...options,
      conditions: { text, thickness },
      negative,
    });
    expect(away).not.toEqual(asked);
  });

  it('has nothing to lead away from where the negative is what it is asked for', async () => {
    const same = tokens('a nine', 'a nine');
    const one = { ...options, conditions: { text: same } };
    const guided = await generator.generate(model, {
      ...one,
      guidance: 5,
      negative: { text: same.slice(LENGTH) },
    });
    expect(furthest(guided, await generator.generate(model, { ...one, guidance: 1 }))).toBeLessThan(
      CLOSE,
    );
  });

  it('leads away from the negative alone as towards what is open', async () => {
    // e(open) + w (e(open) − e(nine)) with w = s − 1 is e(nine) + s (e(open) − e(nine)).
    const negative = { text: tokens('a nine') };
    const away = await generator.generate(model, { ...options, negative, guidance: 3 });
    const towards = await generator.generate(model, {
      ...options,
      conditions: { text: tokens('a nine', 'a nine') },
      guidance: -2,
    });
    expect(furthest(away, towards)).toBeLessThan(CLOSE);
  });

  it('takes a scale for each condition', async () => {
    const one = { ...options, conditions: { text, thickness } };
    const each = await generator.generate(model, { ...one, scales: { thickness: 1, text: 3 } });
    expect(each).not.toEqual(await generator.generate(model, one));
    expect(
      furthest(await generator.generate(model, { ...one, scales: { text: 3 } }), each),
    ).toBeLessThan(CLOSE);
    const same = await generator.generate(model, { ...one, scales: { text: 4, thickness: 4 } });
    expect(furthest(same, await generator.generate(model, { ...one, guidance: 4 }))).toBeLessThan(
      CLOSE,
    );
    await expect(generator.generate(model, { ...one, scales: { colour: 3 } })).rejects.toThrow(
      "guidedByConditions: there is a scale for 'colour', but values for text, thickness.",
    );
  });

  it('refuses conditions that the model does not have, or of another number', async () => {
    const bad = (conditions: Record<string, Float32Array | Int32Array>): Promise<unknown> =>
      generator.generate(model, { ...options, conditions });
    await expect(bad({ slant: thickness })).rejects.toThrow(
      "generate: the model has no condition 'slant'. It has thickness, text, depth.",
    );
    await expect(bad({ text: text.slice(LENGTH) })).rejects.toThrow(
      `generate: conditions.text is ${LENGTH} values, expected Int32Array of ${2 * LENGTH} values for 2 images.`,
    );
    await expect(bad({ text: thickness })).rejects.toThrow(/conditions\.text is/);
  });
});

describe('what the options of sampling ask for', () => {
  const given = { run: 'r', out: 'o.png', seed: 0, ...config.sampling, labels: [0] };

  it('is ten times what each row says', async () => {
    const { conditions = {}, negative = {} } = await askedConditions(
      { ...given, labels: [0, 0], texts: ['a', 'b'], negative: 'c', numbers: { thickness: 3 } },
      model,
    );
    expect(conditions['text']).toEqual(
      tokens(...new Array<string>(10).fill('a'), ...new Array<string>(10).fill('b')),
    );
    expect(conditions['thickness']).toEqual(new Float32Array(20).fill(3));
    expect(negative['text']).toEqual(tokens('c'));
  });

  it('is refused if the model does not know it', async () => {
    const plain = randomModel({ ...config.model, conditions: [], jointDropoutProb: 0 }, key(1));
    await expect(askedConditions({ ...given, texts: ['a'] }, plain)).rejects.toThrow(
      'sampleRun: --text: the model of this run reads no text. Train one with --condition text.',
    );
    await expect(askedConditions({ ...given, maps: { sketch: 's.png' } }, model)).rejects.toThrow(
      'sampleRun: --sketch: the model of this run does not know sketch. Train one with --condition sketch.',
    );
    await expect(askedConditions({ ...given, numbers: { thickness: 50 } }, model)).rejects.toThrow(
      'sampleRun: --thickness 50: the model of this run tells apart 1 to 6. Give a number in this range.',
    );
    await expect(askedConditions({ ...given, numbers: { text: 1 } }, model)).rejects.toThrow(
      /--text/,
    );
  });
});
