import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { leastConfig, leftBy } from '../train/stopped-run.ts';
import { trainKilled, writeNoise } from './kills.ts';

// Processes that load the engine and train, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 180_000 });

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-kills-'));
  await writeNoise(dir);
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

// `npm run soak` kills more often.
test('a training that is killed in both stages ends at the bits of one that is not', async () => {
  const least = leastConfig({ steps: 400 });
  const config = { ...least, autoencoder: { ...least.autoencoder, steps: 400 } };
  let seed = 1;
  const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
  await trainKilled(dir, { config, count: 2, random, longestDelay: 150, saveEvery: 5 });
  expect(await leftBy(join(dir, 'killed'))).toEqual(await leftBy(join(dir, 'whole')));
  const files = await readdir(join(dir, 'killed'), { recursive: true });
  expect(files.filter((file) => /\.tmp$|lock/.test(file))).toEqual([]);
});
