import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { presetConfig, readLog } from '@tessera/dit/node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runTessera, type Ending } from '../dit/cli/run-tessera.ts';
import { webGpuSkipped } from './modes.ts';

vi.setConfig({ testTimeout: 300_000 });

const STEPS = 100;

/**
 * Of the loss, which is about 1: float32 sums against float64 ones and a GPU's exp are off by about 1e-6
 * a step, which a hundred steps enlarge.
 */
const TOLERANCE = 1e-4;

const skipped = webGpuSkipped();

let folder: string;

/** Writes `count` pictures of noise, 28×28, as the two files of a set of digits. */
async function writeDigits(set: string, count: number): Promise<void> {
  const side = 28;
  const header = (magic: number, ...sizes: number[]): number[] =>
    [magic, ...sizes].flatMap((n) => [n >> 24, n >> 16, n >> 8, n].map((byte) => byte & 255));
  const pixels = Array.from({ length: count * side * side }, (_, i) => (i * i * 7 + 3 * i) & 255);
  const labels = Array.from({ length: count }, (_, i) => i % 10);
  await writeFile(
    join(folder, `${set}-images-idx3-ubyte`),
    Uint8Array.from([...header(0x803, count, side, side), ...pixels]),
  );
  await writeFile(
    join(folder, `${set}-labels-idx1-ubyte`),
    Uint8Array.from([...header(0x801, count), ...labels]),
  );
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-gpu-cli-'));
  await Promise.all([writeDigits('train', 40), writeDigits('t10k', 10)]);
  const smoke = presetConfig('smoke', { steps: STEPS, batch: 4, data: '.' });
  const config = {
    ...smoke,
    autoencoder: {
      ...smoke.autoencoder,
      channels: [2, 2],
      latentChannels: 2,
      steps: 2,
      batch: 2,
    },
    model: { ...smoke.model, inChannels: 2, hiddenSize: 16, depth: 1, numHeads: 2 },
    sampling: { ...smoke.sampling, steps: 1 },
  };
  await writeFile(join(folder, 'tiny.json'), JSON.stringify(config));
});

afterAll(() => rm(folder, { recursive: true }));

/** Trains on a backend, in a process that has to end by itself. */
function train(backend: string): Promise<Ending> {
  return runTessera(
    folder,
    'train',
    '--config',
    'tiny.json',
    '--backend',
    backend,
    '--out',
    backend,
  );
}

async function losses(run: string): Promise<number[]> {
  const rows = await readLog(join(folder, run, 'log.jsonl'));
  return rows.filter(({ stage }) => stage === 'diffusion').map(({ loss }) => loss);
}

describe.skipIf(skipped !== null)(
  `tessera train --backend gpu${skipped === null ? '' : ` (skipped: ${skipped})`}`,
  () => {
    it(`has the losses of --backend cpu over ${STEPS} steps, and ends`, async () => {
      const cpu = await train('cpu');
      expect(cpu).toMatchObject({ code: 0 });
      const gpu = await train('gpu');
      expect(gpu).toMatchObject({ code: 0 });
      expect(gpu.stderr).toMatch(/Computing on webgpu, [^\n]+: mode webgpu is the first of/);
      const [wanted, found] = [await losses('cpu'), await losses('gpu')];
      expect(wanted).toHaveLength(STEPS);
      expect(found).toHaveLength(STEPS);
      const furthest = Math.max(...found.map((loss, i) => Math.abs(loss - wanted[i])));
      expect(furthest).toBeLessThan(TOLERANCE);
      // The numbers are those of a training, not of a model that stands still.
      expect(Math.min(...wanted)).toBeLessThan(wanted[0]);
      expect((await readFile(join(folder, 'gpu', 'samples.png'))).subarray(1, 4).toString()).toBe(
        'PNG',
      );
    });
  },
);
