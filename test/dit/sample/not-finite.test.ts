/** Samples that are not finite are an error in each form in which they could leave, and nothing is written. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { key, tree, ValueError, type Tensor } from '@tessera/tensor';
import { Autoencoder, loadRun, type TrainConfig } from '@tessera/dit';
import {
  readRun,
  readRunConfig,
  RUN_FILES,
  sampleRun,
  saveModule,
  train,
  writeRunConfig,
} from '@tessera/dit/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completeSampleOptions } from '../../../packages/dit/src/cli/sample/sample-command.ts';
import { png } from '../data/data-files.ts';
import { randomModel } from '../model/sizes.ts';
import { leastConfig, noise } from '../train/stopped-run.ts';

const least: TrainConfig = { ...leastConfig({ backend: 'cpu' }), latentScale: 1 };
const { autoencoder: _, ...rest } = least;
const pixels: TrainConfig = {
  ...rest,
  codec: 'pixels',
  model: { ...least.model, inputSize: 8, inChannels: 1, patchSize: 4 },
};

let dir = '';
const inFolder = (name: string): string => join(dir, name);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-not-finite-'));
  const large = (leaf: Tensor): Tensor => leaf.add(1).mul(1e38);
  for (const [name, config] of Object.entries({
    latents: least,
    pixels,
    fine: pixels,
    decoder: least,
  })) {
    await writeRunConfig(inFolder(name), config);
    const model = randomModel(config.model, key(1));
    // Weights that are finite, and whose products are not.
    const isModel = name === 'latents' || name === 'pixels';
    const file = (part: string): string => join(inFolder(name), part);
    await saveModule(file(RUN_FILES.model), isModel ? tree.map(large, model) : model);
    if (config.autoencoder === undefined) continue;
    const own = new Autoencoder(config.autoencoder, key(0));
    const autoencoder = name === 'decoder' ? tree.map(large, own) : own;
    await saveModule(file(RUN_FILES.autoencoder), autoencoder);
  }
  await writeFile(inFolder('given.png'), png([200]));
  await writeFile(inFolder('mask.png'), png([255]));
});

afterAll(() => rm(dir, { recursive: true }));

/** What `tessera sample` says, and the files that it leaves. */
async function draw(
  run: string,
  file: string,
  more: object,
): Promise<[text: string, files: string[]]> {
  const args = { run: inFolder(run), seed: 0, labels: [1], steps: 2, out: inFolder(file), ...more };
  const before = await readdir(dir);
  const options = completeSampleOptions(args, await readRunConfig(args.run));
  const text = await sampleRun(options).then(
    () => 'drawn',
    (error: unknown) =>
      error instanceof ValueError ? error.message : `by accident: ${String(error)}`,
  );
  return [text, (await readdir(dir)).filter((name) => !before.includes(name))];
}

const files = ['a.png', 'a.npy', 'a.npz', 'a.gif', 'a.apng'].map((file) => [file, {}] as const);
const ways = (): readonly (readonly [file: string, more: object])[] => [
  ...files,
  ['adm.npz', { format: 'adm' }],
  ['latents.npy', { latents: true }],
  ['with-film.npy', { film: inFolder('film.png'), frames: 1 }],
  ['with-film.npy', { film: inFolder('film.gif') }],
  ['between.png', { toLabels: [2] }],
  ['seeds.png', { toSeed: 4 }],
  ['inpainted.png', { inpaint: inFolder('given.png'), mask: inFolder('mask.png') }],
  ['edited.png', { edit: inFolder('given.png'), fromLabel: 0 }],
];

const WORDS = /^\w+: .*(?:not finite|holds (?:NaN|-?Infinity), expected finite)/;

describe('samples of a model', () => {
  it.each(['latents', 'pixels'])('are an error in each form: %s', async (run) => {
    for (const [file, more] of ways()) {
      const [text, left] = await draw(run, file, more);
      expect([file, more, text]).toEqual([file, more, expect.stringMatching(WORDS)]);
      expect(text).toMatch(/guidance/);
      expect(left).toEqual([]);
    }
  });

  it('are drawn in each form where they are finite', async () => {
    for (const [file, more] of ways()) {
      expect(await draw('fine', `fine-${file}`, more)).toEqual(['drawn', expect.anything()]);
    }
  });

  it('are an error where an autoencoder makes them', async () => {
    for (const [file, more] of ways().filter(([name]) => name !== 'latents.npy')) {
      const [text, left] = await draw('decoder', file, more);
      expect([file, more, text]).toEqual([file, more, expect.stringMatching(WORDS)]);
      expect(left).toEqual([]);
    }
  });

  it('are an error in a page and for a canvas', async () => {
    const config = await readFile(join(inFolder('pixels'), RUN_FILES.config), 'utf8');
    const model = await readFile(join(inFolder('pixels'), RUN_FILES.model));
    const runs = [loadRun({ config, model }), await readRun(inFolder('pixels'))];
    for (const run of runs) {
      await expect(run.generate([1], { steps: 2 })).rejects.toThrow(WORDS);
      await expect(run.drawLatents([1], { steps: 2 })).rejects.toThrow(WORDS);
    }
  });
});

describe('previews of a training', () => {
  it('are none, by a notice for each, and the training goes on', async () => {
    const { latentScale: __, ...plain } = pixels;
    // High rates, so that guidance has something to make large after two steps.
    const optimizer = {
      ...plain.optimizer,
      schedule: 'constant',
      learningRate: 0.1,
      warmupSteps: 0,
      emaDecay: 0,
    } as const;
    const sampling = { ...plain.sampling, guidance: 1e38 };
    const config = { ...plain, steps: 4, sampleEvery: 2, optimizer, sampling };
    const notices: string[] = [];
    const out = inFolder('trained');
    await train({ config, data: noise(), out, onNotice: (text) => notices.push(text) });
    const missing = notices.filter((text) => text.startsWith('There is no '));
    expect(missing).toEqual(
      ['samples/step-000002.png', 'samples.png'].map((file): unknown =>
        expect.stringMatching(
          new RegExp(`^There is no ${file}: the samples are (?:not finite|no pictures)`),
        ),
      ),
    );
    expect(await readdir(out)).toContain('model.safetensors');
    expect(
      (await readdir(out, { recursive: true })).filter((file) => /samples.*png/.test(file)),
    ).toEqual([]);
  });
});
