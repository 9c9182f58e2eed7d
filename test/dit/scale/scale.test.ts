/** Studies of a few steps on a few digits: in one go, in several, in parts. */
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadMnist } from '@tessera/dit/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Halves } from '../../../packages/dit/src/scale/laboratory.ts';
import { scaleModels, type ScaleOptions } from '../../../packages/dit/src/scale/scale.ts';
import { runTessera } from '../cli/run-tessera.ts';
import { firstDigits } from '../evaluate/first-digits.ts';

let folder = '';
let images: Halves;
let whole = '';
let next = 0;
const newFolder = (): string => join(folder, `study-${next++}`);

/** One size in two designs: two models. */
const grid = {
  sizes: [{ width: 16, depth: 1 }],
  patches: [4],
  designs: ['adaln', 'adaln-zero'],
  seeds: 1,
} as const;

/** A study of seconds. A look is taken after steps 2, 4, 6 and 7. */
function study(out: string, more: Partial<ScaleOptions> = {}): ScaleOptions {
  return { out, grid, images, steps: 7, samples: 6, autoencoderSteps: 2, ...more };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-scale-'));
  const mnist = await loadMnist();
  images = { train: firstDigits(mnist, 'train', 96), test: firstDigits(mnist, 'test', 48) };
  whole = newFolder();
  await scaleModels(study(whole));
});

afterAll(() => rm(folder, { recursive: true }));

/** The files of a folder with a hash of each. */
async function filesOf(path: string): Promise<Record<string, string>> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const hashes = files.map(async ({ parentPath, name }): Promise<[string, string]> => {
    const file = join(parentPath, name);
    const hash = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    return [file.slice(path.length + 1), hash.slice(0, 8)];
  });
  return Object.fromEntries(await Promise.all(hashes));
}

const FILES = [
  'autoencoder.safetensors',
  'cells/adaln-16x1-p4-seed0.json',
  'cells/adaln-zero-16x1-p4-seed0.json',
  'compute.png',
  'compute.svg',
  'designs.png',
  'designs.svg',
  'gflops.png',
  'gflops.svg',
  'marks.json',
  'report.md',
  'results.json',
  'scale.json',
  'sizes.png',
  'sizes.svg',
];

describe('a study', () => {
  it('writes tables and figures, and scores of each look', async () => {
    expect(Object.keys(await filesOf(whole)).sort()).toEqual(FILES);
    const results: unknown = JSON.parse(await readFile(join(whole, 'results.json'), 'utf8'));
    expect(results).toMatchObject({
      missing: [],
      models: ['adaln 16×1/4', 'adaln-zero 16×1/4'].map((name) => ({
        name,
        tokens: 4,
        looks: [2, 4, 6, 7].map((step) => ({ step })),
      })),
    });
    const report = await readFile(join(whole, 'report.md'), 'utf8');
    expect(report.split('\n').filter((line) => line.startsWith('| adaln'))).toHaveLength(3);
  });

  it('in two shards, one of them stopped in the middle of a model, has the same bytes', async () => {
    const first = { out: newFolder(), shard: { index: 1, count: 2 } };
    const second = { out: newFolder(), shard: { index: 2, count: 2 } };
    await scaleModels(study(first.out, first));
    const stopping = study(second.out, {
      ...second,
      onProgress: ({ stage, step }) => {
        if (stage === 'diffusion' && step > 4) throw new Error('stopped');
      },
    });
    await expect(scaleModels(stopping)).rejects.toThrow('stopped');
    const state = join(second.out, 'states', 'adaln-zero-16x1-p4-seed0.safetensors');
    const saved = await readFile(state);

    const steps: number[] = [];
    const going: ScaleOptions = {
      ...second,
      images,
      onProgress: ({ stage, step }) => {
        if (stage === 'diffusion') steps.push(step);
      },
    };
    await scaleModels(going);
    expect(steps).toEqual([6, 7]);

    // A damaged state is told of, and the model trained anew.
    const notices: string[] = [];
    await rm(join(second.out, 'cells', 'adaln-zero-16x1-p4-seed0.json'));
    await writeFile(state, saved.subarray(0, -1));
    await scaleModels({ ...going, onNotice: (text) => notices.push(text) });
    expect(steps).toEqual([6, 7, 1, 2, 4, 6, 7]);
    expect(notices.join(' ')).toMatch(/is damaged: .* The model is trained anew\./);

    const out = newFolder();
    const results = await scaleModels({ out, merge: [first.out, second.out] });
    expect(results.missing).toEqual([]);
    expect(await filesOf(out)).toEqual(await filesOf(whole));
    const part = await scaleModels({ out: newFolder(), merge: [first.out] });
    expect(part.missing).toEqual(['adaln-zero-16x1-p4-seed0']);
  });

  it('is put together by the command, which prints what is found', async () => {
    const { code, stdout, stderr } = await runTessera(
      folder,
      'scale',
      '--out',
      'put',
      '--merge',
      whole,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^model .*FCD .*\nadaln 16×1\/4 .*\nadaln-zero 16×1\/4 /);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('Tables and figures are in put.');
    expect(await filesOf(join(folder, 'put'))).toEqual(await filesOf(whole));
    const json = await runTessera(folder, 'scale', '--out', 'put', '--json');
    expect(JSON.parse(json.stdout)).toEqual(
      JSON.parse(await readFile(join(whole, 'results.json'), 'utf8')),
    );
  });
});

