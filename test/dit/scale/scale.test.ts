/** Studies of a few steps on a few digits: in one go, in several, in parts. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadMnist } from '@tessera/dit/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Halves } from '../../../packages/dit/src/scale/laboratory.ts';
import { scaleModels, type ScaleOptions } from '../../../packages/dit/src/scale/scale.ts';
import { firstDigits } from '../evaluate/first-digits.ts';

let folder = '';
let images: Halves;
let next = 0;
const newFolder = (): string => join(folder, `study-${next++}`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-scale-'));
  const mnist = await loadMnist();
  images = { train: firstDigits(mnist, 'train', 96), test: firstDigits(mnist, 'test', 48) };
});

afterAll(() => rm(folder, { recursive: true }));

/** Two sizes of one design and one of another: three models. */
const grid = {
  sizes: [
    { width: 16, depth: 1 },
    { width: 32, depth: 1 },
  ],
  patches: [4],
  designs: ['adaln', 'adaln-zero'],
  seeds: 1,
} as const;

/** A study of seconds. A look is taken after steps 2, 4, 6 and 7. */
function study(out: string, more: Partial<ScaleOptions> = {}): ScaleOptions {
  return { out, grid, images, steps: 7, samples: 6, autoencoderSteps: 2, ...more };
}

/** The files of a folder with their content, but for those of some names. */
async function filesOf(path: string, omitted: readonly string[] = []): Promise<Map<string, string>> {
  const names = await readdir(path, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile() && !omitted.includes(entry.name));
  const texts = files.map(async ({ parentPath, name }): Promise<[string, string]> => {
    const file = join(parentPath, name);
    return [file.slice(path.length), (await readFile(file)).toString('base64')];
  });
  return new Map((await Promise.all(texts)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

let whole = '';
beforeAll(async () => {
  whole = newFolder();
  await scaleModels(study(whole));
});

describe('a study', () => {
  it('writes tables and figures, and scores of each look', async () => {
    expect((await readdir(whole)).sort()).toEqual([
      'autoencoder.safetensors',
      'cells',
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
      'states',
    ]);
    expect(await readdir(join(whole, 'states'))).toEqual([]);
    const results: unknown = JSON.parse(await readFile(join(whole, 'results.json'), 'utf8'));
    expect(results).toMatchObject({
      missing: [],
      models: ['adaln-zero 16×1/4', 'adaln 32×1/4', 'adaln-zero 32×1/4'].map((name) => ({
        name,
        tokens: 4,
        looks: [2, 4, 6, 7].map((step) => ({ step })),
      })),
    });
    const report = await readFile(join(whole, 'report.md'), 'utf8');
    expect(report.split('\n').filter((line) => line.startsWith('| adaln'))).toHaveLength(4);
  });

  it('that was stopped in the middle of a model goes on from its last look, to the same bytes', async () => {
    const out = newFolder();
    let trained = 0;
    const stopping = scaleModels(
      study(out, {
        onProgress: ({ stage, step }) => {
          if (stage !== 'diffusion') return;
          if (step === 4) trained++;
          if (trained === 2 && step > 4) throw new Error('stopped');
        },
      }),
    );
    await expect(stopping).rejects.toThrow('stopped');
    expect(await readdir(join(out, 'states'))).toEqual(['adaln-32x1-p4-seed0.safetensors']);
    const steps: number[] = [];
    await scaleModels({
      out,
      images,
      onProgress: ({ stage, step }) => {
        if (stage === 'diffusion') steps.push(step);
      },
    });
    expect(steps).toEqual([6, 7, 1, 2, 4, 6, 7]);
    expect(await filesOf(out)).toEqual(await filesOf(whole));
  });

  it('trains a model anew whose state is damaged, and says so', async () => {
    const out = newFolder();
    await scaleModels(study(out, { shard: { index: 2, count: 3 } }));
    const name = 'adaln-32x1-p4-seed0';
    const cell = join(out, 'cells', `${name}.json`);
    const record = JSON.parse(await readFile(cell, 'utf8')) as { looks: unknown[] };
    await writeFile(cell, JSON.stringify({ ...record, looks: record.looks.slice(0, 2) }));
    await writeFile(join(out, 'states', `${name}.safetensors`), 'no state');
    const notices: string[] = [];
    await scaleModels({
      out,
      images,
      shard: { index: 2, count: 3 },
      onNotice: (text) => notices.push(text),
    });
    expect(notices.join(' ')).toMatch(/is damaged: .* The model is trained anew\./);
    expect(await readFile(cell)).toEqual(await readFile(join(whole, 'cells', `${name}.json`)));
  });
});

describe('shards', () => {
  it('in folders of their own merge to what one run has, to the byte', async () => {
    const parts = [1, 2].map((index) => ({ out: newFolder(), shard: { index, count: 2 } }));
    for (const part of parts) await scaleModels(study(part.out, part));
    const out = newFolder();
    const results = await scaleModels({ out, merge: parts.map((part) => part.out) });
    expect(results.missing).toEqual([]);
    expect(await filesOf(out)).toEqual(await filesOf(whole));
    // The first part alone says what it lacks.
    const first = await scaleModels({ out: newFolder(), merge: [parts[0].out] });
    expect(first.missing).toEqual(['adaln-32x1-p4-seed0']);
  });
});

describe('refused, with nothing written, is', () => {
  const refusal = async (options: ScaleOptions): Promise<string> => {
    const before = await filesOf(folder);
    const error: unknown = await scaleModels(options).catch((reason: unknown) => reason);
    expect(await filesOf(folder)).toEqual(before);
    return error instanceof Error ? error.message.replaceAll(folder, '') : 'nothing';
  };

  it('a folder of another recipe, by the name of the field', async () => {
    expect(await refusal(study(whole, { steps: 9 }))).toMatchInlineSnapshot(`"scale: /study-0 holds models of another recipe: config.steps is 7 there, and 9 in this call. Name another folder by --out, or leave the option out."`);
    expect(await refusal(study(whole, { autoencoderSteps: 3 }))).toMatchInlineSnapshot(`"scale: /study-0 holds models of another recipe: config.autoencoder.steps is 2 there, and 3 in this call. Name another folder by --out, or leave the option out."`);
  });

  it('a folder that holds something else', async () => {
    expect(await refusal(study(join(whole, 'cells')))).toMatchInlineSnapshot(`"scale: the folder /study-0/cells holds adaln-32x1-p4-seed0.json and no scale.json. Name a new folder by --out, or one that tessera scale has filled."`);
    expect(await refusal({ out: newFolder(), merge: [join(folder, 'absent')] })).toMatchInlineSnapshot(`"scale: /absent has no scale.json. Name a folder that tessera scale has filled."`);
  });

  it('a model that there is not', async () => {
    const wide = { ...grid, sizes: [{ width: 18, depth: 1 }] };
    expect(await refusal(study(newFolder(), { grid: wide }))).toMatchInlineSnapshot(`"parseTrainConfig: adaln-zero 18×1/4: model: hiddenSize 18 is not a multiple of 4, which position '2d' needs."`);
    const large = { ...grid, patches: [3] };
    expect(await refusal(study(newFolder(), { grid: large }))).toMatchInlineSnapshot(`"parseTrainConfig: adaln-zero 16×1/3: model: patchSize 3 does not divide inputSize 8."`);
  });

  it('a folder with another autoencoder', async () => {
    const out = newFolder();
    await scaleModels({ out, merge: [whole] });
    const marks = join(out, 'marks.json');
    const text = await readFile(marks, 'utf8');
    await writeFile(marks, text.replace(/"autoencoder": "\w{4}/, '"autoencoder": "beef'));
    expect(await refusal({ out: newFolder(), merge: [whole, out] })).toMatchInlineSnapshot(`"scale: /study-9 has another autoencoder than /study-0: the SHA-256 in marks.json is another one. Train both on the same backend and the same version."`);
  });
});
