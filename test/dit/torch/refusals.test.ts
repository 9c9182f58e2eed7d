/** What export and import refuse, before they write anything. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TrainConfig } from '@tessera/dit';
import {
  exportToPytorch,
  importFromPytorch,
  readRunConfig,
  train,
  writeRunConfig,
} from '@tessera/dit/node';
import { decodeState, encodeState } from '../../../packages/dit/src/run/state/state-file.ts';
import { leastConfig, noise } from '../train/stopped-run.ts';

// A whole run, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const data = noise();
let folder = '';
let run = '';
let out = '';
let checkpoint = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-exchange-'));
  [run, out] = [join(folder, 'run'), join(folder, 'out')];
  const { autoencoder: _, ...least } = leastConfig({ backend: 'cpu', steps: 2 });
  const model = { ...least.model, inputSize: 8, patchSize: 4, inChannels: 1 };
  await train({ config: { ...least, codec: 'pixels', model }, data, out: run });
  checkpoint = join(run, 'state', 'diffusion-000002.safetensors');
});

afterAll(() => rm(folder, { recursive: true }));

/** A copy of the run with another configuration. */
async function changed(
  name: string,
  change: (config: TrainConfig) => TrainConfig,
): Promise<string> {
  const copy = join(folder, name);
  await cp(run, copy, { recursive: true });
  await writeRunConfig(copy, change(await readRunConfig(copy)));
  return copy;
}

/** The message of the error that a promise is rejected with; the folder `out` must not be there. */
async function refusal(work: Promise<unknown>): Promise<string> {
  const message = await work.then(
    () => 'nothing',
    (error: unknown) => (error as Error).message,
  );
  expect(await readdir(folder)).not.toContain('out');
  return message.replaceAll(folder, '');
}

describe('export refuses', () => {
  it('a run without a saved state, and a folder that is no run', async () => {
    const copy = await changed('stateless', (config) => config);
    await rm(join(copy, 'state'), { recursive: true });
    expect(await refusal(exportToPytorch({ run: copy, out, data }))).toMatchInlineSnapshot(
      `"exportToPytorch: /stateless has no saved state of its Diffusion Transformer. Train it, and let it keep its states (--keep 1 or more)."`,
    );
    const none = join(folder, 'none');
    expect(await refusal(exportToPytorch({ run: none, out, data }))).toMatchInlineSnapshot(
      `"readRunConfig: /none is not the folder of a run: /none/config.json is missing. Name a folder that a training wrote."`,
    );
  });

  it('other data, another configuration, and a folder with files', async () => {
    const [image, ...others] = data.train.images;
    const other = { ...data.train, images: Uint8Array.of(image ^ 1, ...others) };
    expect(
      await refusal(exportToPytorch({ run, out, data: { ...data, train: other } })),
    ).toMatchInlineSnapshot(
      `"train: the data noise are not those that /run/state/diffusion-000002.safetensors was trained on: images, labels and captions must be the same."`,
    );
    const seeded = await changed('seeded', (config) => ({ ...config, seed: 5 }));
    expect(await refusal(exportToPytorch({ run: seeded, out, data }))).toMatchInlineSnapshot(
      `"train: /seeded/config.json has another seed than /seeded/state/diffusion-000002.safetensors was trained with. Put it back, or start anew with --config."`,
    );
    expect(await refusal(exportToPytorch({ run, out: run, data }))).toMatchInlineSnapshot(
      `"exportToPytorch: the folder /run is not empty (it holds config.json). Name a new one by --out, or remove it first."`,
    );
  });
});

describe('import refuses', () => {
  it('no file, a cut one, and one of another kind', async () => {
    const file = join(folder, 'checkpoint.safetensors');
    expect(await refusal(importFromPytorch({ checkpoint: file, out }))).toMatchInlineSnapshot(
      `"importFromPytorch: /checkpoint.safetensors does not exist. Name a checkpoint that train.py wrote."`,
    );
    await writeFile(file, (await readFile(checkpoint)).subarray(0, 2000));
    expect(await refusal(importFromPytorch({ checkpoint: file, out }))).toMatchInlineSnapshot(
      `"importFromPytorch: /checkpoint.safetensors is damaged: its checksum is another one. Expected a whole file that train.py wrote."`,
    );
    const weights = join(run, 'model.safetensors');
    expect(await refusal(importFromPytorch({ checkpoint: weights, out }))).toMatchInlineSnapshot(
      `"importFromPytorch: /run/model.safetensors is not the saved state of a training: expected a checkpoint that train.py wrote. For weights alone, name a run with the same model by --like."`,
    );
  });

  it('a checkpoint of another model, with all that differs', async () => {
    const state = decodeState(await readFile(checkpoint), checkpoint);
    const { config } = state;
    const file = join(folder, 'other.safetensors');
    const model = { ...config.model, depth: 2 };
    await writeFile(file, await encodeState({ ...state, config: { ...config, model } }, {}));
    expect(await refusal(importFromPytorch({ checkpoint: file, out }))).toMatchInlineSnapshot(
      `"loadModule: /other.safetensors: the tensors do not fit the module. 130 missing: model.pos_embed, model.x_embedder.proj.weight, model.x_embedder.proj.bias, model.t_embedder.mlp.0.weight, model.t_embedder.mlp.0.bias, model.t_embedder.mlp.2.weight, model.t_embedder.mlp.2.bias, model.y_embedder.embedding_table.weight and 122 more."`,
    );
  });
});

it('a failed export leaves nothing behind', async () => {
  const target = join(folder, 'file');
  await writeFile(target, 'text');
  const message = await refusal(exportToPytorch({ run, out: join(target, 'below'), data }));
  expect(message).toMatchInlineSnapshot(
    `"exportToPytorch: /file/below cannot be read: a part of its path is a file, expected a folder (ENOTDIR). Check the name."`,
  );
  expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
  await mkdir(join(folder, 'empty'));
  expect(await exportToPytorch({ run, out: join(folder, 'empty'), data })).toBe(2);
  expect(await readdir(join(folder, 'empty'))).toContain('train.py');
});
