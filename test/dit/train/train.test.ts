import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  decodeSafetensors,
  encodeSafetensors,
  key,
  tensor,
  TesseraError,
  toImageData,
} from '@tessera/tensor';
import { namedTensors } from '@tessera/autograd/nn';
import {
  Autoencoder,
  DiT,
  encodeIdxLabels,
  gatherImages,
  IMAGE_SIZE,
  padImages,
  samplePosterior,
  loadRun,
} from '@tessera/dit';
import {
  loadMnist,
  loadModule,
  presetConfig,
  readLog,
  readRun,
  readRunConfig,
  sampleRun,
  train,
  type TrainProgress,
} from '@tessera/dit/node';
import { briefConfig, tinyConfig, writeFirstDigits } from './tiny-run.ts';

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
      'samples',
      'samples.png',
      'state',
    ]);
    expect((await readdir(join(out, 'samples'))).sort()).toEqual([
      'step-000030.png',
      'step-000060.png',
      'step-000090.png',
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
    const { latentScale = NaN } = await readRunConfig(out);
    const autoencoder = await loadModule(
      join(out, 'autoencoder.safetensors'),
      new Autoencoder(tinyConfig(data).autoencoder, key(0)),
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

  it('draws from its bytes alone what it draws from its folder, as images for a canvas', async () => {
    const read = (file: string): Promise<Buffer> => readFile(join(out, file));
    const run = loadRun({
      config: (await read('config.json')).toString(),
      autoencoder: await read('autoencoder.safetensors'),
      model: await read('model.safetensors'),
    });
    const options = { guidance: 3, steps: 3, sampler: 'ddpm', seed: 7 } as const;
    const images = await run.generate([3, 1, 4], options);
    const fromFolder = await (await readRun(out)).generate([3, 1, 4], options);
    expect(images.map((image) => image.shape)).toEqual([
      [32, 32],
      [32, 32],
      [32, 32],
    ]);
    for (const [i, image] of images.entries()) {
      expect(await image.toArray()).toEqual(await fromFolder[i].toArray());
    }
    expect(await toImageData(images[0])).toMatchObject({ width: 32, height: 32 });
    const again = await run.generate([3, 1, 4], { ...options, seed: 8 });
    expect(await again[0].toArray()).not.toEqual(await images[0].toArray());
    // Without options it draws as the run was trained for.
    const { guidance, steps, sampler } = run.config.sampling;
    expect(await (await run.generate([5]))[0].toArray()).toEqual(
      await (await run.generate([5], { guidance, steps, sampler, seed: 0 }))[0].toArray(),
    );
    await expect(run.generate([10])).rejects.toThrow(/classes 0 to 9, got \[10\]/);
    await expect(run.generate([])).rejects.toThrow(/classes 0 to 9/);
  });

  describe('is refused in one line, and nothing is written,', () => {
    const options = { guidance: 2, sampler: 'ddim', steps: 2, seed: 0, labels: [3] } as const;

    /** What sampling says about a copy of the run with some files changed. */
    async function problem(
      files: Readonly<Record<string, string | Uint8Array>>,
      changes: { readonly guidance?: number } = {},
    ): Promise<string> {
      const copy = await mkdtemp(join(folder, 'copy-'));
      for (const file of ['config.json', 'autoencoder.safetensors', 'model.safetensors']) {
        await writeFile(join(copy, file), files[file] ?? (await readFile(join(out, file))));
      }
      const target = join(copy, 'picture.png');
      const error: unknown = await sampleRun({
        ...options,
        ...changes,
        run: copy,
        out: target,
      }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TesseraError);
      expect(await readdir(copy)).toHaveLength(3);
      return String(error).replaceAll(copy, 'RUN');
    }

    /** The weights of a file, all of this value. */
    async function filled(file: string, value: number): Promise<Uint8Array> {
      const { tensors } = decodeSafetensors(await readFile(join(out, file)));
      for (const entry of tensors.values()) entry.data.fill(value);
      return encodeSafetensors(tensors);
    }

    it.each(['autoencoder.safetensors', 'model.safetensors'])(
      'if %s is not finite',
      async (file) => {
        for (const value of [NaN, Infinity]) {
          expect(await problem({ [file]: await filled(file, value) })).toMatch(
            new RegExp(`RUN/${file}: element 0 of "[^"]+" is ${value}, expected finite weights`),
          );
        }
      },
    );

    it('if the images are not finite, or far from what an image is', async () => {
      expect(await problem({}, { guidance: 1e38 })).toMatch(
        /^ValueError: generate: the samples are not finite: a pixel is NaN, expected about -1 to 1\. Lower the guidance \(1e\+38\), or look at the weights\.$/,
      );
      expect(await problem({}, { guidance: 1e20 })).toMatch(/the samples are no pictures/);
      const file = 'model.safetensors';
      expect(await problem({ [file]: await filled(file, 1e38) })).toMatch(/the samples are/);
    });

    it('if its configuration is not that of its weights, at once', async () => {
      const config = await readRunConfig(out);
      const spoiled = (model: object, rest: object = {}): Record<string, string> => ({
        'config.json': JSON.stringify({ ...config, ...rest, model: { ...config.model, ...model } }),
      });
      for (const model of [{ numClasses: 1e15 }, { numClasses: 3e8 }, { hiddenSize: 4e9 }]) {
        expect(await problem(spoiled(model))).toMatch(
          /RUN\/config\.json: model\.\w+: must be at most/,
        );
      }
      for (const timesteps of [1e8, 1e12]) {
        const diffusion = { ...config.diffusion, timesteps };
        expect(await problem(spoiled({}, { diffusion }))).toMatch(/timesteps: must be at most/);
      }
      for (const model of [
        { numClasses: 100_000 },
        { hiddenSize: 4000, numHeads: 2 },
        { depth: 900 },
      ]) {
        expect(await problem(spoiled(model))).toMatch(/RUN\/model\.safetensors: (?!loadTensors)/);
      }
      const autoencoder = { ...config.autoencoder, channels: [1024, 1024] };
      expect(await problem(spoiled({}, { autoencoder }))).toMatch(
        /RUN\/autoencoder\.safetensors: /,
      );
      for (const latentScale of [1e-300, 1e300]) {
        expect(await problem(spoiled({}, { latentScale }))).toMatch(/latentScale: must be at/);
      }
    });

    it('if the picture could not be written', async () => {
      const long = join(folder, `${'x'.repeat(300)}.png`);
      const seen: unknown[] = [];
      const drawn = sampleRun({
        ...options,
        run: out,
        out: long,
        onProgress: (step) => seen.push(step),
      });
      await expect(drawn).rejects.toThrow(/cannot be written: the name is too long/);
      expect(seen).toEqual([]);
    });
  });
});

describe('train', () => {
  it('takes the images that its configuration names, and writes that name into config.json', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-train-'));
    const [data, out] = [join(folder, 'data'), join(folder, 'run')];
    await writeFirstDigits(data, 16);
    for (const prefix of ['train', 't10k']) {
      const labels = new Uint8Array(16).fill(4);
      await writeFile(join(data, `${prefix}-labels-idx1-ubyte`), encodeIdxLabels(labels));
    }
    const notices: string[] = [];
    const config = { ...briefConfig(data), steps: 2 };
    await train({ config, out, onNotice: (text) => notices.push(text) });
    // MNIST, the default, has images of all ten classes.
    expect(notices.join('\n')).toMatch(/The model has 10 classes, and 1 of them has images/);
    expect((await readRunConfig(out)).data).toBe(data);
    await rm(folder, { recursive: true });
  });

  it('takes Fashion-MNIST for a configuration that names it, or says how to install it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-train-'));
    const out = join(folder, 'run');
    const config = { ...briefConfig('fashion-mnist'), steps: 2 };
    const outcome = await train({ config, out }).then(
      async () => JSON.stringify(await readRunConfig(out)),
      String,
    );
    expect(outcome).toMatch(/"data":"fashion-mnist".*"Ankle boot"|install dataset-fashion-mnist/);
    await rm(folder, { recursive: true });
  });

  it('creates nothing when the data cannot be read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-train-'));
    const missing = join(folder, 'nowhere');
    const out = join(folder, 'run');
    await expect(train({ config: tinyConfig(missing), out })).rejects.toThrow(/does not exist/);
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
