import { DeviceError } from '@tessera/tensor/gpu';
import { describe, expect, it, vi } from 'vitest';
import { loadGpuJs } from '../../../../packages/tensor/src/backends/gpu/device/gpu-js.ts';
import { QueuedEngine } from '../../../../packages/tensor/src/backends/gpu/engines/queued-engine.ts';
import {
  COPY,
  deviceOf,
  failureOf,
  skipped,
  skipReason,
  withoutMemory,
} from './device-failures.ts';

describe.skipIf(skipped !== null)(`failures where gpu.js runs the kernels${skipReason}`, () => {
  it('a shader that does not compile is an error with kernel and source when values are read', async () => {
    const engine = await QueuedEngine.open(await loadGpuJs());
    const memory = engine.upload(new Float32Array(4));
    const text = 'function (a0) {\nlet i = 0;\nreturn a0[i++];\n}';
    const result = engine.run(engine.compile({ ...COPY, name: 'broken', text }), [memory]);
    const after = engine.run(engine.compile(COPY), [result]);
    for (const each of [result, after, result]) {
      const error = await failureOf(engine.read(each));
      expect([error.failure, error.kernel, error.op]).toEqual(['compilation', 'broken', 'broken']);
      expect(error.source).toBe(text);
    }
    const works = engine.run(engine.compile(COPY), [memory]);
    expect(await engine.read(works)).toEqual(new Float32Array(4));
    await engine.dispose();
  });

  it('nothing is read of invalid work, however often, nor of what depends on it', async () => {
    const library = await loadGpuJs();
    const engine = await QueuedEngine.open(library);
    const device = await deviceOf(library);
    const memory = engine.upload(new Float32Array(4).fill(3));
    const program = engine.compile(COPY);
    const good = engine.run(program, [memory]);
    await engine.read(good);
    const create = device.createBuffer.bind(device);
    // The buffer of the result cannot be bound.
    vi.spyOn(device, 'createBuffer').mockImplementationOnce((descriptor) =>
      create({ ...descriptor, usage: 0x4 }),
    );
    const bad = engine.run(program, [memory]);
    const after = engine.run(engine.compile({ ...COPY, name: 'after' }), [bad]);
    const results = await Promise.allSettled([good, bad, after, bad].map((m) => engine.read(m)));
    const failure = {
      status: 'rejected',
      reason: expect.objectContaining({ failure: 'validation', kernel: 'copy' }) as unknown,
    };
    expect(results).toMatchObject([{ status: 'fulfilled' }, failure, failure, failure]);
    expect(() => engine.run(program, [after])).toThrow(DeviceError);
    expect(await engine.read(good)).toEqual(new Float32Array(4).fill(3));
    await engine.dispose();
  });

  it('two on the one device of gpu.js do not take errors of each other', async () => {
    const library = await loadGpuJs();
    const engines = [await QueuedEngine.open(library), await QueuedEngine.open(library)];
    const device = await deviceOf(library);
    const push = vi.spyOn(device, 'pushErrorScope');
    const pop = vi.spyOn(device, 'popErrorScope');
    const text = 'function (a0) {\nlet i = 0;\nreturn a0[i++];\n}';
    const broken = { ...COPY, name: 'broken', text };
    const results = [0, 1, 2, 3, 4, 5].map((i) => {
      const engine = engines[i % 2];
      const memory = engine.upload(new Float32Array(4).fill(i));
      const source = i === 3 ? broken : { ...COPY, text: `${COPY.text}\n` };
      return engine.read(engine.run(engine.compile(source), [memory]));
    });
    const settled = await Promise.allSettled(results);
    settled.forEach((result, i) => {
      if (i === 3) expect(result).toMatchObject({ reason: { kernel: 'broken' } });
      else expect(result).toEqual({ status: 'fulfilled', value: new Float32Array(4).fill(i) });
    });
    // The scopes of one turn are over before those of the next one begin.
    await engines[0].dispose();
    const depths: number[] = [];
    const calls = [
      ...push.mock.invocationCallOrder.map((at) => [at, 1]),
      ...pop.mock.invocationCallOrder.map((at) => [at, -1]),
    ].sort(([a], [b]) => a - b);
    calls.reduce((depth, [, change]) => {
      depths.push(depth + change);
      return depth + change;
    }, 0);
    // Three of a turn, and one of gpu.js itself where it compiles.
    expect(Math.max(...depths)).toBe(4);
    expect(depths.at(-1)).toBe(0);
    const memory = engines[1].upload(new Float32Array(4).fill(8));
    expect(await engines[1].read(memory)).toEqual(new Float32Array(4).fill(8));
    await engines[1].dispose();
  });

  it('reports the device that gpu.js has opened', async () => {
    const library = await loadGpuJs();
    const engine = await QueuedEngine.open(library);
    const { limits } = await deviceOf(library);
    expect(engine.report.limits).toMatchObject({
      maxBufferSize: limits.maxBufferSize,
      // gpu.js asks for no more than the least that every device has.
      maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    });
    await engine.dispose();
  });

  it('a device that is lost under a kernel that waits for its turn is lost', async () => {
    const library = await loadGpuJs();
    const engine = await QueuedEngine.open(library);
    const device = await deviceOf(library);
    const memory = engine.upload(new Float32Array(4));
    await engine.read(memory);
    const result = engine.run(engine.compile(COPY), [memory]);
    device.destroy();
    expect((await failureOf(engine.read(result))).failure).toBe('lost');
    await engine.dispose();
  });

  it('a lost device is an error of all that comes after', async () => {
    const library = await loadGpuJs();
    const engine = await QueuedEngine.open(library);
    const memory = engine.upload(new Float32Array(4));
    const program = engine.compile(COPY);
    expect(await engine.read(engine.run(program, [memory]))).toEqual(new Float32Array(4));
    const device = await deviceOf(library);
    device.destroy();
    await device.lost;
    await vi.waitFor(() => {
      expect(() => engine.run(program, [memory])).toThrow('lost');
    });
    expect((await failureOf(engine.read(memory))).failure).toBe('lost');
    await engine.dispose();
  });

  it('a loss opens no other device, though kernels wait for their turn', async () => {
    const library = await loadGpuJs();
    const engine = await QueuedEngine.open(library);
    const device = await deviceOf(library);
    const memory = engine.upload(new Float32Array(4));
    await engine.read(memory);
    const errors = [1, 2, 3, 4, 5].map((n) => {
      const source = { ...COPY, text: `${COPY.text}${'\n'.repeat(n)}` };
      return failureOf(engine.read(engine.run(engine.compile(source), [memory])));
    });
    const request = vi.spyOn(navigator.gpu, 'requestAdapter');
    device.destroy();
    for (const error of errors) expect((await error).failure).toBe('lost');
    await engine.dispose();
    expect(request).not.toHaveBeenCalled();
    request.mockRestore();
  });

  it.each([
    ['the array', 2],
    ['the tensor', 1],
  ])('an upload without memory for %s is an error of it alone', async (_, nth) => {
    const library = await loadGpuJs();
    const engine = await QueuedEngine.open(library);
    const device = await deviceOf(library);
    const memory = engine.upload(new Float32Array(4).fill(1));
    await engine.read(memory);
    withoutMemory(device, nth);
    const big = engine.upload(new Float32Array(1000).fill(2));
    for (let time = 0; time < 2; time++) {
      const error = await failureOf(engine.read(big));
      expect([error.failure, error.op]).toEqual(['out-of-memory', 'tensor']);
    }
    for (const size of [4, 1000]) {
      const next = new Float32Array(size).fill(size);
      expect(await engine.read(engine.upload(next))).toEqual(next);
    }
    expect(await engine.read(memory)).toEqual(new Float32Array(4).fill(1));
    await engine.dispose();
  });

  it('a read without memory is an error, and all after it read', async () => {
    const library = await loadGpuJs();
    const engine = await QueuedEngine.open(library);
    const device = await deviceOf(library);
    const memory = engine.upload(new Float32Array(4).fill(1));
    const result = engine.run(engine.compile(COPY), [memory]);
    await engine.read(memory);
    withoutMemory(device);
    expect((await failureOf(engine.read(result))).failure).toBe('out-of-memory');
    for (let time = 0; time < 4; time++) {
      expect(await engine.read(result)).toEqual(new Float32Array(4).fill(1));
    }
    await engine.dispose();
  });

  it('reads that are under way when it is disposed have their values', async () => {
    const engine = await QueuedEngine.open(await loadGpuJs());
    const values = Float32Array.from({ length: 100_000 }, (_, i) => i);
    const memory = engine.upload(values);
    const result = engine.run(engine.compile({ ...COPY, output: [values.length] }), [memory]);
    const [read] = await Promise.all([engine.read(result), engine.dispose()]);
    expect(read).toEqual(values);
  });

  it('ends alone, and once', async () => {
    const library = await loadGpuJs();
    const [one, other] = [await QueuedEngine.open(library), await QueuedEngine.open(library)];
    const memory = one.upload(new Float32Array(4));
    await one.dispose();
    await one.dispose();
    expect(() => one.upload(new Float32Array(4))).toThrow('the backend was disposed');
    expect((await failureOf(one.read(memory))).message).toContain('the backend was disposed');
    const values = new Float32Array(4).fill(8);
    expect(await other.read(other.upload(values))).toEqual(values);
    await other.dispose();
  });
});
