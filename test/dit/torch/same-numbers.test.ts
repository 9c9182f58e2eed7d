/** PyTorch and Tessera take the same steps from the same state, for each design and condition, and hand them back. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { importFromPytorch, readRun } from '@tessera/dit/node';
import { distance, lossesOf, oddTensors, tensorsOf } from './differences.ts';
import { names, STEPS, Training } from './exported-runs.ts';
import { copyOf, runJobs, type Job } from './jobs.ts';
import { heading, python } from './python.ts';

// A process that imports torch, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 600_000 });

let folder = '';
const trainings = new Map<string, Training>();

beforeAll(async () => {
  if (python === null) return;
  folder = await mkdtemp(join(tmpdir(), 'tessera-torch-'));
  const jobs: Job[] = [];
  for (const name of names) {
    trainings.set(name, await Training.export(folder, name));
    jobs.push(['gradients', join(folder, `${name}-export`), []]);
    jobs.push(['train', await copyOf(folder, name, 'whole'), []]);
    const half = ['--stop-after', String(STEPS / 2)];
    jobs.push(['train', await copyOf(folder, name, 'half'), half]);
  }
  expect((await runJobs(folder, jobs)).codes).toEqual(jobs.map(() => 0));
});

afterAll(() => (folder === '' ? undefined : rm(folder, { recursive: true })));

const CHECKPOINT = 'checkpoint.safetensors';

describe.skipIf(python === null).each(names)(`${heading}: %s`, (name) => {
  it('has one loss and the same gradients, to 1e-5 of the largest, and takes the same 20 steps', async () => {
    const training = trainings.get(name) as Training;
    const found = await tensorsOf(join(training.exported, 'gradients.safetensors'));
    const own = await training.gradients();
    for (const [at, values] of own) {
      const scale = Math.max(1, ...Array.from(values, Math.abs));
      expect(distance(values, found.get(at) ?? []) / scale, at).toBeLessThan(1e-5);
    }
    expect(own.size).toBe(
      [...found.keys()].filter((at) => /^(?:gradient\.|loss$)/.test(at)).length,
    );
    await training.take(STEPS);
    const whole = join(folder, `${name}-whole`);
    expect(distance(training.losses, await lossesOf(whole))).toBeLessThan(1e-4);
    // What a training starts from and does not change goes with the state.
    const kept = [...(await tensorsOf(join(whole, CHECKPOINT)))];
    const trained = new Map(kept.filter(([at]) => !at.startsWith('base.')));
    expect(oddTensors(await training.tensors(), trained)).toEqual([]);
  });

  it('comes back after 10 of them, and goes on here', async () => {
    const training = trainings.get(name) as Training;
    const [out, half] = [join(folder, `${name}-back`), join(folder, `${name}-half`)];
    expect(await importFromPytorch({ checkpoint: join(half, CHECKPOINT), out })).toBe(STEPS / 2);
    expect((await readRun(out)).config).toEqual(training.config);
    const [losses, tensors] = [[...training.losses], await training.tensors()];
    await training.goOnFrom(join(out, 'state', `diffusion-0000${STEPS / 2}.safetensors`));
    await training.take(STEPS / 2);
    const both = [...(await lossesOf(out)), ...training.losses];
    expect(distance(losses, both)).toBeLessThan(1e-4);
    expect(oddTensors(tensors, await training.tensors())).toEqual([]);
  });
});
