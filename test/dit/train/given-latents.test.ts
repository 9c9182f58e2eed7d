import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { fromNpy } from '@tessera/tensor';
import { readData, readRun, readRunConfig, train } from '@tessera/dit/node';
import { evaluateCommand } from '../../../packages/dit/src/cli/evaluate-command.ts';
import { inspectCommand } from '../../../packages/dit/src/cli/inspect-command.ts';
import { completeSampleOptions } from '../../../packages/dit/src/cli/sample/sample-command.ts';
import { trainConfig } from '../../../packages/dit/src/cli/train/train-command.ts';
import { sampleRun } from '../../../packages/dit/src/sample/sample-run.ts';
import { readFittedRun, type FittedRun } from '../../../packages/dit/src/train/fit-config.ts';
import { npy, zip } from '../data/data-files.ts';

// Whole runs, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let dir = '';
let out = '';
let run: FittedRun;
const notices: string[] = [];

const COUNT = 12;

/** Latents of class i % 2, far from unit variance and not square. */
function latents(channels: number, rows: number, columns: number): Uint8Array {
  const size = channels * rows * columns;
  const values = Float32Array.from({ length: COUNT * size }, (_, i) => {
    const sign = Math.floor(i / size) % 2 === 0 ? 1 : -1;
    return 20 * sign + 3 * Math.sin(i);
  });
  return npy('<f4', [COUNT, channels, rows, columns], values);
}

const labels = npy(
  '<i4',
  [COUNT],
  Int32Array.from({ length: COUNT }, (_, i) => i % 2),
);

/** Writes an archive and gives its path. */
async function save(name: string, arrays: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const files = Object.entries(arrays).map(([key, bytes]) => [`${key}.npy`, bytes] as const);
  const path = join(dir, name);
  await writeFile(path, zip(Object.fromEntries(files)));
  return path;
}

/** The configuration of some options of `tessera train`, with its data, as the command makes it. */
async function fitted(
  data: string,
  args: Parameters<typeof trainConfig>[0] = {},
  wishes: object = {},
): Promise<FittedRun> {
  const set = ['model.hiddenSize=16', 'model.depth=1', 'model.numHeads=2'];
  const start = await trainConfig({ steps: 3, batch: 4, backend: 'cpu', set, ...args, data });
  return readFittedRun(start, { fits: true, needsLabels: false, ...wishes });
}

/** Draws with options of `tessera sample`. */
async function draw(folder: string, name: string, more: object = {}): Promise<Uint8Array> {
  const args = { run: folder, seed: 0, labels: [1], steps: 2, out: join(dir, name), ...more };
  await sampleRun(completeSampleOptions(args, await readRunConfig(folder)));
  return readFile(join(dir, name));
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-latents-'));
  out = join(dir, 'run');
  const data = await save('set.npz', { latents: latents(5, 4, 6), labels });
  run = await fitted(data);
  await train({ ...run, out, onNotice: (text) => notices.push(text) });
});

afterAll(() => rm(dir, { recursive: true }));

