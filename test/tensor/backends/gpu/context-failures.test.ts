import { cpuBackend } from '@tessera/tensor';
import { describe, expect, it, vi } from 'vitest';
import { loadGpuJs } from '../../../../packages/tensor/src/backends/gpu/device/gpu-js.ts';
import { HandleEngine } from '../../../../packages/tensor/src/backends/gpu/engines/handle-engine.ts';
import { GpuStorage } from '../../../../packages/tensor/src/backends/gpu/run/storage.ts';
import { COPY, failureOf } from './device-failures.ts';

describe('failures of a WebGL context', () => {
  /** An engine that computes without WebGL, but heeds a context. */
  async function engineOn(context: object): Promise<HandleEngine> {
    const library = await loadGpuJs();
    const report = { mode: 'cpu', executor: 'gpu.js', adapter: 'test', limits: {} } as const;
    const gpu = new library.GPU({ mode: 'cpu' });
    return new HandleEngine(library, gpu, report, context as WebGL2RenderingContext);
  }

  /** What an engine heeds of a context that is there. */
  const contextWith = (getError: () => number): object => {
    return { NO_ERROR: 0, OUT_OF_MEMORY: 0x505, getError, isContextLost: () => false };
  };

  it('an error voids what was made before it is told', async () => {
    const getError = vi.fn(() => 0);
    const engine = await engineOn(contextWith(getError));
    const program = engine.compile(COPY);
    const before = engine.upload(new Float32Array(4).fill(3));
    expect(await engine.read(before)).toEqual(new Float32Array(4).fill(3));
    const result = engine.run(program, [before]);
    getError.mockReturnValueOnce(0x505);
    for (const memory of [result, before, result]) {
      expect((await failureOf(engine.read(memory))).failure).toBe('out-of-memory');
    }
    expect(() => engine.run(program, [before])).toThrow('WebGL has no memory left');
    const anew = engine.run(program, [engine.upload(new Float32Array(4).fill(5))]);
    expect(await engine.read(anew)).toEqual(new Float32Array(4).fill(5));
    getError.mockReturnValueOnce(0x502);
    expect((await failureOf(engine.read(anew))).message).toContain('0x502');
    await engine.dispose();
  });

  it('all that a context holds of errors ends one era, and each is told of its own', async () => {
    const errors: number[] = [];
    const engine = await engineOn(contextWith(() => errors.shift() ?? 0));
    const first = engine.upload(new Float32Array(4).fill(1));
    errors.push(0x502, 0x505);
    expect((await failureOf(engine.read(first))).failure).toBe('out-of-memory');
    const second = engine.upload(new Float32Array(4).fill(2));
    expect(await engine.read(second)).toEqual(new Float32Array(4).fill(2));
    errors.push(0x501, 0x502);
    expect((await failureOf(engine.read(second))).message).toContain('0x501, 0x502');
    expect((await failureOf(engine.read(first))).failure).toBe('out-of-memory');
    const third = engine.upload(new Float32Array(4).fill(3));
    expect(await engine.read(third)).toEqual(new Float32Array(4).fill(3));
    await engine.dispose();
  });

  it('a single element outlives its era, since it is known', async () => {
    const errors: number[] = [];
    const engine = await engineOn(contextWith(() => errors.shift() ?? 0));
    const floats = Float32Array.of(2);
    const scalar = new GpuStorage(
      cpuBackend(),
      engine,
      'float32',
      1,
      engine.upload(floats),
      floats,
    );
    const other = engine.upload(new Float32Array(4));
    errors.push(0x505);
    expect((await failureOf(engine.read(other))).failure).toBe('out-of-memory');
    expect(await engine.read(scalar.memory('read'))).toEqual(floats);
    await engine.dispose();
  });

  it('a lost context is an error of all that comes after', async () => {
    const isContextLost = vi.fn(() => false);
    const engine = await engineOn({ NO_ERROR: 0, getError: () => 0, isContextLost });
    const memory = engine.upload(new Float32Array(4));
    isContextLost.mockReturnValue(true);
    expect((await failureOf(engine.read(memory))).failure).toBe('lost');
    expect(() => engine.run(engine.compile(COPY), [memory])).toThrow('the WebGL context was lost');
    expect(() => engine.upload(new Float32Array(4))).toThrow('the WebGL context was lost');
    await engine.dispose();
  });
});
