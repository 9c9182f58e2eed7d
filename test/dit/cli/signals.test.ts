import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLog } from '@tessera/dit/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { briefConfig, writeFirstDigits } from '../train/tiny-run.ts';
import { nodeArguments, runTessera } from './run-tessera.ts';

// Processes that load the engine and train, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 180_000 });

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-signals-'));
  await writeFirstDigits(join(dir, 'data'), 64);
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

/** Trains, and sends a signal at the first line of progress of a stage. */
async function stopped(
  signal: 'SIGINT' | 'SIGTERM',
  ...args: string[]
): Promise<{ code: unknown; lines: string[] }> {
  const child = spawn(process.execPath, nodeArguments('train', ...args), {
    cwd: dir,
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    const before = stderr;
    stderr += chunk.toString();
    // From this line on there is something to save.
    const begun = /^(?:autoencoder|diffusion) \d+\//m;
    if (begun.test(stderr) && !begun.test(before)) child.kill(signal);
  });
  const code = await new Promise((resolve) => {
    child.on('close', resolve);
  });
  return { code, lines: stderr.trimEnd().split('\n') };
}

test('SIGINT and SIGTERM save a training, and one line says how to go on', async () => {
  const config = briefConfig('data');
  const endless = { ...config, autoencoder: { ...config.autoencoder, steps: 1_000_000 } };
  await writeFile(join(dir, 'endless.json'), JSON.stringify(endless));
  const first = await stopped(
    'SIGINT',
    '--config',
    'endless.json',
    '--out',
    'my run',
    '--keep',
    '1',
  );
  expect(first.code).toBe(130);
  const last =
    /^Stopped after step (\d+) of 1000000 of the autoencoder\. my run keeps config\.json, log\.jsonl, loss\.png, and the state after step \1 of the autoencoder\. To go on: tessera train --resume 'my run' --keep 1$/;
  expect(first.lines.at(-1)).toMatch(last);
  expect(first.lines.at(-2)).toBe('Stopping after this step. The same signal again stops at once.');
  const [, step] = last.exec(first.lines.at(-1) ?? '') ?? [];
  const second = await stopped('SIGTERM', '--resume', 'my run', '--keep', '1');
  expect(second.code).toBe(143);
  expect(second.lines).toContain(`Going on after step ${step} of 1000000 of the autoencoder.`);
  expect(second.lines.at(-1)).toMatch(last);
  expect(await readdir(join(dir, 'my run', 'state'))).toHaveLength(1);
});

test('two trainings that start at the same moment have a folder each', async () => {
  const config = briefConfig('data');
  const steps = { ...config.autoencoder, steps: 1 };
  const optimizer = { ...config.optimizer, warmupSteps: 0 };
  const brief = { ...config, steps: 2, optimizer, autoencoder: steps };
  await writeFile(join(dir, 'brief.json'), JSON.stringify(brief));
  const train = (...args: string[]): ReturnType<typeof runTessera> =>
    runTessera(dir, 'train', '--config', 'brief.json', ...args);
  const endings = await Promise.all([train('--seed', '1'), train('--seed', '2')]);
  expect(endings.map(({ code }) => code)).toEqual([0, 0]);
  const printed = endings.map(({ stdout }) => /^Samples: (.*)\/samples\.png$/m.exec(stdout)?.[1]);
  expect(new Set(printed)).toEqual(new Set(['runs/mnist', 'runs/mnist-2']));
  for (const folder of ['mnist', 'mnist-2']) {
    const rows = await readLog(join(dir, 'runs', folder, 'log.jsonl'));
    expect(rows.map(({ step }) => step)).toEqual([1, 1, 2]);
  }
  const named = await Promise.all([train('--out', 'mine'), train('--out', 'mine')]);
  expect(new Set(named.map(({ code }) => code))).toEqual(new Set([0, 2]));
  const refused = named.find(({ code }) => code === 2);
  expect(refused?.stderr.trimEnd().split('\n').at(-1)).toMatch(
    /^error: the folder mine is not empty/,
  );
  expect(await readLog(join(dir, 'mine', 'log.jsonl'))).toHaveLength(3);
});
