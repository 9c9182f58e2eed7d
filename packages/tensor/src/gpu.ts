/**
 * A backend that computes with gpu.js: on WebGPU (browsers, and Node through Dawn) and WebGL 2, and
 * without a GPU in gpu.js's own WebAssembly and JavaScript. gpu.js is an optional peer dependency of
 * this entry: `npm install gpu.js webgpu`.
 *
 * @module @tessera/tensor/gpu
 */
export type { DeviceReport, GpuMode, MemoryUse } from './backends/gpu/engine.ts';
export { DeviceError, type DeviceFailure } from './backends/gpu/errors.ts';
export { gpuBackend, type GpuBackend, type GpuBackendOptions } from './backends/gpu/gpu.ts';
