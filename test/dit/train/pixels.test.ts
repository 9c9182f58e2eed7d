import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { fromNpy, tensor, toNpy } from '@tessera/tensor';
import {
  encodeIdxImages,
  encodeIdxLabels,
  loadRun,
  type CodecName,
  type TrainConfig,
} from '@tessera/dit';
import { readData, readLog, readRun, readRunConfig, train } from '@tessera/dit/node';
import { interruptedText } from '../../../packages/dit/src/cli/interrupt.ts';
import { completeSampleOptions } from '../../../packages/dit/src/cli/sample/sample-command.ts';
import { trainConfig } from '../../../packages/dit/src/cli/train/train-command.ts';
import { sampleRun } from '../../../packages/dit/src/sample/sample-run.ts';
import { readFittedRun } from '../../../packages/dit/src/train/fit-config.ts';
import { png, writeFiles } from '../data/data-files.ts';

// Whole runs, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let dir = '';
let data = '';
let out = '';
let config: TrainConfig;
const stages: string[] = [];
const notices: string[] = [];

/** Small and short. */
const TINY = ['hiddenSize=16', 'depth=2', 'numHeads=2', 'patchSize=4'].map(
  (each) => `model.${each}`,
);

/** The configuration of some options of `tessera train`, with its data, as the command makes it. */
async function fitted(args: Parameters<typeof trainConfig>[0]): ReturnType<typeof readFittedRun> {
  const start = await trainConfig({ steps: 3, batch: 4, data, backend: 'cpu', set: TINY, ...args });
  return readFittedRun(start, { fits: args.from === undefined, needsLabels: false });
}

/** Draws with options of `tessera sample`. */
async function draw(run: string, name: string, more: object = {}): Promise<Uint8Array> {
  const args = { run, seed: 0, labels: [1], steps: 2, out: join(dir, name), ...more };
  await sampleRun(completeSampleOptions(args, await readRunConfig(run)));
  return readFile(join(dir, name));
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-pixels-'));
  [data, out] = ['digits', 'run'].map((name) => join(dir, name));
  await mkdir(data);
  for (const prefix of ['train', 't10k']) {
    // Images of 7×7, which are padded: bars that lie in class 0, and stand in class 1.
    const images = Uint8Array.from({ length: 12 * 49 }, (_, i) => {
      const [image, row, column] = [Math.floor(i / 49), Math.floor((i % 49) / 7), i % 7];
      return (image % 2 === 0 ? row : column) === 3 ? 200 + image : 0;
    });
    const set = { images, count: 12, rows: 7, columns: 7 };
    await writeFile(join(data, `${prefix}-images-idx3-ubyte`), encodeIdxImages(set));
    const labels = Uint8Array.from({ length: 12 }, (_, i) => i % 2);
    await writeFile(join(data, `${prefix}-labels-idx1-ubyte`), encodeIdxLabels(labels));
  }
  const run = await fitted({ pixels: true, sampleEvery: 2 });
  ({ config } = run);
  await train({
    ...run,
    out,
    cache: join(dir, 'cache'),
    onStage: ({ name }) => stages.push(name),
    onNotice: (text) => notices.push(text),
  });
});

afterAll(() => rm(dir, { recursive: true }));