it('a study goes on with the recipe of its folder, whatever the presets have become', async () => {
  const out = join(folder, 'former');
  await cp(whole, out, { recursive: true });
  const path = join(out, 'scale.json');
  const plan = JSON.parse(await readFile(path, 'utf8')) as { config: { diffusion: object } };
  const former = { schedule: 'squaredcos_cap_v2', timesteps: 1000, objective: 'v' };
  expect(plan.config.diffusion).not.toEqual(former);
  plan.config.diffusion = former;
  await writeFile(path, JSON.stringify(plan));
  const grown = await scaleModels({ out, images, grid: { seeds: 2 } });
  expect(grown.plan.config.diffusion).toEqual(former);
  expect(grown.missing).toEqual([]);
  expect(grown.cells).toHaveLength(4);
});

describe('refused, with nothing written, is', () => {
  const refusal = async (options: ScaleOptions): Promise<string> => {
    const before = await filesOf(folder);
    const error: unknown = await scaleModels(options).catch((reason: unknown) => reason);
    expect(await filesOf(folder)).toEqual(before);
    return error instanceof Error ? error.message.replaceAll(folder, '') : 'nothing';
  };

  it('a folder of another recipe, by the name of the field', async () => {
    expect(await refusal(study(whole, { steps: 9 }))).toMatchInlineSnapshot(
      `"scale: /study-0 holds models of another recipe: config.steps is 7 there, and 9 in this call. Name another folder by --out, or leave the option out."`,
    );
    expect(await refusal(study(whole, { autoencoderSteps: 3 }))).toMatchInlineSnapshot(
      `"scale: /study-0 holds models of another recipe: config.autoencoder.steps is 2 there, and 3 in this call. Name another folder by --out, or leave the option out."`,
    );
  });

  it('a folder that holds something else', async () => {
    expect(await refusal(study(join(whole, 'cells')))).toMatchInlineSnapshot(
      `"scale: the folder /study-0/cells holds adaln-16x1-p4-seed0.json and no scale.json. Name a new folder by --out, or one that tessera scale has filled."`,
    );
    const absent = { out: newFolder(), merge: [join(folder, 'absent')] };
    expect(await refusal(absent)).toMatchInlineSnapshot(
      `"scale: /absent has no scale.json. Name a folder that tessera scale has filled."`,
    );
  });

  it('a model that there is not', async () => {
    const wide = { ...grid, sizes: [{ width: 18, depth: 1 }] };
    expect(await refusal(study(newFolder(), { grid: wide }))).toMatchInlineSnapshot(
      `"parseTrainConfig: adaln-zero 18×1/4: model: hiddenSize 18 is not a multiple of 4, which position '2d' needs."`,
    );
    const large = { ...grid, patches: [3] };
    expect(await refusal(study(newFolder(), { grid: large }))).toMatchInlineSnapshot(
      `"parseTrainConfig: adaln-zero 16×1/3: model: patchSize 3 does not divide inputSize 8."`,
    );
  });

  it('a folder with another autoencoder', async () => {
    const out = newFolder();
    await scaleModels({ out, merge: [whole] });
    const marks = join(out, 'marks.json');
    const text = await readFile(marks, 'utf8');
    await writeFile(marks, text.replace(/"autoencoder": "\w{4}/, '"autoencoder": "beef'));
    expect(await refusal({ out: newFolder(), merge: [whole, out] })).toMatchInlineSnapshot(
      `"scale: /study-8 has another autoencoder than /study-0: the SHA-256 in marks.json is another one. Train both on the same backend and the same version."`,
    );
    expect(await refusal(study(out, { grid: { ...grid, seeds: 2 } }))).toMatchInlineSnapshot(
      `"scale: /study-8/autoencoder.safetensors is not the autoencoder that the models of /study-8 were trained with. Name a new folder by --out."`,
    );
  });

  it('a wrong option, in one line', async () => {
    const lineOf = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await runTessera(folder, 'scale', '--out', 'none', ...args);
      expect(code).toBe(2);
      return stderr;
    };
    expect(await lineOf('--sizes', '32')).toMatchInlineSnapshot(`
      "error: option '--sizes <list>' argument '32' is invalid. Expected widths and depths, such as 32x2,64x3.
      "
    `);
    expect(await lineOf('--shard', '3/2')).toMatchInlineSnapshot(`
      "error: option '--shard <i/n>' argument '3/2' is invalid. Expected a part of a whole, such as 2/3.
      "
    `);
    expect(await lineOf('--merge', whole, '--steps', '9')).toMatchInlineSnapshot(`
      "error: option '--merge <folder>' cannot be used with option '--steps <n>'
      "
    `);
    expect(await readdir(folder)).not.toContain('none');
  });
});
