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
 * A backend whose kernels are compiled by gpu.js. Asking for a mode that is not there is an error:
 * only `'auto'` looks further, and says in `choice` what it found.
 *
 * Values of tensors on WebGPU can only be read asynchronously: `await x.data()`.
 *
 * @throws ValueError if an option is none, is not one of its values, or contradicts another
 * @throws DeviceError if the mode is not there, computes wrong numbers, or cannot do what is asked of it
 * @example
 * const backend = await gpuBackend({ mode: 'cpu' });
 * backend.device.mode; // 'cpu'
 * await backend.dispose();
 */
export function gpuBackend(options: GpuBackendOptions = {}): Promise<GpuBackend> {
  return openGpuBackend(options, cpuReference);
}

/** The cpu backend, and composites as tensors on it say what they mean. */
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
