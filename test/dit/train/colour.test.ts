import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRun, readRunConfig, sampleRun, train } from '@tessera/dit/node';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { readFittedRun } from '../../../packages/dit/src/train/fit-config.ts';
import { png, writeFiles } from '../data/data-files.ts';
import { briefConfig } from './tiny-run.ts';

// A whole run, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 180_000 });

let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-colour-'));
  const files = Array.from({ length: 12 }, (_, i) => [
    `photos/${i % 2 === 0 ? 'red' : 'blue'}/${i}.png`,
    png(i % 2 === 0 ? [200 + i, 20, 20] : [20, 20, 200 + i], 14),
  ]);
  await writeFiles(dir, Object.fromEntries(files) as Record<string, Uint8Array>);
});

afterAll(() => rm(dir, { recursive: true }));

it('a folder of small colour images is trained on, remembered and drawn from', async () => {
  const brief = briefConfig(join(dir, 'photos'));
  const { config, data } = await readFittedRun(brief, { fits: true, needsLabels: true });
  const out = join(dir, 'run');
  const notices: string[] = [];
  await train({ config, data, out, onNotice: (text) => notices.push(text) });
  expect(notices).toContain('Images of 14×14 are padded with black to 16×16.');
  expect(await readRunConfig(out)).toMatchObject({
    classNames: ['blue', 'red'],
    autoencoder: { imageSize: 16, imageChannels: 3 },
    model: { inputSize: 4, numClasses: 2 },
  });
  const run = await readRun(out);
  const [blue] = await run.generate([0], { steps: 1 });
  expect(blue.shape).toEqual([3, 16, 16]);
  const options = {
    run: out,
    labels: [1],
    guidance: 1,
    sampler: 'ddim',
    steps: 1,
    seed: 0,
  } as const;
  await sampleRun({ ...options, out: join(dir, 'grid.png') });
  // The same data with the configuration of the run need no fitting.
  const again = await readFittedRun(await readRunConfig(out), { fits: false, needsLabels: false });
  expect(again.data.train.count).toBe(12);
});

it('colour is refused for a grey autoencoder before anything is written', async () => {
  const config = briefConfig(join(dir, 'photos'));
  const model = { ...config.model, numClasses: 2 };
  await expect(train({ config: { ...config, model }, out: join(dir, 'none') })).rejects.toThrow(
    /in colour, but autoencoder\.imageChannels is 1\. Set it to 3\./,
  );
});
