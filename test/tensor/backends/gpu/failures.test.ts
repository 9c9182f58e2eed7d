import { DeviceError } from '@tessera/tensor/gpu';
import { describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../../../packages/tensor/src/backends/gpu/device.ts';
import { loadGpuJs, type GpuJs } from '../../../../packages/tensor/src/backends/gpu/gpu-js.ts';
import { HandleEngine } from '../../../../packages/tensor/src/backends/gpu/handle-engine.ts';
import { QueuedEngine } from '../../../../packages/tensor/src/backends/gpu/queued-engine.ts';
import { WebGpuEngine } from '../../../../packages/tensor/src/backends/gpu/webgpu-engine.ts';
import { modesUnderTest } from '../../../gpu/modes.ts';
import { failureOf } from './failure-of.ts';

const skipped = modesUnderTest().find(({ mode }) => mode === 'webgpu')?.skipped ?? null;

const COPY = {
  name: 'copy',
  text: 'function (a0) {\nreturn a0[this.thread.x];\n}',
  inputs: 1,
  output: [4],
};

/** The device that gpu.js has opened. */
async function deviceOf({ WebGPUContext: context }: GpuJs): Promise<GPUDevice> {
  if (context === undefined) throw new Error('gpu.js exports no WebGPUContext');
  return (await context.acquire()).device;
}

/** The device has no memory for the next buffer, which is invalid then; how much it has in truth is not known. */
function withoutMemory(device: GPUDevice): void {
  const create = device.createBuffer.bind(device);
  const pop = device.popErrorScope.bind(device);
  vi.spyOn(device, 'createBuffer').mockImplementationOnce((descriptor) => {
    const error = { message: 'no memory is left.' };
    vi.spyOn(device, 'popErrorScope').mockImplementationOnce(async () => pop().then(() => error));
    device.pushErrorScope('validation');
    const buffer = create({ ...descriptor, usage: 0 });
    void pop();
    return buffer;
  });
}

describe.skipIf(skipped !== null)(
  `failures of a WebGPU device${skipped === null ? '' : ` (skipped: ${skipped})`}`,
  () => {
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
      withoutMemory(device);
      const big = engine.upload(new Float32Array(1000).fill(7));
      const after = engine.run(engine.compile({ ...COPY, output: [1000] }), [big]);
      for (const memory of [big, after, big]) {
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

    it('a read for which there is no memory is an error, and the next one reads', async () => {
      const { engine, device } = await engineOn();
      const memory = engine.upload(new Float32Array(4).fill(3));
      withoutMemory(device);
      expect((await failureOf(engine.read(memory))).failure).toBe('out-of-memory');
      expect(await engine.read(memory)).toEqual(new Float32Array(4).fill(3));
      await engine.dispose();
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
  },
);

describe.skipIf(skipped !== null)(
  `failures where gpu.js runs the kernels${skipped === null ? '' : ` (skipped: ${skipped})`}`,
  () => {
    it('a shader that does not compile is an error with kernel and source when values are read', async () => {
      const engine = await QueuedEngine.open(await loadGpuJs());
      const memory = engine.upload(new Float32Array(4));
      const text = 'function (a0) {\nlet i = 0;\nreturn a0[i++];\n}';
      const result = engine.run(engine.compile({ ...COPY, name: 'broken', text }), [memory]);
      const after = engine.run(engine.compile(COPY), [result]);
      for (const each of [result, after, result]) {
        const error = await failureOf(engine.read(each));
        expect([error.failure, error.kernel, error.op]).toEqual([
          'compilation',
          'broken',
          'broken',
        ]);
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
  },
);

describe('failures of a WebGL context', () => {
  /** An engine that computes without WebGL, but heeds a context. */
  async function engineOn(context: object): Promise<HandleEngine> {
    const library = await loadGpuJs();
    const report = { mode: 'cpu', executor: 'gpu.js', adapter: 'test', limits: {} } as const;
    const gpu = new library.GPU({ mode: 'cpu' });
    return new HandleEngine(library, gpu, report, context as WebGL2RenderingContext);
  }

  it('an error voids what was made before it is told', async () => {
    const getError = vi.fn(() => 0);
    const context = {
      NO_ERROR: 0,
      OUT_OF_MEMORY: 0x505,
      getError,
      isContextLost: () => false,
    };
    const engine = await engineOn(context);
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

  it('a lost context is an error of all that comes after', async () => {
    const isContextLost = vi.fn(() => false);
    const engine = await engineOn({ NO_ERROR: 0, getError: () => 0, isContextLost });
    const memory = engine.upload(new Float32Array(4));
    isContextLost.mockReturnValue(true);
    expect((await failureOf(engine.read(memory))).failure).toBe('lost');
    expect(() => engine.run(engine.compile(COPY), [memory])).toThrow('the WebGL context was lost');
    await engine.dispose();
  });
});
