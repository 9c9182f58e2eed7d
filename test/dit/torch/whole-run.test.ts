/** A run goes on in PyTorch, in two processes too, is killed there, and comes back; what train.py refuses. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exportToPytorch, importFromPytorch, readRun, resumeRun, train } from '@tessera/dit/node';
import { leastConfig } from '../train/stopped-run.ts';
import { distance, lossesOf, oddTensors, tensorsOf, type Tensors } from './differences.ts';
import { data, STEPS } from './exported-runs.ts';
import { copyOf, runJobs, type Job } from './jobs.ts';
import { ended, heading, python, startPython } from './python.ts';

// Processes that import torch, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 600_000 });

/** Steps of the run that several processes train: enough that it can be killed on the way. */
const LONG = 100;

/** A whole run with an autoencoder, exported at the first step of its diffusion. */
const RUN = 'whole-run';

const CHECKPOINT = 'checkpoint.safetensors';

let folder = '';
/** What bad folders are answered, a line each. */
let refusals: readonly string[] = [];
/** The rows and the checkpoint of two processes when they were killed. */
let killed: { readonly rows: number; readonly step: number };

/** Trains in two processes by torchrun, and kills all of them once there is a checkpoint. */
async function trainAndKill(run: string): Promise<void> {
  const torchrun = [
    '-m',
    'torch.distributed.run',
    '--redirects',
    '1',
    '--tee',
    '1',
    '--nproc_per_node',
    '2',
  ];
  const options = ['--steps', String(LONG), '--save-every', '10', '--device', 'cpu'];
  const child = startPython(
    ...torchrun,
    '--master_port',
    '29517',
    join(run, 'train.py'),
    ...options,
  );
  const end = ended(child);
  const checkpoint = join(run, 'checkpoint.safetensors');
  while (child.exitCode === null && !existsSync(checkpoint)) await wait(5);
  if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  const { code, stderr } = await end;
  expect(code, stderr).toBeNull();
  // The workers end with the program that started them, and then the folder is free.
  await wait(200);
  const step = (await tensorsOf(checkpoint)).get('training.optimizer.step')?.[0] ?? LONG;
  killed = { rows: (await lossesOf(run)).length, step };
}

/** Trains the run to its end, and exports it as it was at the first step of its diffusion. */
async function trainRun(): Promise<void> {
  const [out, first] = [join(folder, RUN), join(folder, `${RUN}-first`)];
  const config = leastConfig({ backend: 'cpu', steps: STEPS });
  const optimizer = { ...config.optimizer, emaDecays: [0, 0.5] };
  await train({
    config: { ...config, accumulate: 2, optimizer },
    data,
    out,
    onSave: ({ stage, step }) => {
      if (stage === 'diffusion' && step === 0) cpSync(out, first, { recursive: true });
    },
  });
  await exportToPytorch({ run: first, data, out: join(folder, `${RUN}-export`) });
}

/** Folders that train.py refuses: a damaged state, another model, too few steps, too many micro-batches. */
async function badFolders(): Promise<readonly Job[]> {
  const [damaged, other, cut] = await Promise.all(
    ['damaged', 'other', 'cut'].map((suffix) => copyOf(folder, RUN, suffix)),
  );
  const state = await readFile(join(damaged, 'state.safetensors'));
  state[state.length - 3] ^= 1;
  await writeFile(join(damaged, 'state.safetensors'), state);
  await writeFile(
    join(cut, 'latents.npy'),
    (await readFile(join(cut, 'latents.npy'))).subarray(0, 300),
  );
  const text = await readFile(join(other, 'config.json'), 'utf8');
  await writeFile(join(other, 'config.json'), text.replace('"hiddenSize": 8', '"hiddenSize": 16'));
  return [
    ['train', damaged, []],
    ['train', other, []],
    ['train', cut, []],
    ['train', join(folder, `${RUN}-whole`), ['--steps', '7']],
    ['train', join(folder, `${RUN}-export`), ['--accumulate', '3']],
  ];
}

