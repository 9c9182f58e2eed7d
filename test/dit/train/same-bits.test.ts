/** The bits of a training, which every supported Node has on any number of threads. */
import { createHash } from 'node:crypto';
import { cpuBackend, setDefaultBackend, wasmBackend, type Backend } from '@tessera/tensor';
import { describe, expect, it } from 'vitest';
import { trainDitSteps } from '../../browser/program/dit-training.ts';

/** A hash of the losses and norms of twenty steps of a small DiT. */
async function bitsOn(backend: Backend): Promise<string> {
  const before = setDefaultBackend(backend);
  try {
    const { losses, gradNorms } = await trainDitSteps();
    const bytes = new Uint8Array(Float64Array.from([...losses, ...gradNorms]).buffer);
    return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  } finally {
    setDefaultBackend(before);
  }
}

/** Without relaxed SIMD every machine computes alike. */
const PLAIN = '389dc8a23c926833';
/** Relaxed SIMD multiplies and adds with one rounding where the processor can, and as above elsewhere. */
const FUSED = '06c14750dac9f70c';
const CPU = 'b9275363a9777d89';

describe('a training has the bits that it has on every other Node', () => {
  it.each([1, 2])('on wasm without relaxed SIMD, with %i threads', async (threads) => {
    const wasm = wasmBackend({ threads, relaxed: false });
    expect(await bitsOn(wasm)).toBe(PLAIN);
    wasm.stopThreads();
  });

  it('on wasm', async () => {
    const wasm = wasmBackend({ threads: 2 });
    expect([PLAIN, FUSED]).toContain(await bitsOn(wasm));
    wasm.stopThreads();
  });

  it('on cpu', async () => {
    expect(await bitsOn(cpuBackend())).toBe(CPU);
  });
});
