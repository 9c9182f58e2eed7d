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

test.each([
  { signal: 'SIGINT', code: 130 },
  { signal: 'SIGTERM', code: 143 },
] as const)('$signal ends a training with one line that says what is kept', async (row) => {
  const config = briefConfig('data');
  const endless = { ...config, autoencoder: { ...config.autoencoder, steps: 1_000_000 } };
  await writeFile(join(dir, 'endless.json'), JSON.stringify(endless));
  const args = nodeArguments('train', '--config', 'endless.json', '--out', 'run');
  const child = spawn(process.execPath, args, {
    cwd: dir,
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    // The first line of progress: from then on the handler is there, and so is the log.
    if (!stderr.includes('autoencoder 1/')) {
      stderr += chunk.toString();
      if (stderr.includes('autoencoder 1/')) child.kill(row.signal);
    } else stderr += chunk.toString();
  });
  const code = await new Promise((resolve) => {
    child.on('close', resolve);
  });
  expect(code).toBe(row.code);
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(
    /^Stopped after step \d+ of 1000000 of the autoencoder\. run keeps config\.json, log\.jsonl\. The weights of the autoencoder and the Diffusion Transformer are lost: they are written when a training ends\. To start anew: tessera train --config run\/config\.json$/,
  );
  expect((await readdir(join(dir, 'run'))).sort()).toEqual(['config.json', 'log.jsonl']);
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
