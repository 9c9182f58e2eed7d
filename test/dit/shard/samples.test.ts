/** Samples and evaluations that several jobs draw: their parts make the bytes of one job. */
import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { key, setDefaultBackend, wasmBackend, type Backend } from '@tessera/tensor';
import { Autoencoder, presetConfig, TrainedRun, type AutoencoderTrainConfig } from '@tessera/dit';
import {
  drawEvaluationPart,
  evaluateRun,
  loadMnist,
  readRuler,
  readRun,
  RUN_FILES,
  sampleRun,
  saveModule,
  writeRunConfig,
  type SampleOptions,
} from '@tessera/dit/node';
import { runTessera } from '../cli/run-tessera.ts';
import { firstDigits } from '../evaluate/first-digits.ts';
import { randomModel } from '../model/sizes.ts';

const smoke = presetConfig('smoke', { conditions: ['label', 'sketch'] });
const config: AutoencoderTrainConfig = {
  ...smoke,
  latentScale: 1,
  autoencoder: { ...smoke.autoencoder, channels: [2, 2] },
  model: { ...smoke.model, hiddenSize: 16, depth: 1, numHeads: 2, patchSize: 4 },
};

let folder: string;
let before: Backend | null;
const backend = wasmBackend();
const inFolder = (name: string): string => join(folder, name);

beforeAll(async () => {
  before = setDefaultBackend(backend);
  folder = await mkdtemp(join(tmpdir(), 'tessera-parts-'));
  for (const [name, seed] of Object.entries({ run: 1, other: 2 })) {
    await writeRunConfig(inFolder(name), config);
    const file = (part: string): string => join(inFolder(name), part);
    await saveModule(file(RUN_FILES.autoencoder), new Autoencoder(config.autoencoder, key(0)));
    await saveModule(file(RUN_FILES.model), randomModel(config.model, key(seed)));
  }
});

afterAll(async () => {
  setDefaultBackend(before);
  backend.stopThreads();
  await rm(folder, { recursive: true });
});

/** 2 · 126 images: three hundreds, of which the last is short. */
function options(more: Partial<SampleOptions> = {}): SampleOptions {
  const own = { ...config.sampling, steps: 2, seed: 3, run: inFolder('run'), count: 126 };
  return { ...own, labels: [3, 1], out: inFolder('samples.npz'), ...more };
}

async function drawParts(out: string, count: number, more: Partial<SampleOptions> = {}) {
  const shards = Array.from({ length: count }, (_, i) => ({ index: i + 1, count }));
  // The order in which jobs end does not matter.
  for (const shard of shards.reverse()) {
    await sampleRun(options({ ...more, out: inFolder(out), shard }));
  }
  return inFolder(out);
}

describe('parts of samples', () => {
  it.each([
    [2, 'npz', {}],
    [3, 'png', { count: 101 }],
    [2, 'npy', { latents: true, eta: 1 }],
    [2, 'npy', { interpolate: { columns: 60, toLabels: [7, 2] }, count: undefined }],
  ] as const)('%i of them make the same %s as one job, %o', async (count, kind, more) => {
    const asked = { ...more, out: inFolder(`whole.${kind}`) } as Partial<SampleOptions>;
    const { out: whole, count: columns, ...rest } = options(asked);
    const complete = { ...rest, ...(columns !== undefined && { count: columns }) };
    expect(await sampleRun({ ...complete, out: whole })).toBe(whole);
    const name = `parts-${count}-${kind}-${Object.keys(more).join('-')}`;
    const parts = Array.from({ length: count }, (_, i) => ({ index: i + 1, count }));
    for (const shard of parts.reverse()) {
      await sampleRun({ ...complete, out: inFolder(name), shard });
    }
    expect((await readdir(inFolder(name))).sort()).toEqual(
      parts.map(({ index }) => `part-${index}-of-${count}.safetensors`).sort(),
    );
    const merged = inFolder(`merged.${kind}`);
    await sampleRun({ ...complete, out: merged, merge: inFolder(name) });
    expect(Buffer.compare(await readFile(merged), await readFile(whole))).toBe(0);
  });
});