describe('a run on given latents', () => {
  it('takes its sizes from them, a patch that divides them, and no autoencoder', async () => {
    expect(run.config).toMatchObject({
      codec: 'latents',
      model: { inputSize: [4, 6], inChannels: 5, patchSize: 2, numClasses: 2 },
    });
    expect(run.config).not.toHaveProperty('autoencoder');
    expect((await readdir(out)).sort()).toEqual([
      'config.json',
      'log.jsonl',
      'loss.png',
      'model.safetensors',
      'state',
    ]);
    expect(notices).toContain(
      'There are no pictures of samples: the samples of this run are latents [5, 4, 6].',
    );
    // ±20 with a little around it.
    expect((await readRunConfig(out)).latentScale).toBeCloseTo(1 / 20, 2);
  });

  it('draws latents as the data have them, which can be trained on', async () => {
    const drawn = fromNpy(await draw(out, 'drawn.npy'));
    expect(drawn.shape).toEqual([10, 5, 4, 6]);
    const loaded = await readRun(out);
    const unit = await loaded.drawLatents(new Array<number>(10).fill(1), { steps: 2 });
    const { latentScale } = loaded.config;
    drawn.dataSync().forEach((value, i) => {
      // One rounding to float32.
      expect(value * latentScale).toBeCloseTo(unit[i], 4);
    });
    await draw(out, 'drawn.npz');
    const again = await readData(join(dir, 'drawn.npz'));
    expect(again).toMatchObject({ kind: 'latents', train: { count: 10, shape: [5, 4, 6] } });
    await expect(loaded.generate([0])).rejects.toThrow(
      'are latents [5, 4, 6], which are no images.',
    );
  });

  it('refuses pictures of them, and whatever needs images', async () => {
    const problem = async (name: string, more: object = {}): Promise<string> =>
      draw(out, name, more).then(
        () => 'accepted',
        (error: unknown) => String(error).replaceAll(dir, 'DIR'),
      );
    expect(await problem('a.png')).toMatchInlineSnapshot(
      `"ValueError: sampleRun: --out DIR/a.png: the samples of this run are latents [5, 4, 6], which no picture shows. Write them as arrays, to a .npy or .npz file."`,
    );
    expect(await problem('a.npy', { film: join(dir, 'f.gif') })).toMatchInlineSnapshot(
      `"ValueError: sampleRun: --film DIR/f.gif: the samples of this run are latents [5, 4, 6], which no picture shows. Write them as arrays, to a .npy or .npz file."`,
    );
    expect(await problem('a.npy', { latents: true })).toMatchInlineSnapshot(
      `"ValueError: sampleRun: --latents: this run draws latents and nothing else. Leave --latents out."`,
    );
    expect(await problem('a.npy', { edit: 'a.png', fromLabel: 0 })).toMatchInlineSnapshot(
      `"ValueError: sampleRun: --edit: this run was trained on latents, and what made them of images is not known here. Leave it out."`,
    );
    const args = { run: out, samples: 4, seeds: 1 };
    await expect(evaluateCommand(args, () => undefined)).rejects.toThrow(
      'evaluate: the run was trained on latents, and a ruler reads images.',
    );
    await expect(trainConfig({ control: 'depth', from: out })).rejects.toThrow(
      'was trained on latents, and a ControlNet reads maps of images. Name a run on images.',
    );
    expect((await readdir(dir)).filter((name) => /^(a|f)\./.test(name))).toEqual([]);
  });

  it('is repeated to the bit by its config.json, and starts a flow map', async () => {
    const again = await trainConfig({ config: join(out, 'config.json') });
    await train({ config: again, out: join(dir, 'again') });
    expect(await readFile(join(dir, 'again', 'model.safetensors'))).toEqual(
      await readFile(join(out, 'model.safetensors')),
    );
    const flow = join(dir, 'flow');
    const deep = ['model.hiddenSize=16', 'model.depth=2', 'model.numHeads=2'];
    await train({ ...(await fitted(again.data, { objective: 'flow', set: deep })), out: flow });
    const map = await trainConfig({ objective: 'mean-flow', from: flow, steps: 2 });
    await train({ config: map, out: join(dir, 'map') });
    expect((await readRunConfig(join(dir, 'map'))).latentScale).toBe(
      (await readRunConfig(flow)).latentScale,
    );
  });

  it('is looked into by inspect', async () => {
    const lines: string[] = [];
    await inspectCommand({ data: run.config.data }, (line) => lines.push(line.replace(dir, 'DIR')));
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "data      DIR/set.npz
      format    npy or npz
      latents   5×4×6, values from -23 to 23
      train     12
      test      the same 12
      classes   2: 0 (6), 1 (6)
      captions  none
      maps      none
      training  Latents stay as they are: the model sees them without an autoencoder."
    `);
    const model: string[] = [];
    await inspectCommand({ run: out, json: true }, (line) => model.push(line));
    expect(JSON.parse(model[0])).toMatchObject({ imageSize: null, tokens: 6 });
  });
});

describe('latents of one channel or three', () => {
  it('are shown from three deviations below 0 to three above', async () => {
    const grey = join(dir, 'grey');
    await train({
      ...(await fitted(await save('grey.npz', { latents: latents(1, 4, 4) }))),
      out: grey,
    });
    expect(await readdir(grey)).toContain('samples.png');
    for (const name of ['g.png', 'g.gif']) {
      expect((await draw(grey, name, { labels: [0] })).length).toBeGreaterThan(0);
    }
    const trained = await readRun(grey);
    const [image] = await trained.generate([0], { steps: 2 });
    const unit = await trained.drawLatents([0], { steps: 2 });
    image.dataSync().forEach((value, i) => {
      // Three roundings to float32 of values of about 1.
      expect(value).toBeCloseTo((unit[i] / 3 + 1) / 2, 5);
    });
  });
});

describe('what latents bring along', () => {
  it('becomes conditions: captions and maps, of the size of the images that they stand for', async () => {
    const data = await save('told.npz', {
      latents: latents(4, 4, 4),
      captions: npy('|S3', [COUNT], Buffer.from('a b'.repeat(COUNT))),
      depth: npy('|u1', [COUNT, 8, 8], new Uint8Array(COUNT * 64).fill(51)),
    });
    const told = await fitted(data, { condition: ['text', 'depth'] });
    expect(told.config.model.conditions).toMatchObject([
      { name: 'text', words: ['a', 'b'] },
      { name: 'depth', size: [8, 8] },
    ]);
    await train({ ...told, out: join(dir, 'told') });
  });

  it.each([
    [['depth'], "the condition 'depth' is measured from images, but the data have latents without"],
    [['text'], 'Add an array captions, or leave it out.'],
    [['slant'], 'Train on images, or leave it out.'],
  ] as const)('is missed by %s', async (condition, problem) => {
    await expect(fitted(run.config.data, { condition })).rejects.toThrow(problem);
  });
});

describe('refused in one line', () => {
  it('latents of a bad shape, or of two shapes', async () => {
    const flat = npy('<f4', [2, 4, 4], new Float32Array(32));
    await expect(fitted(await save('flat.npz', { latents: flat }))).rejects.toThrow(
      /flat\.npz: latents: latents have shape \[2, 4, 4\], expected \[N, C, h, w\]\./,
    );
    const halves = { latents_train: latents(4, 4, 4), latents_test: latents(4, 2, 2) };
    await expect(fitted(await save('halves.npz', halves))).rejects.toThrow(
      'latents_test: the test set has shape [12, 4, 2, 2], expected [N, 4, 4, 4]',
    );
    const maps = {
      latents: latents(4, 4, 4),
      depth: npy('|u1', [COUNT, 6, 6], new Uint8Array(COUNT * 36)),
    };
    const odd = await save('odd.npz', maps);
    await expect(fitted(odd, { condition: ['depth'] })).rejects.toThrow(
      "the map 'depth' has size 6×6, which is no multiple of inputSize 4",
    );
  });

  it('latents that are to be resized, that are fewer than a batch, or that a configuration is not for', async () => {
    const { data } = run.config;
    await expect(fitted(data, {}, { imageSize: 32 })).rejects.toThrow('which are not resized.');
    await expect(fitted(data, {}, { imageChannels: 3 })).rejects.toThrow('which are no images.');
    await expect(
      train({ ...(await fitted(data, { batch: 13 })), out: join(dir, 'none') }),
    ).rejects.toThrow('a batch of 13 latents cannot be drawn from the 12 training latents.');
    const other = await save('other.npz', { latents: latents(4, 4, 4), labels });
    const config = { ...run.config, data: other };
    await expect(train({ config, out: join(dir, 'none') })).rejects.toThrow(
      'other.npz are [4, 4, 4], but the model takes [5, 4, 6].',
    );
    const images = await save('images.npz', {
      images: npy('|u1', [COUNT, 4, 4], new Uint8Array(COUNT * 16)),
    });
    await expect(
      train({ config: { ...config, data: images }, out: join(dir, 'none') }),
    ).rejects.toThrow('images.npz have images, but this configuration is one for latents.');
    expect(await readdir(dir)).not.toContain('none');
  });
});
