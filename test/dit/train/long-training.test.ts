import { describe, expect, it } from 'vitest';
import { runTypeScript } from '../../docs/fences.ts';
import type { MemorySample } from './long-training.ts';

/** By how many bytes the process, and JavaScript's heap, may differ between the samples after the warm-up. */
const MOST = { resident: 8 * 2 ** 20, heap: 2 * 2 ** 20 };

/** Young objects have a fixed space, which V8 of Node 24 would let grow for a thousand steps. */
const FLAGS = ['--expose-gc', '--max-semi-space-size=1'];

/** Steps in which V8 still compiles again what runs often. */
const WARM_UP = 500;

/** The largest less the smallest. */
function spread(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values);
}

describe('two thousand training steps', () => {
  it('take no more memory than five hundred', async () => {
    const output = await runTypeScript([...FLAGS, 'test/dit/train/long-training.ts']);
    const samples = (JSON.parse(output) as MemorySample[]).filter(({ step }) => step > WARM_UP);
    expect(samples).toHaveLength(15);
    const [first] = samples;
    expect(first.storages).toBeGreaterThan(100);
    for (const { used, memory, storages } of samples) {
      expect({ used, memory, storages }).toEqual({
        used: first.used,
        memory: first.memory,
        storages: first.storages,
      });
    }
    // What V8 keeps differs from one collection to the next; a tensor kept a step would be 1500 of them.
    expect(spread(samples.map(({ resident }) => resident))).toBeLessThan(MOST.resident);
    expect(spread(samples.map(({ heap }) => heap))).toBeLessThan(MOST.heap);
  });
});
