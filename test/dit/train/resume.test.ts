/** A run that is stopped and goes on has the bits of one that was never stopped. */
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRunConfig, resumeRun, train, writeRunConfig } from '@tessera/dit/node';
import type { TrainConfig } from '@tessera/dit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainCommand } from '../../../packages/dit/src/cli/train/train-command.ts';
import { lockRun } from '../../../packages/dit/src/run/state/run-lock.ts';
import { listStates, statePath } from '../../../packages/dit/src/run/state/state-folder.ts';
import { leastConfig, leftBy, noise, trainStopping } from './stopped-run.ts';

const data = noise();
const inAutoencoder = { stage: 'autoencoder', step: 1 } as const;
const inDiffusion = { stage: 'diffusion', step: 3 } as const;

let folder = '';
let next = 0;
const newFolder = (): string => join(folder, `run-${next++}`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-resume-'));
});

afterAll(() => rm(folder, { recursive: true }));

const plain = leastConfig({ backend: 'cpu' });
const whole = new Map<TrainConfig, string>();

/** The folder of a run that was never stopped. */
async function wholeRun(config: TrainConfig): Promise<string> {
  const known = whole.get(config);
  if (known !== undefined) return known;
  const out = newFolder();
  await train({ config, data, out });
  whole.set(config, out);
  return out;
}

describe('a run that is stopped and goes on has the same bits', () => {
  it('of weights, averages, moments, log and curve, stopped in both stages', async () => {
    const optimizer = { ...plain.optimizer, emaDecays: [0, 0.5] };
    const config = { ...plain, accumulate: 2, optimizer };
    const out = newFolder();
    const notices = await trainStopping({ config, data, out }, [inAutoencoder, inDiffusion]);
    expect(notices).toContain('Going on after step 2 of 4 of the autoencoder.');
    expect(notices).toContain('Going on after step 4 of 6 of the diffusion.');
    const expected = await wholeRun(config);
    expect(await leftBy(out)).toEqual(await leftBy(expected));
    expect(await readFile(join(out, 'loss.png'))).toEqual(
      await readFile(join(expected, 'loss.png')),
    );
    expect(await readdir(join(out, 'state'))).toEqual(['diffusion-000006.safetensors']);
  });

  // `npm run soak` goes through all designs and conditions.
  it('of Muon, with a history of losses and a map', async () => {
    const least = leastConfig({
      backend: 'cpu',
      design: 'modern',
      conditions: ['label', 'depth'],
      timestepSampling: 'loss-second-moment',
    });
    const optimizer = { ...least.optimizer, name: 'muon', schedule: 'trapezoid' } as const;
    const config = { ...least, optimizer };
    const out = newFolder();
    await trainStopping({ config, data, out }, [inDiffusion]);
    expect(await leftBy(out)).toEqual(await leftBy(await wholeRun(config)));
  });
});

describe('more steps', () => {
  it('of a constant learning rate give the bits of a run that had them from the start', async () => {
    const config = leastConfig({ backend: 'cpu', steps: 3 });
    const optimizer = { ...config.optimizer, schedule: 'constant', warmupSteps: 1 } as const;
    // Three steps see half of the images, six see all.
    const [short, long] = [newFolder(), newFolder()];
    await train({ config: { ...config, optimizer }, data, out: short });
    const notices: string[] = [];
    await resumeRun({ run: short, steps: 6, data, onNotice: (text) => notices.push(text) });
    expect(notices).toContain(
      'The run has 6 steps in place of 3. The learning rate stays constant.',
    );
    await train({ config: { ...config, optimizer, steps: 6 }, data, out: long });
    expect(await leftBy(short)).toEqual(await leftBy(long));
    expect((await readRunConfig(short)).steps).toBe(6);
    await expect(resumeRun({ run: short, steps: 2, data })).rejects.toThrow(
      'has taken 6 steps of the diffusion, more than the 2 that are asked for. Give --steps 6 or more.',
    );
  });
});

