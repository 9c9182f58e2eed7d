import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSafetensors, key, tensor } from '@tessera/tensor';
import { namedTensors } from '@tessera/autograd/nn';
import {
  Autoencoder,
  DiT,
  encodeIdxImages,
  encodeIdxLabels,
  gatherImages,
  IMAGE_SIZE,
  padImages,
  samplePosterior,
  type TrainConfig,
} from '@tessera/dit';
import {
  loadMnist,
  loadModule,
  presetConfig,
  readLog,
  readRunConfig,
  sampleRun,
  train,
  type TrainProgress,
} from '@tessera/dit/node';

/** The smoke preset, shrunk to seconds. */
function tinyConfig(data: string): TrainConfig {
  const smoke = presetConfig('smoke', { steps: 120, batch: 16, seed: 1, data });
  return {
    ...smoke,
    autoencoder: { ...smoke.autoencoder, channels: [4, 8, 8], steps: 60, batch: 16 },
    model: { ...smoke.model, hiddenSize: 32, depth: 2, numHeads: 2, patchSize: 4 },
    optimizer: { ...smoke.optimizer, learningRate: 3e-3 },
    sampling: { ...smoke.sampling, steps: 4 },
  };
}

describe('a run', () => {
  let folder = '';
  let data = '';
  let out = '';
  const progress: TrainProgress[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tessera-train-'));
    data = join(folder, 'data');
    out = join(folder, 'run');
    await writeFirstDigits(data, 512);
    await train({
      config: tinyConfig(data),
      out,
      onProgress: (each) => progress.push(each),
    });
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('leaves every file that it promises, and nothing half-written', async () => {
    expect((await readdir(out)).sort()).toEqual([
      'autoencoder.safetensors',
      'config.json',
      'log.jsonl',
      'loss.png',
      'model.safetensors',
      'reconstructions.png',
      'samples-000030.png',
      'samples-000060.png',
      'samples-000090.png',
      'samples.png',
    ]);
  });

  it('learns: both losses fall', async () => {
    const rows = await readLog(join(out, 'log.jsonl'));
    const meanOf = (stage: string, from: number, to: number): number => {
      const losses = rows.filter((row) => row.stage === stage).slice(from, to);
      return losses.reduce((sum, { loss }) => sum + loss, 0) / losses.length;
    };
    expect(rows.filter(({ stage }) => stage === 'autoencoder')).toHaveLength(60);
    expect(rows.filter(({ stage }) => stage === 'diffusion')).toHaveLength(120);
    expect(meanOf('autoencoder', 50, 60)).toBeLessThan(0.5 * meanOf('autoencoder', 0, 3));
    expect(meanOf('diffusion', 100, 120)).toBeLessThan(0.97 * meanOf('diffusion', 0, 3));
  });

  it('starts the diffusion at a loss of about 1: the target has unit variance and the model gives 0', async () => {
    const [first] = (await readLog(join(out, 'log.jsonl'))).filter(
      ({ stage }) => stage === 'diffusion',
    );
    // 16 latents of 256 values: the mean of squares strays by about √(2 / 4096) = 2 %.
    expect(first.loss).toBeGreaterThan(0.9);
    expect(first.loss).toBeLessThan(1.1);
  });

  it('reports its progress to the last step', () => {
    expect(progress.at(-1)).toMatchObject({ stage: 'diffusion', step: 120, totalSteps: 120 });
  });

  it('keeps the averaged model under the official names', async () => {
    const { model } = await readRunConfig(out);
    const { tensors } = decodeSafetensors(await readFile(join(out, 'model.safetensors')));
    const names = namedTensors(DiT.blank(model)).map(([name]) => name);
    expect([...tensors.keys()].sort()).toEqual([...names].sort());
    expect(names).toContain('blocks.1.adaLN_modulation.1.weight');
    expect(names).toContain('t_embedder.mlp.2.bias');
  });

  it('measures the scale that gives latents unit variance', async () => {
    const { latentScale = NaN, ...config } = await readRunConfig(out);
    const autoencoder = await loadModule(
      join(out, 'autoencoder.safetensors'),
      new Autoencoder(config.autoencoder, key(0)),
    );
    const digits = padImages((await loadMnist({ dir: data })).train, IMAGE_SIZE);
    const indices = Int32Array.from({ length: digits.count }, (_, i) => i);
    const images = tensor(gatherImages(digits, indices), { shape: [digits.count, 1, 32, 32] });
    const latents = samplePosterior(autoencoder.encode(images), key(9)).mul(latentScale);
    // 131,072 values: their deviation strays by about 1 / √(2 · 131072) = 0.2 %.
    expect(Math.abs(Math.sqrt(latents.variance().itemSync()) - 1)).toBeLessThan(0.01);
  });

  it('can be sampled from again: the same seed gives the same picture', async () => {
    const options = { run: out, labels: [3, 7], guidance: 1.5, sampler: 'ddpm', steps: 3 } as const;
    const pictures = [];
    for (const [name, seed] of [
      ['a', 5],
      ['b', 5],
      ['c', 6],
    ] as const) {
      await sampleRun({ ...options, seed, out: join(folder, `${name}.png`) });
      pictures.push(await readFile(join(folder, `${name}.png`)));
    }
    expect(pictures[0].equals(pictures[1])).toBe(true);
    expect(pictures[0].equals(pictures[2])).toBe(false);
    const { width, height } = decode(pictures[0]);
    expect(width).toBeGreaterThan(height);
  });

  it('refuses to sample labels it does not know, or from weights that are damaged', async () => {
    const options = { run: out, guidance: 1, sampler: 'ddim', steps: 2, seed: 0 } as const;
    const target = join(folder, 'never.png');
    await expect(sampleRun({ ...options, labels: [10], out: target })).rejects.toThrow(
      /classes 0 to 9/,
    );
    const weights = await readFile(join(out, 'model.safetensors'));
    await writeFile(join(out, 'model.safetensors'), weights.subarray(0, 1000));
    await expect(sampleRun({ ...options, labels: [1], out: target })).rejects.toThrow(
      /model\.safetensors/,
    );
    await writeFile(join(out, 'model.safetensors'), weights);
    expect(await readdir(folder)).not.toContain('never.png');
  });
});

describe('train', () => {
  it('creates nothing when the data cannot be read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-train-'));
    const missing = join(folder, 'nowhere');
    const out = join(folder, 'run');
    await expect(train({ config: tinyConfig(missing), out })).rejects.toThrow(
      /does not exist/,
    );
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  it('gives the same weights for the same seed', () => {
    const { model } = presetConfig('smoke');
    const weights = (seed: number): Float32Array =>
      DiT.init(model, key(seed)).x_embedder.proj.weight.dataSync() as Float32Array;
    expect(weights(3)).toEqual(weights(3));
    expect(weights(3)).not.toEqual(weights(4));
  });
});

/** The first digits of MNIST as a folder of idx files. */
async function writeFirstDigits(folder: string, count: number): Promise<void> {
  await mkdir(folder);
  const mnist = await loadMnist();
  for (const [prefix, set] of [
    ['train', mnist.train],
    ['t10k', mnist.test],
  ] as const) {
    const size = set.rows * set.columns;
    const images = { ...set, count, images: set.images.subarray(0, count * size) };
    await writeFile(join(folder, `${prefix}-images-idx3-ubyte`), encodeIdxImages(images));
    await writeFile(
      join(folder, `${prefix}-labels-idx1-ubyte`),
      encodeIdxLabels(set.labels.subarray(0, count)),
    );
  }
}
