import { expect, it, vi } from 'vitest';
import { openDevice } from '../../../../packages/tensor/src/backends/gpu/device/device.ts';
import { loadGpuJs } from '../../../../packages/tensor/src/backends/gpu/device/gpu-js.ts';
import { WebGpuEngine } from '../../../../packages/tensor/src/backends/gpu/engines/webgpu-engine.ts';
import { webGpuSkipped } from '../../../gpu/modes.ts';

const skipped = webGpuSkipped();

it.skipIf(skipped !== null)(
  `WebGPU moves what is read, and no more${skipped === null ? '' : ` (skipped: ${skipped})`}`,
  async () => {
    const { device, report } = await openDevice();
    const engine = new WebGpuEngine(device, await loadGpuJs(), report);
    const memory = engine.upload(Float32Array.from({ length: 100_000 }, (_, i) => i));
    const create = vi.spyOn(device, 'createBuffer');
    const read = async (begin: number, end: number): Promise<number[]> => [
      ...(await engine.read(memory, [{ begin, end }])),
    ];
    expect(await read(5, 8)).toEqual([5, 6, 7]);
    expect(await read(99_999, 100_000)).toEqual([99_999]);
    expect(await read(100_000, 100_000)).toEqual([]);
    const [ones, twos] = [
      { begin: 1, end: 3 },
      { begin: 50_001, end: 50_003 },
    ];
    expect([...(await engine.read(memory, [ones, twos]))]).toEqual([1, 2, 50_001, 50_002]);
    expect(Math.max(...create.mock.calls.map(([{ size }]) => size))).toBeLessThan(1000);
    expect(await engine.read(memory)).toHaveLength(100_000);
    await engine.dispose();
  },
);
