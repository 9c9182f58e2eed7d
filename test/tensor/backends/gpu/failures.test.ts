import { cpuBackend } from '@tessera/tensor';
import { DeviceError } from '@tessera/tensor/gpu';
import { describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../../../packages/tensor/src/backends/gpu/device/device.ts';
import { loadGpuJs } from '../../../../packages/tensor/src/backends/gpu/device/gpu-js.ts';
import { GpuStorage } from '../../../../packages/tensor/src/backends/gpu/run/storage.ts';
import { WebGpuEngine } from '../../../../packages/tensor/src/backends/gpu/engines/webgpu-engine.ts';
import { COPY, failureOf, skipped, skipReason, withoutMemory } from './device-failures.ts';

describe.skipIf(skipped !== null)(`failures of a WebGPU device${skipReason}`, () => {
  async function engineOn(): Promise<{ engine: WebGpuEngine; device: GPUDevice }> {
    const { device, report } = await openDevice();
    return { engine: new WebGpuEngine(device, await loadGpuJs(), report), device };
  }

  it('a shader that does not compile is an error with kernel and source when values are read', async () => {
    const { engine } = await engineOn();
    const memory = engine.upload(new Float32Array(4));
    // gpu.js translates this to WGSL that is none.
    const text = 'function (a0) {\nlet i = 0;\nreturn a0[i++];\n}';
    const broken = engine.compile({ ...COPY, name: 'broken', text });
    const result = engine.run(broken, [memory]);
    const error = await failureOf(engine.read(result));
    expect([error.failure, error.kernel]).toEqual(['compilation', 'broken']);
    expect(error.source).toContain('@compute');
    expect(error.op).toBe('broken');
    const works = engine.run(engine.compile(COPY), [memory]);
    expect(await engine.read(works)).toEqual(new Float32Array(4));
    await engine.dispose();
  });

  it('what gpu.js cannot translate is an error at once', async () => {
    const { engine } = await engineOn();
    const source = { ...COPY, text: 'function (a0) {\nreturn Math.hypot(a0[0], 1);\n}' };
    expect(() => engine.compile(source)).toThrow(DeviceError);
    await engine.dispose();
  });

  it('invalid work is an error when values are read, and names its kernel', async () => {
    const { engine } = await engineOn();
    const memory = engine.upload(new Float32Array(4));
    const program = engine.compile(COPY);
    const result = engine.run(program, [memory, memory]); // one operand too many
    const error = await failureOf(engine.read(result));
    expect([error.failure, error.kernel]).toEqual(['validation', 'copy']);
    await engine.dispose();
  });

  it('nothing is read of work that failed, however often, nor of what depends on it', async () => {
    const { engine } = await engineOn();
    const memory = engine.upload(new Float32Array(4).fill(3));
    const program = engine.compile(COPY);
    const broken = engine.run(program, [memory, memory]);
    const beside = engine.run(program, [memory]); // in the same submit, which is void
    engine.submit();
    const after = engine.run(program, [broken]);
    for (let time = 0; time < 2; time++) {
      for (const result of [broken, beside, after]) {
        expect((await failureOf(engine.read(result))).failure).toBe('validation');
      }
    }
    expect(() => engine.run(program, [after])).toThrow(DeviceError);
    expect(await engine.read(memory)).toEqual(new Float32Array(4).fill(3));
    expect(await engine.read(engine.run(program, [memory]))).toEqual(new Float32Array(4).fill(3));
    await engine.dispose();
  });

  it('a failure is of what depends on it, and of nothing else', async () => {
    const { engine } = await engineOn();
    const memory = engine.upload(new Float32Array(4).fill(3));
    const program = engine.compile(COPY);
    const good = engine.run(program, [memory]);
    engine.submit();
    const bad = engine.run(program, [memory, memory]);
    const [first, second] = await Promise.allSettled([engine.read(good), engine.read(bad)]);
    expect(first).toEqual({ status: 'fulfilled', value: new Float32Array(4).fill(3) });
    expect(second).toMatchObject({ status: 'rejected', reason: { failure: 'validation' } });
    await engine.dispose();
  });

  it('a tensor for which there is no memory is an error whenever it is read', async () => {
    const { engine, device } = await engineOn();
    const copy = engine.compile(COPY);
    const small = engine.upload(new Float32Array(4));
    withoutMemory(device);
    const big = engine.upload(new Float32Array(1000).fill(7));
    const after = engine.run(engine.compile({ ...COPY, output: [1000] }), [big]);
    // In the same submit, which is void.
    const beside = engine.run(copy, [small]);
    engine.submit();
    const later = engine.run(copy, [beside]);
    for (const memory of [big, after, beside, later, big]) {
      const error = await failureOf(engine.read(memory));
      expect([error.failure, error.op]).toEqual(['out-of-memory', 'tensor']);
    }
    const before = engine.memoryUse().buffers;
    engine.free(big);
    expect(engine.memoryUse().buffers).toBe(before - 1);
    // The next one of the size gets a buffer that is one.
    const next = engine.upload(new Float32Array(1000).fill(8));
    expect(await engine.read(next)).toEqual(new Float32Array(1000).fill(8));
    await engine.dispose();
  });

  it('a kernel for whose result there is no memory is an error of it', async () => {
    const { engine, device } = await engineOn();
    const memory = engine.upload(new Float32Array(4).fill(3));
    const program = engine.compile(COPY);
    withoutMemory(device);
    const error = await failureOf(engine.read(engine.run(program, [memory])));
    expect([error.failure, error.op]).toEqual(['out-of-memory', 'copy']);
    expect(await engine.read(engine.run(program, [memory]))).toEqual(new Float32Array(4).fill(3));
    await engine.dispose();
  });

  it('a kernel for which there is no memory works when there is some', async () => {
    const { engine, device } = await engineOn();
    const memory = engine.upload(new Float32Array(4).fill(3));
    withoutMemory(device);
    const program = engine.compile(COPY);
    const error = await failureOf(engine.read(engine.run(program, [memory])));
    expect([error.failure, error.op]).toEqual(['out-of-memory', 'copy']);
    expect(await engine.read(engine.run(program, [memory]))).toEqual(new Float32Array(4).fill(3));
    await engine.dispose();
  });

  it('a result that no buffer holds is refused, and what was queued is computed', async () => {
    const { engine, device } = await engineOn();
    const memory = engine.upload(new Float32Array(4).fill(3));
    const size = device.limits.maxStorageBufferBindingSize;
    const program = engine.compile({ ...COPY, output: [size] });
    expect(() => engine.run(program, [memory])).toThrow('holds at most');
    const result = engine.run(engine.compile(COPY), [memory]);
    expect(() => engine.run(program, [memory])).toThrow('holds at most');
    expect(await engine.read(result)).toEqual(new Float32Array(4).fill(3));
    await engine.dispose();
  });

  it('a single element for which there was no memory is told the device again', async () => {
    const { engine, device } = await engineOn();
    const floats = Float32Array.of(7);
    withoutMemory(device);
    const memory = engine.upload(floats);
    const scalar = new GpuStorage(cpuBackend(), engine, 'float32', 1, memory, floats);
    expect((await failureOf(engine.read(scalar.memory('read')))).failure).toBe('out-of-memory');
    expect(await engine.read(scalar.memory('read'))).toEqual(floats);
    expect(scalar.memory('read')).toBe(scalar.memory('read'));
    // What a kernel has written since is not known here, and fails for good.
    scalar.put(engine.upload(Float32Array.of(8)));
    expect(await engine.read(scalar.memory('read'))).toEqual(Float32Array.of(8));
    scalar.release();
    await engine.dispose();
  });

  it('a read for which there is no memory is an error, and the next one reads', async () => {
    const { engine, device } = await engineOn();
    const memory = engine.upload(new Float32Array(4).fill(3));
    withoutMemory(device);
    expect((await failureOf(engine.read(memory))).failure).toBe('out-of-memory');
    expect(await engine.read(memory)).toEqual(new Float32Array(4).fill(3));
    await engine.dispose();
  });

  it('reads that are under way when it is disposed have their values', async () => {
    const { engine } = await engineOn();
    const values = Float32Array.from({ length: 100_000 }, (_, i) => i);
    const memory = engine.upload(values);
    const result = engine.run(engine.compile({ ...COPY, output: [values.length] }), [memory]);
    const [read] = await Promise.all([engine.read(result), engine.dispose()]);
    expect(read).toEqual(values);
    expect((await failureOf(engine.read(result))).message).toContain('the backend was disposed');
  });

  it('a lost device is an error of all that comes after', async () => {
    const { engine, device } = await engineOn();
    const memory = engine.upload(new Float32Array(4));
    const program = engine.compile(COPY);
    device.destroy();
    await device.lost;
    await vi.waitFor(() => {
      expect(() => engine.run(program, [memory])).toThrow('lost');
    });
    expect((await failureOf(engine.read(memory))).failure).toBe('lost');
  });
});