describe('going on', () => {
  let run = '';
  const config = plain;

  /** A run that was stopped after its fourth step of the diffusion. */
  beforeAll(async () => {
    run = newFolder();
    const end = new AbortController();
    await train({
      config,
      data,
      out: run,
      keep: 3,
      saveEvery: { steps: 1 },
      signal: end.signal,
      onProgress: ({ stage, step }) => {
        if (stage === 'diffusion' && step === 3) end.abort();
      },
    }).catch((error: unknown) => expect(error).toBe(end.signal.reason));
  });

  it('keeps the last states, and neither a lock nor unfinished files', async () => {
    expect((await readdir(join(run, 'state'))).sort()).toEqual(
      [2, 3, 4].map((step) => `diffusion-00000${step}.safetensors`),
    );
  });

  it('is refused on other data, another configuration, and without a run', async () => {
    const [image, ...others] = data.train.images;
    const train_ = { ...data.train, images: Uint8Array.of(image ^ 1, ...others) };
    await expect(resumeRun({ run, data: { ...data, train: train_ } })).rejects.toThrow(
      /^train: the data noise are not those that .*diffusion-000004\.safetensors was trained on: images, labels and captions must be the same\.$/,
    );
    const written = await readRunConfig(run);
    const faster = { ...written, optimizer: { ...written.optimizer, learningRate: 1 } };
    await writeRunConfig(run, faster);
    await expect(resumeRun({ run, data })).rejects.toThrow(
      /config\.json has another optimizer\.learningRate than .* was trained with\. Put it back, or start anew with --config\.$/,
    );
    await writeRunConfig(run, written);
    await expect(resumeRun({ run: join(folder, 'none'), data })).rejects.toThrow(
      /is not the folder of a run/,
    );
    await expect(resumeRun({ run, data, saveEvery: {} as never })).rejects.toThrow(
      'resumeRun: saveEvery must have either steps or minutes. Write { steps: 500 } or { minutes: 10 }.',
    );
  });

  it('is refused with options that a run has, and while another training is there', async () => {
    await expect(trainCommand({ resume: run, batch: 4, imageSize: 8 })).rejects.toThrow(
      'train: --batch does not go with --resume, since a run keeps its settings. Only --steps, --save-every, --keep, --cache, --skip-bad, --evaluate-every, --evaluate-samples, --ruler do.',
    );
    const lock = await lockRun(run, () => undefined);
    await expect(resumeRun({ run, data })).rejects.toThrow(/ is in use by process \d+ on /);
    await lock.release();
  });

  it('passes over damaged states, removes them later, and needs one that is whole', async () => {
    const states = (await listStates(run)).map((name) => statePath(run, name));
    const bytes = await readFile(states[0]);
    bytes[bytes.length - 5] ^= 1;
    await writeFile(states[0], bytes);
    await writeFile(states[1], (await readFile(states[1])).subarray(0, 3000));
    // A process that was killed left these.
    await writeFile(join(run, 'state', '.diffusion-000009.safetensors.0123abcd.tmp'), 'half');
    await appendFile(join(run, 'log.jsonl'), '{"stage":"diffusion","st');
    const notices: string[] = [];
    await resumeRun({ run, data, onNotice: (text) => notices.push(text) });
    expect(notices.slice(0, 3)).toEqual([
      `${states[0]} is damaged: its checksum is another one. The state before it is used.`,
      `${states[1]} is damaged: its checksum is another one. The state before it is used.`,
      'Going on after step 2 of 6 of the diffusion.',
    ]);
    expect(await leftBy(run)).toEqual(await leftBy(await wholeRun(config)));
    expect(await readdir(join(run, 'state'))).toEqual(['diffusion-000006.safetensors']);
    await writeFile(join(run, 'state', 'diffusion-000006.safetensors'), 'nothing');
    await expect(resumeRun({ run, data })).rejects.toThrow(
      /^train: all saved states of .* are damaged \(1\)\. Start anew: tessera train --config .*config\.json$/,
    );
    await rm(join(run, 'state'), { recursive: true });
    await expect(resumeRun({ run, data })).rejects.toThrow(
      /is trained to its end and has no saved state, so there is nothing to go on from/,
    );
    await rm(join(run, 'model.safetensors'));
    notices.length = 0;
    await resumeRun({ run, data, keep: 0, onNotice: (text) => notices.push(text) });
    expect(notices[0]).toBe(`${run} has no saved state yet. The training begins anew.`);
    expect(await readdir(run)).not.toContain('state');
  });
});
