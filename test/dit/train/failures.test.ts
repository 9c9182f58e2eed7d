import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StateError } from '@tessera/tensor';
import { loadMnist, readLog, readRunConfig, train } from '@tessera/dit/node';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { checkData } from '../../../packages/dit/src/train/checks.ts';
import { briefConfig, writeFirstDigits } from './tiny-run.ts';

// Whole runs, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 180_000 });

let folder = '';
let data = '';
let out = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-failures-'));
  data = join(folder, 'data');
  out = join(folder, 'run');
  await writeFirstDigits(data, 64);
});

afterEach(() => rm(out, { recursive: true, force: true }));
afterAll(() => rm(folder, { recursive: true }));

describe('a picture', () => {
  it('that fails costs the training nothing else, and a spoilt line of the log costs no picture', async () => {
    const notices: string[] = [];
    await train({
      config: briefConfig(data),
      out,
      onStart: async () => {
        // A folder with something in it lies where two pictures have to go.
        for (const file of ['samples/step-000010.png', 'reconstructions.png']) {
          await mkdir(join(out, file), { recursive: true });
          await writeFile(join(out, file, 'taken'), '');
        }
      },
      onStage: ({ name }) => {
        if (name === 'diffusion') void appendFile(join(out, 'log.jsonl'), '{"spoilt\n');
      },
      onNotice: (text) => notices.push(text.replaceAll(out, 'RUN')),
    });
    const files = await readdir(out);
    expect(files).toEqual(expect.arrayContaining(['model.safetensors', 'samples.png', 'loss.png']));
    expect(files.filter((file) => file.endsWith('.tmp'))).toEqual([]);
    expect(notices).toContain(
      'There is no reconstructions.png: RUN/reconstructions.png cannot be written: it is a folder (EISDIR). Name a file.',
    );
    expect(notices.join('\n')).toMatch(/There is no samples\/step-000010\.png: .*EISDIR/);
    expect(notices).toContain('Wrote RUN/samples.png.');
  });

  it('that shows no numbers is none, and the training goes on', async () => {
    const config = briefConfig(data);
    const notices: string[] = [];
    await train({
      config: { ...config, sampling: { ...config.sampling, guidance: 1e38 } },
      out,
      onNotice: (text) => notices.push(text),
    });
    expect(notices.join('\n')).toMatch(/There is no samples\.png: the samples are not finite/);
    expect(await readdir(out)).toContain('model.safetensors');
    expect(await readdir(out)).not.toContain('samples.png');
  });
});

describe('a training that diverges', () => {
  it.each([
    { stage: 'diffusion', settings: 'optimizer', steps: 12 },
    { stage: 'autoencoder', settings: 'autoencoder', steps: 5 },
  ] as const)('says where and what to do, and draws the curve so far: $stage', async (row) => {
    const { stage, settings, steps } = row;
    const config = briefConfig(data);
    const broken = { ...config, [settings]: { ...config[settings], learningRate: 1e30 } };
    const error: unknown = await train({ config: broken, out }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StateError);
    expect(String(error)).toMatch(
      new RegExp(
        `^StateError: train: (the loss|the gradient's norm) is \\S+ at step \\d+ of ${steps} of the ${stage}: the training has diverged\\. The cause: .* shows more\\. Lower ${settings}\\.learningRate, in a configuration that --config names\\.$`,
      ),
    );
    const files = await readdir(out);
    expect(files).toContain('loss.png');
    expect(files).not.toContain('model.safetensors');
    const rows = (await readLog(join(out, 'log.jsonl'))).filter((each) => each.stage === stage);
    expect(rows.length).toBeGreaterThan(0);
    const step = Number(/at step (\d+)/.exec(String(error))?.[1]);
    expect(rows.at(-1)?.step).toBe(step - 1);
  });
});

