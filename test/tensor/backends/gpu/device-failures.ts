import { DeviceError } from '@tessera/tensor/gpu';
import { expect, vi } from 'vitest';
import type { GpuJs } from '../../../../packages/tensor/src/backends/gpu/device/gpu-js.ts';
import { webGpuSkipped } from '../../../gpu/modes.ts';

/** Why there is no WebGPU to fail, or `null`. */
export const skipped = webGpuSkipped();

/** What to say of it behind the name of a test. */
export const skipReason = skipped === null ? '' : ` (skipped: ${skipped})`;

/** A kernel that copies four floats. */
export const COPY = {
  name: 'copy',
  text: 'function (a0) {\nreturn a0[this.thread.x];\n}',
  inputs: 1,
  output: [4],
};

/** What a promise is rejected with, which must be a DeviceError. */
export async function failureOf(work: Promise<unknown>): Promise<DeviceError> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DeviceError);
  return error as DeviceError;
}

/** The device that gpu.js has opened. */
export async function deviceOf({ WebGPUContext: context }: GpuJs): Promise<GPUDevice> {
  if (context === undefined) throw new Error('gpu.js exports no WebGPUContext');
  return (await context.acquire()).device;
}

/**
 * The device has no memory for a buffer, which is invalid then; how much it has in truth is not known.
 *
 * @param nth Which buffer from now on; default the next.
 */
export function withoutMemory(device: GPUDevice, nth = 1): void {
  const original = {
    createBuffer: device.createBuffer.bind(device),
    pushErrorScope: device.pushErrorScope.bind(device),
    popErrorScope: device.popErrorScope.bind(device),
  };
  const scopes: GPUErrorFilter[] = [];
  /** How deep the scope lies that catches it. */
  let depth: number | null = null;
  const push = vi.spyOn(device, 'pushErrorScope').mockImplementation((filter) => {
    scopes.push(filter);
    original.pushErrorScope(filter);
  });
  const pop = vi.spyOn(device, 'popErrorScope').mockImplementation(async () => {
    scopes.pop();
    const error = original.popErrorScope();
    if (scopes.length !== depth) return error;
    push.mockRestore();
    pop.mockRestore();
    await error;
    return { message: 'no memory is left.' };
  });
  let count = 0;
  const create = vi.spyOn(device, 'createBuffer').mockImplementation((descriptor) => {
    if (++count < nth) return original.createBuffer(descriptor);
    create.mockRestore();
    depth = scopes.lastIndexOf('out-of-memory');
    original.pushErrorScope('validation');
    const buffer = original.createBuffer({ ...descriptor, usage: 0 });
    void original.popErrorScope();
    return buffer;
  });
}
