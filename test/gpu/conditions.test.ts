import { cpuBackend, defaultBackend, setDefaultBackend, tensor, uniform } from '@tessera/tensor';
import { encodeTexts } from '@tessera/dit';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { largestDeviation } from './deviation.ts';
import { trainSmallDiT, type Told } from './dit-training.ts';
import { modesUnderTest } from './modes.ts';

vi.setConfig({ testTimeout: 120_000 });

/** The weights behind those that start at zero move in the second step, those before them in the third. */
const STEPS = 4;

/** As for a model that is told labels alone, see training.test.ts. */
const TOLERANCE = 1e-4;

const LENGTH = 6;

const told: Readonly<Record<string, Told>> = {
  text: {
    conditions: [
      {
        kind: 'text',
        name: 'text',
        length: LENGTH,
        width: 8,
        depth: 1,
        heads: 2,
        dropoutProb: 0.1,
      },
    ],
    valuesOf: (batch) => {
      const texts = Array.from({ length: batch }, (_, i) => ['a 7', 'thin 4'][i % 2]);
      return { text: tensor(encodeTexts(texts, LENGTH), { shape: [batch, LENGTH] }) };
    },
  },
  // Negative pixels are unknown.
  depth: {
    conditions: [{ kind: 'map', name: 'depth', size: 8, channels: 1, dropoutProb: 0.1 }],
    valuesOf: (batch, random) => ({ depth: uniform(random, [batch, 1, 8, 8], -0.2, 1) }),
  },
};

const before = defaultBackend();
afterAll(() => setDefaultBackend(before));

const [webgpu] = modesUnderTest();

describe.each(Object.keys(told))('training with %s gives what it gives on cpu', (name) => {
  const { skipped } = webgpu;
  it.skipIf(skipped !== null)(
    `${webgpu.name}${skipped === null ? '' : ` (skipped: ${skipped})`}`,
    async () => {
      const wanted = await trainSmallDiT(cpuBackend(), STEPS, undefined, told[name]);
      const plain = await trainSmallDiT(cpuBackend(), STEPS);
      // The condition is heard: its weights are among the trained ones, and change the losses.
      expect(wanted.parameters.length).toBeGreaterThan(plain.parameters.length);
      const backend = await webgpu.make();
      try {
        expect(backend.device).toMatchObject({ mode: 'webgpu', executor: 'own' });
        const found = await trainSmallDiT(backend, STEPS, undefined, told[name]);
        expect(largestDeviation(found, wanted)).toBeLessThan(TOLERANCE);
      } finally {
        await backend.dispose();
      }
    },
  );
});
