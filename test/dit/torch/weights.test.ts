/** Weights alone, as files of torch.save: written for PyTorch, and read from it. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { key, type SafetensorsEntry } from '@tessera/tensor';
import { Linear } from '@tessera/autograd/nn';
import { Autoencoder, presetConfig } from '@tessera/dit';
import {
  exportWeights,
  importWeights,
  loadModule,
  readRun,
  RUN_FILES,
  saveModule,
  writeRunConfig,
} from '@tessera/dit/node';
import { withTorchFile } from '../../../packages/dit/src/run/torch/torch-file.ts';
import { encodeTorch } from '../../../packages/dit/src/run/torch/torch-bytes.ts';
import { runTessera } from '../cli/run-tessera.ts';
import { randomModel } from '../model/sizes.ts';
import { ended, heading, python, startPython } from './python.ts';

// Python is started, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const script = fileURLToPath(new URL('save_files.py', import.meta.url));
const smoke = presetConfig('smoke');
const config = {
  ...smoke,
  backend: 'cpu',
  latentScale: 1,
  autoencoder: { ...smoke.autoencoder, channels: [2, 2] },
  model: { ...smoke.model, hiddenSize: 16, depth: 1, numHeads: 2 },
  sampling: { ...smoke.sampling, steps: 2 },
} as const;

let folder = '';
const inFolder = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-weights-'));
  await writeRunConfig(inFolder('run'), config);
  const file = (part: string): string => join(inFolder('run'), part);
  await saveModule(file(RUN_FILES.autoencoder), new Autoencoder(config.autoencoder, key(0)));
  await saveModule(file(RUN_FILES.model), randomModel(config.model, key(1)));
});

afterAll(() => rm(folder, { recursive: true }));

/** The bytes of a run's model. */
const modelBytes = (run: string): Promise<Buffer> => readFile(join(inFolder(run), RUN_FILES.model));

/** A Linear of 2 and 3 numbers, from a file. */
async function linearOf(name: string): Promise<readonly unknown[]> {
  const { weight, bias } = await loadModule(inFolder(name), new Linear(2, 3, { key: key(0) }));
  return [await weight.toArray(), await bias?.toArray()];
}

const VALUES = [
  [
    [1, 2],
    [3, 4],
    [5, 6],
  ],
  [0.5, 0.25, -1],
];

async function problem(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'nothing',
    (error: unknown) =>
      `${(error as Error).name}: ${(error as Error).message}`.replaceAll(folder, ''),
  );
}

describe(`${heading}: files of torch.save`, () => {
  beforeAll(async () => {
    if (python === null) return;
    await exportWeights({ run: inFolder('run'), out: inFolder('run.pt') });
    const { code, stderr } = await ended(startPython(script, folder));
    if (code !== 0) throw new Error(stderr);
  });

  it.skipIf(python === null)(
    'reads what is written here with weights_only=True, and back',
    async () => {
      for (const name of ['again', 'bare']) {
        await importWeights({
          weights: inFolder(`${name}.pt`),
          like: inFolder('run'),
          out: inFolder(name),
        });
        expect(await modelBytes(name)).toEqual(await modelBytes('run'));
      }
      const [one] = await (await readRun(inFolder('again'))).generate([3]);
      const [same] = await (await readRun(inFolder('run'))).generate([3]);
      expect(await one.toArray()).toEqual(await same.toArray());
    },
  );

  it
    .skipIf(python === null)
    .each([
      'state',
      'protocol-4',
      'parameters',
      'official',
      'model',
      'half',
      'bfloat16',
      'double',
      'views',
    ])('writes %s.pt, which is read', async (name) => {
    expect(await linearOf(`${name}.pt`)).toEqual(VALUES);
  });

  it
    .skipIf(python === null)
    .each(['object', 'list', 'other', 'expanded', 'shapes', 'infinite', 'old'])(
    'writes %s.pt, which is refused',
    async (name) => {
      expect(await problem(linearOf(`${name}.pt`))).toMatchSnapshot();
    },
  );
});

