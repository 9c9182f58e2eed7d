import { compile, defaultBackend, setDefaultBackend, tensor, type Tensor } from '@tessera/tensor';
import { DeviceError, gpuBackend, type GpuBackend } from '@tessera/tensor/gpu';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { withoutInternal } from '../tensor/backends/gpu/other-gpu-js.ts';
import { trainSmallDiT } from './dit-training.ts';
import { webGpuSkipped } from './modes.ts';

vi.setConfig({ testTimeout: 120_000 });

const skipped = webGpuSkipped();

const before = defaultBackend();
const opened: GpuBackend[] = [];

afterEach(async () => {
  setDefaultBackend(before);
  vi.doUnmock('gpu.js');
  await Promise.all(opened.splice(0).map((backend) => backend.dispose()));
});

async function use(options: Parameters<typeof gpuBackend>[0]): Promise<GpuBackend> {
  const backend = await gpuBackend({ mode: 'webgpu', ...options });
  opened.push(backend);
  setDefaultBackend(backend);
  return backend;
}

/** The device that all of gpu.js shares. */
async function sharedDevice(): Promise<GPUDevice> {
  const { WebGPUContext } = (await import('gpu.js')) as unknown as {
    WebGPUContext: { acquire(): Promise<{ device: GPUDevice }> };
  };
  return (await WebGPUContext.acquire()).device;
}

/** Makes gpu.js look like a version without one of the internals that the executor needs. */
function hideInternal(internal: string): void {
  vi.doMock('gpu.js', async (original) => {
    const real = await original<{ default: Parameters<typeof withoutInternal>[0] }>();
    return { ...withoutInternal(real.default, internal) };
  });
}

describe.skipIf(skipped !== null)(
  `webgpu through the public API${skipped === null ? '' : ` (skipped: ${skipped})`}`,
  () => {
    it('is what a gpu.js without the internals gets, and it says so', async () => {
      hideInternal('compiledSource');
      const backend = await use({});
      expect(backend.device).toMatchObject({ mode: 'webgpu', executor: 'gpu.js' });
      expect(backend.device.products).toBeUndefined();
      expect(backend.choice).toMatchInlineSnapshot(`
        "mode webgpu was asked for.
        gpu.js runs the kernels itself, which is slower: this version of gpu.js has other internals than the backend's own executor needs (kernel.compiledSource is not the WGSL). Install gpu.js@2.24.1."
      `);
      const f = compile((x: Tensor) => x.matmul(x.transpose()).exp().sum());
      const x = tensor([0.5, 0.25, 0, 1], { shape: [2, 2] });
      // Σ exp of [[0.3125, 0.25], [0.25, 1]], whose float32 has seven digits.
      expect(await f(x).item()).toBeCloseTo(Math.exp(0.3125) + 2 * Math.exp(0.25) + Math.E, 5);
    });

    it('is no answer to whoever insists on the own executor', async () => {
      hideInternal('_buildAsync');
      await expect(
        gpuBackend({ mode: 'webgpu', executor: 'own' }),
      ).rejects.toThrowErrorMatchingInlineSnapshot(
        `[DeviceError: gpuBackend: executor: 'own' needs the backend's own executor on WebGPU, but this version of gpu.js has other internals than the backend's own executor needs (kernel._buildAsync is no method). Install gpu.js@2.24.1, leave executor out, or pass 'gpu.js'.]`,
      );
      // Under auto, the other modes are not asked in vain.
      await expect(gpuBackend({ composites: 'fused' })).rejects.toThrowErrorMatchingInlineSnapshot(
        `[DeviceError: gpuBackend: with composites: 'fused', mode auto tries only webgpu. webgpu: gpuBackend: composites: 'fused' needs the backend's own executor on WebGPU, but this version of gpu.js has other internals than the backend's own executor needs (kernel._buildAsync is no method). Install gpu.js@2.24.1, leave composites out, or pass 'decomposed'.]`,
      );
    });

    it('keeps weights on the device between steps', async () => {
      await use({ executor: 'gpu.js' });
      const device = await sharedDevice();
      const write = vi.spyOn(device.queue, 'writeBuffer');
      const size = 64;
      const step = compile((w: Tensor, x: Tensor) => w.sub(x.matmul(w).mul(0.01)), { donate: [0] });
      const x = tensor(new Float32Array(size * size).fill(0.1), { shape: [size, size] });
      let w = tensor(new Float32Array(size * size).fill(1), { shape: [size, size] });
      for (let i = 0; i < 5; i++) w = step(w, x);
      await w.data();
      write.mockClear();
      const steps = 20;
      for (let i = 0; i < steps; i++) w = step(w, x);
      await w.data();
      // What is written to the device is the uniform block of each kernel, no array.
      const largest = Math.max(...write.mock.calls.map(([, , data]) => data.byteLength));
      expect(write.mock.calls.length).toBeGreaterThanOrEqual(steps);
      expect(largest).toBeLessThan(size * size);
    });

    it('trains a DiT without a growing number of buffers of the device', async () => {
      const backend = await use({ executor: 'gpu.js' });
      const device = await sharedDevice();
      const alive = new Set<GPUBuffer>();
      const createBuffer = device.createBuffer.bind(device);
      vi.spyOn(device, 'createBuffer').mockImplementation((descriptor) => {
        const buffer = createBuffer(descriptor);
        const destroy = buffer.destroy.bind(buffer);
        alive.add(buffer);
        buffer.destroy = () => {
          alive.delete(buffer);
          destroy();
          return undefined;
        };
        return buffer;
      });
      const counts: number[] = [];
      await trainSmallDiT(backend, 30, () => {
        counts.push(alive.size);
      });
      // The first steps compile, and a kernel keeps the buffer of its last result.
      expect(Math.max(...counts.slice(10))).toBe(Math.max(...counts.slice(10, 20)));
    });

    it('refuses results that no buffer holds', async () => {
      await use({ executor: 'gpu.js' });
      const x = tensor([1]).expand([2 ** 15, 2 ** 15]);
      expect(() => x.add(1)).toThrow(DeviceError);
      expect(await tensor([1]).add(1).item()).toBe(2);
    });

    it('leaves the device of gpu.js to whoever still uses it', async () => {
      const first = await gpuBackend({ mode: 'webgpu', executor: 'gpu.js' });
      await use({ executor: 'gpu.js' });
      const x = tensor([1, 2]);
      await first.dispose();
      expect(await x.add(1).toArray()).toEqual([2, 3]);
    });
  },
);
