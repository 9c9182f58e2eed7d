// Starts the backend of a worker: threads of the processor, or WebGPU where the person chose it.

import { setDefaultBackend, wasmBackend } from '@tessera/tensor';
import { findAdapter } from './adapter.ts';
import type { Device, EngineFacts } from './service.ts';

/**
 * Starts a backend, and makes it that of all tensors. The code for WebGPU is loaded only where it is chosen.
 *
 * @throws DeviceError if WebGPU has no adapter, or computes wrong numbers
 */
export async function startBackend(device: Device): Promise<EngineFacts> {
  const isIsolated = crossOriginIsolated;
  if (device === 'webgpu') {
    const [{ gpuBackend }, adapter] = await Promise.all([
      import('@tessera/tensor/gpu'),
      findAdapter(),
    ]);
    // Measuring forms of products takes longer on a software adapter than the best of them saves.
    const products = adapter?.isSoftware === true ? 'blocked' : 'measured';
    setDefaultBackend(await gpuBackend({ mode: 'webgpu', products }));
    return { device, threads: 1, isIsolated, notice: null };
  }
  const backend = wasmBackend();
  setDefaultBackend(backend);
  return { device, threads: backend.threads, isIsolated, notice: backend.notice };
}
