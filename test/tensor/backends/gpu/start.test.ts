import { DeviceError } from '@tessera/tensor/gpu';
import { expect, it, vi } from 'vitest';
import { loadGpuJs } from '../../../../packages/tensor/src/backends/gpu/device/gpu-js.ts';
import { startEngine } from '../../../../packages/tensor/src/backends/gpu/start/probe.ts';
import { WebGpuEngine } from '../../../../packages/tensor/src/backends/gpu/engines/webgpu-engine.ts';
import { webGpuSkipped } from '../../../gpu/modes.ts';

const skipped = webGpuSkipped();

it.skipIf(skipped !== null)(
  `what fails at the start is no mode, though it does not end well either${skipped === null ? '' : ` (skipped: ${skipped})`}`,
  async () => {
    const read = vi.spyOn(WebGpuEngine.prototype, 'read').mockRejectedValue(new Error('no read'));
    const end = vi.spyOn(WebGpuEngine.prototype, 'dispose').mockRejectedValue(new Error('no end'));
    const options = { mode: 'webgpu', products: 'plain', composites: 'decomposed' } as const;
    const started = startEngine(await loadGpuJs(), options);
    await expect(started).rejects.toBeInstanceOf(DeviceError);
    await expect(started).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DeviceError: gpuBackend: mode webgpu cannot be started: no read. Pass another mode.]`,
    );
    await expect(started).rejects.toMatchObject({ cause: new Error('no read') });
    read.mockRestore();
    const [engine] = end.mock.contexts as WebGpuEngine[];
    end.mockRestore();
    await engine.dispose();
  },
);