beforeAll(async () => {
  if (python === null) return;
  folder = await mkdtemp(join(tmpdir(), 'tessera-torchrun-'));
  await trainRun();
  const [several, one] = [await copyOf(folder, RUN, 'several'), await copyOf(folder, RUN, 'one')];
  await trainAndKill(several);
  const jobs: readonly Job[] = [
    ['train', await copyOf(folder, RUN, 'whole'), []],
    ['train', await copyOf(folder, RUN, 'half'), ['--stop-after', String(STEPS / 2)]],
    ['train', several, ['--steps', String(LONG)]],
    ['train', one, ['--steps', String(LONG)]],
  ];
  const bad = await badFolders();
  const { codes, errors } = await runJobs(folder, [...jobs, ...bad]);
  expect(codes, errors.join('\n')).toEqual([...jobs.map(() => 0), ...bad.map(() => 2)]);
  refusals = errors;
});

afterAll(() => (folder === '' ? undefined : rm(folder, { recursive: true })));

describe.skipIf(python === null)(`${heading}: a whole run`, () => {
  const run = (suffix = ''): string => join(folder, `${RUN}${suffix}`);
  const last = (suffix = ''): Promise<Tensors> =>
    tensorsOf(join(run(suffix), 'state', `diffusion-0000${STEPS}.safetensors`));

  it('takes the same steps, comes back after 10 of them, draws, and goes on here', async () => {
    expect(distance(await lossesOf(run()), await lossesOf(run('-whole')))).toBeLessThan(1e-4);
    expect(oddTensors(await last(), await tensorsOf(join(run('-whole'), CHECKPOINT)))).toEqual([]);
    const out = run('-back');
    await importFromPytorch({ checkpoint: join(run('-half'), CHECKPOINT), out });
    const [drawn] = await (await readRun(out, { ema: 0.5 })).generate([3], { steps: 1 });
    expect(drawn.shape).toEqual([8, 8]);
    await resumeRun({ run: out, data });
    expect(distance(await lossesOf(run()), await lossesOf(out))).toBeLessThan(1e-4);
    expect(oddTensors(await last(), await last('-back'))).toEqual([]);
  });

  it('is taken by two processes as by one, until they are killed; one goes on from their checkpoint', async () => {
    const [several, one] = [run('-several'), run('-one')];
    expect(killed.step).toBeLessThan(LONG);
    expect(killed.rows).toBeGreaterThanOrEqual(killed.step);
    const losses = await lossesOf(several);
    expect(losses).toHaveLength(LONG);
    expect(distance(losses, await lossesOf(one))).toBeLessThan(1e-4);
    const [a, b] = [one, several].map((each) => tensorsOf(join(each, CHECKPOINT)));
    expect(oddTensors(await a, await b, LONG)).toEqual([]);
  });
});

describe.skipIf(python === null)(`${heading}: train.py refuses in one line`, () => {
  it('damaged files, another model, and numbers that do not fit', () => {
    expect(refusals.map((line) => line.replaceAll(folder, ''))).toEqual([
      expect.stringMatching(
        /^train\.py: \/whole-run-damaged\/state\.safetensors is damaged: the checksum at offset 35 is that of other \d+ bytes\.$/,
      ),
      expect.stringMatching(
        /^train\.py: \/whole-run-other\/state\.safetensors: training\.model\.\* do not fit the model of config\.json\. \d+ different: blocks\.0\.adaLN_modulation\.1\.bias is F32\[48\], not F32\[96\], .* and \d+ more\.$/,
      ),
      expect.stringMatching(
        /^train\.py: \/whole-run-cut\/latents\.npy cannot be read: .*\. Export the run again\.$/,
      ),
      'train.py: /whole-run-whole/checkpoint.safetensors has taken 20 steps, more than 7. Give --steps 20 or more.',
      'train.py: the batch of 4 is no multiple of 1 processes with 3 micro-batches each.',
    ]);
  });
});
