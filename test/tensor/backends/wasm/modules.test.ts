import {
  arange,
  compile,
  defaultBackend,
  matmul,
  setDefaultBackend,
  wasmBackend,
  type Tensor,
} from '@tessera/tensor';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';

const before = defaultBackend();

afterEach(() => {
  vi.unstubAllGlobals();
});

afterAll(() => {
  setDefaultBackend(before);
});

/** Kernels of several kinds that need each other, with enough work for threads to take part. */
function f(x: Tensor): readonly Tensor[] {
  let z = x;
  for (let i = 0; i < 6; i++)
    z = matmul(z, x)
      .mul(0.01 + i / 100)
      .sin();
  return [z, z.sum(0), z.add(x.sum())];
}

/** What `f` gives, run twice, and how many modules its plan is. */
function run(threads: number, moduleBytes?: number): { values: number[][]; modules: number } {
  const backend = wasmBackend({ threads, ...(moduleBytes === undefined ? {} : { moduleBytes }) });
  setDefaultBackend(backend);
  const x = arange(128 * 128)
    .cast('float32')
    .div(16_384)
    .sin()
    .reshape([128, 128]);
  let modules = 0;
  const { Module } = WebAssembly;
  class Counted extends Module {
    constructor(bytes: BufferSource) {
      super(bytes);
      modules++;
    }
  }
  vi.stubGlobal('WebAssembly', Object.create(WebAssembly, { Module: { value: Counted } }));
  const compiled = compile(f);
  const values = [compiled(x), compiled(x)].flat().map((y) => Array.from(y.dataSync()));
  backend.stopThreads();
  return { values, modules };
}

describe('a plan', () => {
  const whole = run(1);

  it('is one module where that is not too large', () => {
    expect(whole.modules).toBe(1);
  });

  it.each([1, 2])('computes the same as several modules, with %i threads', (threads) => {
    const cut = run(threads, 4000);
    expect(cut.modules).toBeGreaterThan(2);
    expect(cut.values).toEqual(whole.values);
  });

  it('is at most as many modules as it has phases', () => {
    const cut = run(1, 1);
    expect(cut.modules).toBeGreaterThan(6);
    expect(cut.values).toEqual(whole.values);
  });
});