describe('a run on pixels', () => {
  it('takes its sizes from the images, and has no autoencoder anywhere', async () => {
    expect(config).toMatchObject({
      codec: 'pixels' satisfies CodecName,
      model: { inputSize: 8, inChannels: 1, numClasses: 2 },
      diffusion: { objective: 'xStart' },
    });
    expect(stages).toEqual(['diffusion']);
    expect((await readdir(out)).sort()).toEqual([
      'config.json',
      'log.jsonl',
      'loss.png',
      'model.safetensors',
      'samples',
      'samples.png',
      'state',
    ]);
    expect(await readdir(join(out, 'samples'))).toEqual(['step-000002.png']);
    expect((await readLog(join(out, 'log.jsonl'))).map(({ stage }) => stage)).toEqual(
      new Array(3).fill('diffusion'),
    );
    expect(await readRunConfig(out)).toEqual({ ...config, latentScale: 1 });
  });

  it('says what was padded, and that there is nothing to cache', async () => {
    expect(notices).toContain('Images of 7×7 are padded with black to 8×8.');
    expect(notices).toContain(
      'Nothing is kept by --cache: without an autoencoder there is nothing to encode.',
    );
    expect(await readdir(dir)).not.toContain('cache');
    const place = { folder: out, stage: 'diffusion', step: 2, totalSteps: 3 } as const;
    expect(interruptedText({ ...place, hasAutoencoder: false })).not.toMatch(/autoencoder/);
  });

  it('draws the same from its folder and from its bytes', async () => {
    const [bytes, text] = [
      await readFile(join(out, 'model.safetensors')),
      await readFile(join(out, 'config.json'), 'utf8'),
    ];
    const [run, loaded] = [await readRun(out), loadRun({ config: text, model: bytes })];
    expect(run.autoencoder).toBeUndefined();
    const [image] = await run.generate([1], { steps: 2 });
    expect(image.shape).toEqual([8, 8]);
    expect((await loaded.generate([1], { steps: 2 }))[0].dataSync()).toEqual(image.dataSync());
  });

  it('writes pictures, arrays, films and latents, which are its pixels', async () => {
    for (const name of ['a.png', 'a.gif', 'a.npz']) {
      expect((await draw(out, name, { film: join(dir, 'film.png') })).length).toBeGreaterThan(0);
    }
    const [images, latents] = [
      fromNpy(await draw(out, 'a.npy')),
      fromNpy(await draw(out, 'b.npy', { latents: true })),
    ];
    expect([images.shape, latents.shape]).toEqual([
      [10, 8, 8, 1],
      [10, 1, 8, 8],
    ]);
    const bytes = latents.add(1).mul(127.5).maximum(0).minimum(255).dataSync();
    images.dataSync().forEach((byte, i) => {
      // Rounding moves a byte by half at most, and float32 a little more.
      expect(Math.abs(byte - bytes[i])).toBeLessThan(0.501);
    });
  });

  it('is drawn from between labels, around a known part, and from an image', async () => {
    const half = Float32Array.from({ length: 64 }, (_, i) => (i % 8 < 4 ? 1 : 0));
    for (const name of ['digit', 'mask']) {
      await writeFile(join(dir, `${name}.npy`), await toNpy(tensor(half, { shape: [8, 8] })));
    }
    const [digit, mask] = ['digit.npy', 'mask.npy'].map((name) => join(dir, name));
    const known = fromNpy(await draw(out, 'known.npy', { inpaint: digit, mask })).dataSync();
    known.forEach((byte, i) => {
      // What the mask leaves is black in the given image.
      if (i % 8 >= 4) expect(byte).toBe(0);
    });
    expect(fromNpy(await draw(out, 'way.npy', { labels: [0], toLabels: [1] })).shape[0]).toBe(10);
    expect(fromNpy(await draw(out, 'edit.npy', { edit: digit, fromLabel: 0 })).shape[0]).toBe(1);
  });

  it('is repeated to the bit by its config.json', async () => {
    const again = await trainConfig({ config: join(out, 'config.json') });
    expect(again).toEqual(config);
    await train({ config: again, out: join(dir, 'again') });
    expect(await readFile(join(dir, 'again', 'model.safetensors'))).toEqual(
      await readFile(join(out, 'model.safetensors')),
    );
  });

  it('carries a ControlNet', async () => {
    const own = await trainConfig({ control: 'depth', from: out, steps: 2 });
    expect(own.model.conditions?.at(-1)).toMatchObject({ kind: 'control', size: 8 });
    const control = join(dir, 'control');
    await train({ config: own, out: control });
    const half = Float32Array.from({ length: 64 }, (_, i) => i / 64);
    const depth = join(dir, 'depth.npy');
    await writeFile(depth, await toNpy(tensor(half, { shape: [8, 8] })));
    const loud = await draw(control, 'c.npy', { depth, controlScale: 1000 });
    expect(await draw(control, 'd.npy', { depth, controlScale: 0 })).not.toEqual(loud);
    const other = { ...own, model: { ...own.model, patchSize: 2 } };
    await expect(train({ config: other, out: join(dir, 'none') })).rejects.toThrow(
      'has another model.patchSize than the ControlNet',
    );
  });

  it('becomes a flow map, as a flow', async () => {
    const [flow, map] = ['flow', 'map'].map((name) => join(dir, name));
    await train({ ...(await fitted({ pixels: true, objective: 'flow' })), out: flow });
    await train({
      ...(await fitted({ objective: 'mean-flow', from: flow, steps: 2, set: [] })),
      out: map,
    });
    const [image] = await (await readRun(map)).generate([0], { steps: 1 });
    expect(image.shape).toEqual([8, 8]);
  });

  it('hears captions and maps, and is in colour', async () => {
    const files = Array.from({ length: 8 }, (_, i) => [
      `photos/${i}.png`,
      png(i % 2 === 0 ? [200 + i, 20, 20] : [20, 20, 200 + i], 8),
    ]);
    const captions = Array.from(
      { length: 8 },
      (_, i) => `${i}.png,a ${i % 2 ? 'blue' : 'red'} one`,
    );
    await writeFiles(dir, {
      ...(Object.fromEntries(files) as Record<string, Uint8Array>),
      'photos/captions.csv': ['file,caption', ...captions].join('\n'),
    });
    const told = await fitted({
      pixels: true,
      data: join(dir, 'photos'),
      condition: ['text', 'depth'],
      steps: 1,
    });
    expect(told.config.model).toMatchObject({ inputSize: 8, inChannels: 3 });
    const colour = join(dir, 'colour');
    await train({ ...told, out: colour });
    const bytes = await draw(colour, 'c.npy', { labels: undefined, text: ['a red one'] });
    expect(fromNpy(bytes).shape).toEqual([10, 8, 8, 3]);
    // The same folder in the sizes of the configuration needs no fitting; grey runs do not take it.
    await expect(
      train({ config: await readRunConfig(colour), out: join(dir, 'more') }),
    ).resolves.toBeDefined();
    const grey = {
      ...config,
      data: join(dir, 'photos'),
      model: { ...config.model, numClasses: 0 },
    };
    const unguided = { ...grey, sampling: { ...grey.sampling, guidance: 1 } };
    await expect(train({ config: unguided, out: join(dir, 'none') })).rejects.toThrow(
      /in colour, but model\.inChannels is 1\. Set it to 3\./,
    );
  });

  it('is refused for sizes that patches do not divide, and for latents', async () => {
    const start = await trainConfig({ pixels: true, data });
    await expect(
      readFittedRun(start, { fits: true, needsLabels: false, imageSize: 20 }),
    ).rejects.toThrow('--image-size 20: expected a multiple of 8, which patches need. Use 24.');
    await writeFile(join(dir, 'latents.npy'), await toNpy(tensor([[[[1, 2]]]])));
    await expect(fitted({ pixels: true, data: join(dir, 'latents.npy') })).rejects.toThrow(
      'latents.npy have latents, expected images.',
    );
    await expect(
      train({ config, data: await readData(join(dir, 'latents.npy')), out: join(dir, 'none') }),
    ).rejects.toThrow('have latents, expected images.');
    expect(await readdir(dir)).not.toContain('none');
  });
});
