/** Folders of diffusers: the names of its weights, what they compute, and the way back. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  cpuBackend,
  decodeSafetensors,
  encodeSafetensors,
  key,
  normal,
  setDefaultBackend,
  tensor,
  type Backend,
} from '@tessera/tensor';
import { Autoencoder, DiT, encodeModule, presetConfig, type ModelConfig } from '@tessera/dit';
import {
  importWeights,
  loadDiffusers,
  RUN_FILES,
  saveDiffusers,
  saveModule,
  writeRunConfig,
} from '@tessera/dit/node';
import { runTessera } from '../cli/run-tessera.ts';
import { randomModel } from '../model/sizes.ts';
import { distance } from './differences.ts';
import { ended, heading, python, startPython } from './python.ts';

// Python is started, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const script = fileURLToPath(new URL('diffusers_forward.py', import.meta.url));
const smoke = presetConfig('smoke');
const config: ModelConfig = {
  ...smoke.model,
  patchSize: 2,
  hiddenSize: 16,
  depth: 2,
  numHeads: 2,
  learnSigma: true,
};

let folder = '';
let before: Backend | null;
let model: DiT;
const inFolder = (name: string): string => join(folder, name);
const weightsOf = (name: string): string =>
  join(inFolder(name), 'transformer', 'diffusion_pytorch_model.safetensors');

beforeAll(async () => {
  before = setDefaultBackend(cpuBackend());
  folder = await mkdtemp(join(tmpdir(), 'tessera-diffusers-'));
  model = randomModel(config, key(1));
  await saveDiffusers(inFolder('dit'), model);
});

afterAll(async () => {
  setDefaultBackend(before);
  await rm(folder, { recursive: true });
});

async function problem(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'nothing',
    (error: unknown) => (error as Error).message.replaceAll(folder, ''),
  );
}

describe('a folder of diffusers', () => {
  it('has its names and shapes', async () => {
    const { tensors } = decodeSafetensors(await readFile(weightsOf('dit')));
    const shapes = [...tensors].map(([name, { shape }]) => `${name} [${shape.join(', ')}]`);
    expect(
      shapes.filter((line) => !line.startsWith('transformer_blocks.1')).sort(),
    ).toMatchSnapshot();
    expect(
      await readFile(join(inFolder('dit'), 'transformer', 'config.json'), 'utf8'),
    ).toMatchSnapshot();
  });

  it('comes back to the bit', async () => {
    const again = await loadDiffusers(inFolder('dit'), DiT.blank(config));
    expect(await encodeModule(again)).toEqual(await encodeModule(model));
  });

  it('is made a run by import --like, and written by export', async () => {
    const own = { ...smoke, backend: 'cpu', latentScale: 1, model: config } as const;
    await writeRunConfig(inFolder('run'), own);
    await saveModule(
      join(inFolder('run'), RUN_FILES.autoencoder),
      new Autoencoder(own.autoencoder, key(0)),
    );
    await saveModule(join(inFolder('run'), RUN_FILES.model), model);
    const { code, stdout } = await runTessera(
      folder,
      'export',
      '--run',
      'run',
      '--to',
      'diffusers',
      '--out',
      'out',
    );
    expect([code, stdout]).toEqual([
      0,
      'out holds the folder transformer of diffusers. out/README.md says how to load it.\n',
    ]);
    await importWeights({ weights: inFolder('out'), like: inFolder('run'), out: inFolder('new') });
    const file = (run: string): Promise<Buffer> => readFile(join(inFolder(run), RUN_FILES.model));
    expect(await file('new')).toEqual(await file('run'));
  });

  it('refuses a model that diffusers does not have', async () => {
    const odd: Partial<ModelConfig>[] = [
      { design: 'adaln' },
      { inputSize: [8, 4] },
      { position: '1d' },
      { mlpRatio: 2 },
    ];
    for (const change of odd) {
      const other = DiT.blank({ ...config, ...change });
      expect(await problem(saveDiffusers(inFolder('odd'), other))).toMatch(
        /^saveDiffusers: the model has .*, which DiTTransformer2DModel of diffusers does not have\./,
      );
    }
    expect(await readdir(folder)).not.toContain('odd');
  });

  it('refuses to read another model, and modules that differ from block to block', async () => {
    const narrow = DiT.blank({ ...config, numHeads: 4 });
    expect(await problem(loadDiffusers(inFolder('dit'), narrow))).toMatchInlineSnapshot(
      `"loadDiffusers: /dit/transformer/config.json: attention_head_dim is 8, but the model here has 4."`,
    );
    const changed = async (change: (tensors: Map<string, never>) => void): Promise<string> => {
      await cp(inFolder('dit'), inFolder('changed'), { recursive: true });
      const { tensors } = decodeSafetensors(await readFile(weightsOf('changed')));
      change(tensors as Map<string, never>);
      await writeFile(weightsOf('changed'), encodeSafetensors(tensors));
      return problem(loadDiffusers(inFolder('changed'), DiT.blank(config)));
    };
    const block = 'transformer_blocks.1';
    expect(
      await changed((tensors) => {
        const { data } = tensors.get(
          `${block}.norm1.emb.timestep_embedder.linear_1.bias`,
        ) as unknown as {
          data: Float32Array;
        };
        data[0] += 1;
      }),
    ).toMatchInlineSnapshot(
      `"loadDiffusers: /changed/transformer/diffusion_pytorch_model.safetensors: transformer_blocks.1.norm1.emb.timestep_embedder.linear_1.bias and transformer_blocks.0.norm1.emb.timestep_embedder.linear_1.bias differ, but are one module here."`,
    );
    expect(
      await changed((tensors) => tensors.delete(`${block}.attn1.to_k.weight`)),
    ).toMatchInlineSnapshot(
      `"loadDiffusers: /changed/transformer/diffusion_pytorch_model.safetensors: there is no tensor transformer_blocks.1.attn1.to_k.weight."`,
    );
    expect(
      await changed((tensors) =>
        tensors.set('proj_out_3.bias', tensors.get('proj_out_2.bias') as never),
      ),
    ).toMatchInlineSnapshot(
      `"loadDiffusers: /changed/transformer/diffusion_pytorch_model.safetensors: the tensor proj_out_3.bias belongs to no part of this model."`,
    );
  });
});

describe(`${heading}: the model of diffusers, as its names and facts say`, () => {
  it.skipIf(python === null)(
    'computes the same, once its table of timesteps is that of DiT',
    async () => {
      const x = normal(key(2), [2, 4, 8, 8]);
      const [t, y] = [
        [7, 990],
        [3, 10],
      ];
      await writeFile(inFolder('inputs.json'), JSON.stringify({ x: await x.toArray(), t, y }));
      const { code, stdout, stderr } = await ended(
        startPython(script, inFolder('dit'), inFolder('inputs.json')),
      );
      if (code !== 0) throw new Error(stderr);
      const int = (values: number[]) => tensor(values, { dtype: 'int32' });
      const ours = await model.forward(x, int(t), int(y)).data();
      const theirs = JSON.parse(stdout) as Record<string, number[]>;
      const [same, other] = ['0', '1'].map((shift) => theirs[shift].flat(Infinity));
      // Both compute in float32, in another order, and round to 1e-7 of the largest number on the way.
      const largest = Math.max(...ours.map(Math.abs));
      expect(distance(ours, same)).toBeLessThan(1e-5 * largest);
      expect(distance(ours, other)).toBeGreaterThan(1e-3 * largest);
    },
  );
});