describe('a file of torch.save', () => {
  it('that is written here is read again, whatever names and shapes', async () => {
    const tensor: fc.Arbitrary<SafetensorsEntry> = fc
      .tuple(
        fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }),
        fc.constantFrom('float32', 'int32', 'bool'),
        fc.infiniteStream(fc.integer({ min: 0, max: 1 })),
      )
      .map(([shape, dtype, elements]) => {
        const count = shape.reduce((product, side) => product * side, 1);
        const values = [...elements.take(count)];
        if (dtype === 'float32') return { dtype, shape, data: Float32Array.from(values) };
        if (dtype === 'int32') return { dtype, shape, data: Int32Array.from(values) };
        return { dtype: 'bool', shape, data: Uint8Array.from(values) };
      });
    const named = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), tensor), {
      selector: ([name]) => name,
      maxLength: 5,
    });
    const plain = ([name, { dtype, shape, data }]: readonly [
      string,
      SafetensorsEntry,
    ]): unknown => [name, dtype, [...shape], [...data]];
    const path = inFolder('any.pt');
    await fc.assert(
      fc.asyncProperty(named, fc.constantFrom(undefined, 'ema'), async (entries, under) => {
        await writeFile(path, encodeTorch(new Map(entries), under));
        const found = await withTorchFile(path, async ({ tensors, read }) =>
          Promise.all([...tensors.keys()].map(async (name) => [name, await read(name)] as const)),
        );
        expect(found.map(plain)).toEqual(entries.map(plain));
      }),
    );
  });

  it('that is damaged is refused by name and place', async () => {
    const data = Float32Array.of(1, 2, 3);
    const entry = { dtype: 'float32', shape: [3], data } as const;
    const bytes = Buffer.from(encodeTorch(new Map([['bias', entry]])));
    const path = inFolder('damaged.pt');
    const read = async (change: (copy: Buffer) => Buffer | undefined): Promise<string> => {
      const copy = Buffer.from(bytes);
      await writeFile(path, change(copy) ?? copy);
      return problem(withTorchFile(path, ({ read: one }) => one('bias')));
    };
    const at = bytes.indexOf(Buffer.from(data.buffer));
    expect(await read((copy) => void copy.writeUInt8(7, at))).toMatchInlineSnapshot(
      `"FormatError: loadModule: /damaged.pt: the checksum of data/0 at offset 251 differs: the file is damaged."`,
    );
    expect(await read((copy) => copy.subarray(0, -30))).toMatch(
      /damaged\.pt: the archive of \d+ bytes is damaged/,
    );
  });
});

describe('the command line', () => {
  it('writes weights, makes a run of them, and says what to do next', async () => {
    const written = await runTessera(
      folder,
      'export',
      '--run',
      'run',
      '--to',
      'pt',
      '--out',
      'w.pt',
    );
    expect(written).toMatchObject({ code: 0, stderr: '' });
    expect(written.stdout).toMatch(
      /^w\.pt holds \d+ tensors\. In Python:\n {2}state = torch\.load/,
    );
    const made = await runTessera(folder, 'import', 'w.pt', '--like', 'run', '--out', 'made');
    expect(made).toEqual({
      code: 0,
      stderr: '',
      stdout:
        'made is a run with these weights. To draw:\n  tessera sample --run made --out grid.png\n',
    });
    expect(await modelBytes('made')).toEqual(await modelBytes('run'));
  });

  it('refuses weights without a run, those of another model, and a folder that is not empty', async () => {
    await exportWeights({ run: inFolder('run'), out: inFolder('weights.pt') });
    await cp(inFolder('run'), inFolder('wide'), { recursive: true });
    await writeRunConfig(inFolder('wide'), {
      ...config,
      model: { ...config.model, hiddenSize: 24 },
    });
    await saveModule(
      join(inFolder('wide'), RUN_FILES.model),
      randomModel({ ...config.model, hiddenSize: 24 }, key(1)),
    );
    const refusals = [
      ['import', 'weights.pt', '--out', 'none'],
      ['import', 'weights.pt', '--like', 'wide', '--out', 'none'],
      ['import', 'weights.pt', '--like', 'run', '--out', 'wide'],
      ['import', 'nothing.pt', '--like', 'run', '--out', 'none'],
      ['export', '--run', 'run', '--to', 'pt', '--what', 'denoiser', '--out', 'none.pt'],
    ];
    const lines: string[] = [];
    for (const args of refusals) {
      const { code, stdout, stderr } = await runTessera(folder, ...args);
      expect([code, stdout]).toEqual([2, '']);
      lines.push(stderr.trimEnd());
    }
    expect(lines).toMatchInlineSnapshot(`
      [
        "error: weights.pt is not the saved state of a training: expected a checkpoint that train.py wrote. For weights alone, name a run with the same model by --like.",
        "error: weights.pt: the tensors do not fit the module. 21 different: pos_embed is float32[1, 4, 16], not float32[1, 4, 24], x_embedder.proj.weight is float32[16, 4, 4, 4], not float32[24, 4, 4, 4], x_embedder.proj.bias is float32[16], not float32[24], t_embedder.mlp.0.weight is float32[16, 256], not float32[24, 256], t_embedder.mlp.0.bias is float32[16], not float32[24], t_embedder.mlp.2.weight is float32[16, 16], not float32[24, 24], t_embedder.mlp.2.bias is float32[16], not float32[24], y_embedder.embedding_table.weight is float32[11, 16], not float32[11, 24] and 13 more.",
        "error: the folder wide is not empty (it holds autoencoder.safetensors). Name a new one by --out, or remove it first.",
        "error: nothing.pt does not exist. Name a .pt or .safetensors file of weights, or a folder of diffusers.",
        "error: --what does not go with --to pt. Leave it out.",
      ]
    `);
    expect((await readdir(folder)).filter((name) => name.startsWith('none'))).toEqual([]);
  });
});
