import {
  defaultBackend,
  setDefaultBackend,
  wasmBackend,
  cpuBackend,
  type Backend,
} from '@tessera/tensor';
import { describe, expect, it } from 'vitest';
import { trainDitSteps } from '../../browser/program/dit-training.ts';

/** The losses and norms of twenty steps of a small DiT. */
async function trajectory(backend: Backend): Promise<readonly (readonly number[])[]> {
  const before = defaultBackend();
  setDefaultBackend(backend);
  try {
    const { losses, gradNorms } = await trainDitSteps();
    return [losses, gradNorms];
  } finally {
    setDefaultBackend(before);
  }
}

describe('a training', () => {
  const two = wasmBackend({ threads: 2 });

  it('takes the same path on wasm as on cpu', async () => {
    const [cpu, wasm] = [await trajectory(cpuBackend()), await trajectory(two)];
    const [losses] = cpu;
    expect(losses[19]).toBeLessThan(losses[0]);
    wasm.forEach((values, i) => {
      values.forEach((value, step) => {
        // Sums in float32 against float64; the differences grow with every step.
        expect(Math.abs(value / cpu[i][step] - 1)).toBeLessThan(1e-4);
      });
    });
    // Before the weights have moved there is only one forward pass to differ by.
    expect(Math.abs(wasm[0][0] / losses[0] - 1)).toBeLessThan(1e-6);
  });

  it('has the same bits on wasm again, and on one thread', async () => {
    const expected = await trajectory(two);
    expect(await trajectory(two)).toEqual(expected);
    expect(await trajectory(wasmBackend({ threads: 1 }))).toEqual(expected);
    two.stopThreads();
  });
});
