import { cpuBackend, defaultBackend, setDefaultBackend } from '@tessera/tensor';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { trainSmallDiT, type TrainingRun } from './dit-training.ts';
import { modesUnderTest } from './modes.ts';
import { largestDeviation } from './deviation.ts';

vi.setConfig({ testTimeout: 120_000 });

const STEPS = 4;

/** float32 sums against float64 ones, and a GPU's exp: about 1e-6 a step, which training multiplies. */
const TOLERANCE = 1e-4;

const before = defaultBackend();
afterAll(() => setDefaultBackend(before));

describe('training a small DiT gives what it gives on cpu', () => {
  let expected: Promise<TrainingRun> | undefined;
  for (const { name, mode, executor, make, skipped } of modesUnderTest()) {
    it.skipIf(skipped !== null)(
      `${name}${skipped === null ? '' : ` (skipped: ${skipped})`}`,
      async () => {
        expected ??= trainSmallDiT(cpuBackend(), STEPS);
        const wanted = await expected;
        const backend = await make();
        try {
          expect(backend.device).toMatchObject({ mode, executor });
          const found = await trainSmallDiT(backend, STEPS);
          expect(largestDeviation(found, wanted)).toBeLessThan(TOLERANCE);
        } finally {
          await backend.dispose();
        }
      },
    );
  }
});