describe('before its first step a run refuses', () => {
  /** What is said; nothing may be created. */
  async function refusal(changes: object): Promise<string> {
    const config = briefConfig(data);
    const error: unknown = await train({ config: { ...config, ...changes }, out }).catch(
      (reason: unknown) => reason,
    );
    expect(await readdir(folder)).toEqual(['data']);
    return String(error).replaceAll(folder, 'DIR');
  }

  it('labels that the model does not know', async () => {
    const { model } = briefConfig(data);
    expect(await refusal({ model: { ...model, numClasses: 9 } })).toMatchInlineSnapshot(
      `"ValueError: train: the images of DIR/data have labels up to 9, but model.numClasses is 9, so that labels go up to 8. Set model.numClasses to 10."`,
    );
    expect(await refusal({ model: { ...model, numClasses: 5 } })).toMatch(/numClasses to 10\.$/);
  });

  it('conditions that the images do not give', async () => {
    const { model } = briefConfig(data);
    const asked = (condition: object): Promise<string> =>
      refusal({ model: { ...model, conditions: [{ dropoutProb: 0.1, ...condition }] } });
    const map = { kind: 'map', name: 'depth', size: 32, channels: 1 };
    expect(await asked({ kind: 'label', name: 'writer', classes: 5 })).toMatch(
      /the condition 'writer' of kind label cannot be measured from images/,
    );
    expect(await asked({ ...map, size: 16 })).toMatch(/32×32.* maps of 16×16/);
    expect(await asked({ ...map, channels: 3 })).toMatch(/'depth' has 3 channels.* to 1\.$/);
    const text = { kind: 'text', name: 'text', length: 39, width: 8, depth: 1, heads: 2 };
    expect(await asked(text)).toMatchInlineSnapshot(
      `"ValueError: train: the condition 'text' reads at most 39 bytes, but captions have up to 40. Set its length to 40 or more."`,
    );
  });

  it('captions of images that are no digits', async () => {
    const text = { kind: 'text', name: 'text', length: 48, width: 8, depth: 1, heads: 2 } as const;
    const config = briefConfig(data);
    const model = { ...config.model, conditions: [{ ...text, dropoutProb: 0.1 }] };
    const classNames = Array.from({ length: 10 }, (_, i) => `garment ${i}`);
    expect(await refusal({ model, classNames })).toMatchInlineSnapshot(
      `"ValueError: train: the condition 'text' reads captions of digits, but the images of DIR/data have classes such as garment 0. Leave the text out, add captions to the data, or train on digits without classNames."`,
    );
    const facts = { kind: 'images', format: 'idx', range: '0 to 255', notes: [], bad: [] } as const;
    const images = { ...facts, ...(await loadMnist({ dir: data })), classNames };
    expect(() => checkData({ ...config, model }, images)).toThrow('classes such as garment 0');
    const letters = { ...images.train, labels: images.train.labels.map((label) => label + 1) };
    const unnamed = { ...facts, train: letters, test: images.test };
    const more = { ...model, numClasses: 11 };
    expect(() => checkData({ ...config, model: more }, unnamed)).toThrow('labels up to 10');
  });

  it('guidance without a null class, and a schedule or steps that are none', async () => {
    const { model, diffusion, sampling } = briefConfig(data);
    expect(await refusal({ model: { ...model, classDropoutProb: 0 } })).toMatch(/null class/);
    const linear = { ...diffusion, schedule: 'linear', timesteps: 10 };
    expect(await refusal({ diffusion: linear })).toMatch(/10 linear timesteps are too few/);
    expect(await refusal({ sampling: { ...sampling, steps: 1001 } })).toMatch(/1000 timesteps/);
    expect(await refusal({ sampling: { ...sampling, sampler: 'euler' } })).toMatch(/sampler/);
  });

  it('a folder that holds something, before the data are looked for', async () => {
    await mkdir(out);
    await writeFile(join(out, 'notes'), 'mine');
    await expect(train({ config: briefConfig('nowhere'), out })).rejects.toThrow(/is not empty/);
    expect(await readFile(join(out, 'notes'), 'utf8')).toBe('mine');
  });
});

describe('a run', () => {
  it('without a null class is trained and drawn at guidance 1', async () => {
    const config = briefConfig(data);
    const model = { ...config.model, classDropoutProb: 0 };
    await train({
      config: { ...config, model, sampling: { ...config.sampling, guidance: 1 } },
      out,
    });
    expect(await readdir(out)).toContain('samples.png');
  });

  it('says when the model has classes without images, and keeps the names of its classes', async () => {
    const config = briefConfig(data);
    const notices: string[] = [];
    const classNames = Array.from({ length: 12 }, (_, i) => `number ${i}`);
    await train({
      config: { ...config, classNames, model: { ...config.model, numClasses: 12 } },
      out,
      onNotice: (text) => notices.push(text),
    });
    expect(notices).toContain(
      'The model has 12 classes, and 10 of them have images: it learns nothing of the others.',
    );
    expect(await readRunConfig(out)).toMatchObject({ data, classNames });
  });
});