describe('refused, with nothing written, is', () => {
  const refusal = async (more: Partial<SampleOptions>): Promise<string> => {
    const files = await readdir(folder, { recursive: true });
    const error: unknown = await sampleRun(options(more)).catch((reason: unknown) => reason);
    expect(await readdir(folder, { recursive: true })).toEqual(files);
    return error instanceof Error ? error.message.replaceAll(folder, '') : 'nothing';
  };
  let parts: string;

  beforeAll(async () => {
    parts = await drawParts('good', 2);
  });

  /** A copy of the parts, with a change. */
  async function changed(name: string, change: (parts: string) => Promise<unknown>) {
    await cp(parts, inFolder(name), { recursive: true });
    await change(inFolder(name));
    return inFolder(name);
  }

  it('a folder without parts', async () => {
    expect(await refusal({ merge: inFolder('run') })).toMatchInlineSnapshot(
      `"sampleRun: /run holds no parts. Draw them by --shard 1/2 --out /run, and so on."`,
    );
  });

  it('a folder without one of them', async () => {
    const merge = await changed('lacking', (all) => rm(join(all, 'part-1-of-2.safetensors')));
    expect(await refusal({ merge })).toMatchInlineSnapshot(
      `"sampleRun: /lacking lacks 1 of 2 parts, the first is 1. Draw it by --shard 1/2 --out /lacking."`,
    );
  });

  it('a folder with parts of two cuts', async () => {
    const merge = await changed('mixed', (all) =>
      cp(join(all, 'part-1-of-2.safetensors'), join(all, 'part-1-of-3.safetensors')),
    );
    expect(await refusal({ merge })).toMatchInlineSnapshot(
      `"sampleRun: /mixed holds parts of 2 and of 3. Remove those that do not belong there."`,
    );
  });

  it('a part by the name of another', async () => {
    const merge = await changed('renamed', (all) =>
      rename(join(all, 'part-1-of-2.safetensors'), join(all, 'part-2-of-2.safetensors')).then(() =>
        cp(join(parts, 'part-2-of-2.safetensors'), join(all, 'part-1-of-2.safetensors')),
      ),
    );
    expect(await refusal({ merge })).toMatchInlineSnapshot(
      `"sampleRun: /renamed/part-1-of-2.safetensors holds part 2/2. Give it its name back."`,
    );
  });

  it.each([
    ['other weights', { run: 'other' }],
    ['another seed', { seed: 4 }],
    ['other labels', { labels: [3, 2] }],
    ['another guidance', { guidance: 3 }],
    ['latents in place of images', { latents: true }],
  ])('parts of %s', async (_, { run, ...more }: Partial<SampleOptions>) => {
    const asked = { ...more, ...(run !== undefined && { run: inFolder(run) }) };
    expect(await refusal({ ...asked, merge: parts })).toMatch(
      /part-1-of-2\.safetensors was drawn from another run, or with other options than these\./,
    );
  });

  it('parts of another number of images', async () => {
    expect(await refusal({ count: 120, merge: parts })).toMatchInlineSnapshot(
      `"sampleRun: /good/part-1-of-2.safetensors was drawn from another run, or with other options than these: it is of 252 images, not 240. Give the options of the parts, or draw them anew."`,
    );
  });

  it('a part that is cut short, or has another bit', async () => {
    const file = 'part-2-of-2.safetensors';
    const bytes = new Uint8Array(await readFile(join(parts, file)));
    const short = await changed('short', (all) =>
      writeFile(join(all, file), bytes.subarray(0, -4)),
    );
    const damaged = /part-2-of-2\.safetensors is damaged, or no part of samples: its checksum/;
    expect(await refusal({ merge: short })).toMatch(damaged);
    bytes[bytes.length - 1] ^= 1;
    const turned = await changed('turned', (all) => writeFile(join(all, file), bytes));
    expect(await refusal({ merge: turned })).toMatch(damaged);
  });

  it.each([
    [{ shard: { index: 1, count: 4 }, out: 'new' }],
    [{ shard: { index: 3, count: 2 }, out: 'new' }],
    [{ shard: { index: 1, count: 2 }, merge: 'good', out: 'new' }],
    [{ shard: { index: 1, count: 2 }, format: 'png', out: 'new' }],
    [{ merge: 'good', film: { file: 'film.gif' } }],
  ] as const)('what does not go together: %o', async (more) => {
    const { out = 'samples.npz' } = more as { out?: string };
    expect(await refusal({ ...more, out: inFolder(out) })).toMatchSnapshot();
  });

  it('on the command line, in one line', async () => {
    const given = ['sample', '--run', 'run', '--count', '126', '--labels', '3,1', '--seed', '3'];
    const { code, stderr } = await runTessera(
      folder,
      ...given,
      '--merge',
      'good',
      '--out',
      'a.npz',
    );
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /(^|\n)error: good\/part-1-of-2\.safetensors was drawn from another run, .*\.\n$/,
    );
    const wrong = await runTessera(folder, ...given, '--shard', '3/2', '--out', 'new');
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      "error: option '--shard <i/n>' argument '3/2' is invalid. Expected a part of a whole, such as 2/3.\n",
    ]);
    const lone = await runTessera(folder, 'evaluate', '--run', 'run', '--shard', '1/2');
    expect([lone.code, lone.stderr]).toMatchInlineSnapshot(`
      [
        2,
        "error: --shard goes with --out, which is missing. Give both, or neither.
      ",
      ]
    `);
  });
});

describe('parts of an evaluation', () => {
  it('are measured as what one job draws', async () => {
    const mnist = await loadMnist();
    const real = { train: firstDigits(mnist, 'train', 200), test: firstDigits(mnist, 'test', 120) };
    const [run, ruler] = [await readRun(inFolder('run')), await readRuler()];
    const sampling = { ...run.config.sampling, steps: 2 };
    const quick = new TrainedRun({ ...run.config, sampling }, run.autoencoder, run.model);
    const asked = { samples: 120, guidance: [1, 2], seeds: 2 };
    for (const index of [1, 2]) {
      const shard = { index, count: 2 };
      await drawEvaluationPart(quick, real.test, asked, inFolder('evaluation'), shard);
    }
    const merged = await evaluateRun(quick, ruler, real, {
      ...asked,
      merge: inFolder('evaluation'),
    });
    expect(merged).toEqual(await evaluateRun(quick, ruler, real, asked));
    await expect(
      evaluateRun(quick, ruler, real, { ...asked, seeds: 1, merge: inFolder('evaluation') }),
    ).rejects.toThrow(/was drawn from another run, or with other options/);
  });
});
