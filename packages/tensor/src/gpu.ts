// The public names of the gpu backend, which computes with gpu.js (@tessera/tensor/gpu).

/**
 * A backend that computes with gpu.js: on WebGPU (browsers, and Node through Dawn) and WebGL 2, and
 * without a GPU in gpu.js's own WebAssembly and JavaScript. gpu.js is an optional peer dependency of
 * this entry: `npm install gpu.js webgpu`.
 *
 * @module @tessera/tensor/gpu
 */
import { cpuBackend } from './backends/cpu/cpu.ts';
import { openGpuBackend, type GpuBackend } from './backends/gpu/gpu.ts';
import type { GpuBackendOptions } from './backends/gpu/start/options.ts';
import type { Reference } from './backends/gpu/run/verify.ts';
import { definitionOf } from './composites/composite.ts';
import { contiguousStorage } from './eager.ts';
import { Tensor } from './tensor.ts';

export type { MemoryUse } from './backends/gpu/device/engine.ts';
export type {
  CompositeForm,
  DeviceReport,
  Executor,
  GpuMode,
  ProductForm,
  Tuning,
} from './backends/gpu/device/report.ts';
export { DeviceError, type DeviceFailure, type Reproducer } from './backends/gpu/device/errors.ts';
export type { GpuBackend } from './backends/gpu/gpu.ts';
export type { GpuBackendOptions } from './backends/gpu/start/options.ts';
export type { Shader } from './backends/gpu/device/shader.ts';

/**
 * Opens a backend whose kernels gpu.js compiles. If the requested mode is not available, this is an error.
 * Only `'auto'` tries other modes; `choice` then says what it found.
 *
 * Values of tensors on WebGPU can only be read asynchronously: `await x.data()`.
 *
 * @throws ValueError if an option is unknown, has an unknown value, or contradicts another option
 * @throws DeviceError if the mode is not available, computes wrong numbers, or cannot do what was asked for
 * @example
 * const backend = await gpuBackend({ mode: 'cpu' });
 * backend.device.mode; // 'cpu'
 * await backend.dispose();
 */
export function gpuBackend(options: GpuBackendOptions = {}): Promise<GpuBackend> {
  return openGpuBackend(options, cpuReference);
}

/** The cpu backend as the reference. Composites are computed by their definition, with tensors on it. */
function cpuReference(): Reference {
  const backend = cpuBackend();
  return {
    backend,
    define: (composite, params, operands) => {
      const tensors = operands.map(({ storage, view }) => {
        const { dtype } = storage;
        return new Tensor({ shape: view.shape, dtype }, { kind: 'stored', storage, view });
      });
      const results = definitionOf(composite).decompose(tensors, params);
      return results.map((y) => contiguousStorage(y, backend));
    },
  };
}
