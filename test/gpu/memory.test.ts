import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { defaultBackend, setDefaultBackend } from '@tessera/tensor';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { trainSmallDiT } from './dit-training.ts';
import { modesUnderTest } from './modes.ts';

vi.setConfig({ testTimeout: 600_000 });

const STEPS = 500;

/** By then all kernels are compiled, and the optimizing compiler of JavaScript has done most of its work. */
const SETTLED = 150;

/**
 * A step uses 230 to 340 KB of memory for its arrays: if one of the kind were left behind by each of the
 * steps that are watched, that would be 80 MiB and more. The rest of the process is allowed half of that.
 */
const MOST_GROWTH = 40 * 2 ** 20;

const before = defaultBackend();
afterAll(() => setDefaultBackend(before));

/** Memory of the process once what nobody holds is gone: Dawn frees its part a turn after the collector. */
async function residentBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 2; i++) {
    collect();
    await setImmediate();
  }
  return process.memoryUsage().rss;
}

describe(`${STEPS} training steps of a DiT hold their memory`, () => {
  for (const { name, make, skipped } of modesUnderTest()) {
    it.skipIf(skipped !== null)(
      `${name}${skipped === null ? '' : ` (skipped: ${skipped})`}`,
      async () => {
        const backend = await make();
        try {
          const buffers: number[] = [];
          let settled = 0;
          await trainSmallDiT(backend, STEPS, async (step) => {
            if (step === SETTLED) settled = await residentBytes();
            if (step >= SETTLED) buffers.push(backend.memoryUse().buffers);
          });
          expect(buffers).toHaveLength(STEPS - SETTLED + 1);
          expect(new Set(buffers)).toEqual(new Set([buffers[0]]));
          const grown = (await residentBytes()) - settled;
          expect(grown).toBeLessThan(MOST_GROWTH);
        } finally {
          await backend.dispose();
        }
      },
    );
  }
});
