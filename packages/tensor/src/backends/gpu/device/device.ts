// Opens a WebGPU device, in browsers and through Dawn in Node, and reports its limits.

import { messageOf } from '../../../errors.ts';
import type { DeviceReport, Executor, GpuMode } from './report.ts';
import { DeviceError } from './errors.ts';

/** Limits that bound tensors and kernels. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
] as const;

/** A WebGPU device and the report of its adapter. */
export interface OpenDevice {
  readonly device: GPUDevice;
  readonly report: DeviceReport;
}

/** Says what WebGPU needs, for the errors where no device is found. */
const REQUIREMENTS =
  'In Node: npm install webgpu@0.4.0, and a Vulkan, Metal or D3D12 driver (a software one is ' +
  'SwiftShader: set VK_DRIVER_FILES to its icd.json). In Chromium without a GPU: ' +
  '--enable-unsafe-webgpu --use-webgpu-adapter=swiftshader. Or pass mode: "auto".';

/**
 * Asks for a WebGPU device with the highest limits of the adapter. In Node it first loads Dawn.
 *
 * @throws DeviceError if WebGPU is not available, or no adapter answers
 */
export async function openDevice(): Promise<OpenDevice> {
  const gpu = await webGpu();
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) {
    throw new DeviceError(
      'gpuBackend',
      'unavailable',
      `WebGPU is there, but no adapter answers. ${REQUIREMENTS}`,
    );
  }
  try {
    const device = await adapter.requestDevice({ requiredLimits: limitsOf(adapter) });
    return { device, report: reportOf(adapter, device, 'own') };
  } catch (error) {
    throw noDevice(error);
  }
}

/** The error for a request for an adapter or a device that was refused. */
export function noDevice(error: unknown): DeviceError {
  return new DeviceError(
    'gpuBackend',
    'unavailable',
    `WebGPU is there, but gives no device (${messageOf(error)}). ${REQUIREMENTS}`,
    { cause: error },
  );
}

/** The report of a device: the limits that it was opened with, and the name of its adapter. */
export function reportOf(adapter: GPUAdapter, device: GPUDevice, executor: Executor): DeviceReport {
  return { mode: 'webgpu', executor, adapter: adapterName(adapter), limits: limitsOf(device) };
}

function limitsOf({ limits }: GPUAdapter | GPUDevice): Record<string, number> {
  return Object.fromEntries(LIMITS.map((name) => [name, limits[name]]));
}

/**
 * Throws if a result is too large for any buffer of a device.
 *
 * @param op The kernel that would write the result.
 * @param adapter The adapter's name.
 */
export function checkBufferSize(
  op: string,
  bytes: number,
  { maxStorageBufferBindingSize, maxBufferSize }: GPUSupportedLimits,
  adapter: string,
): void {
  const most = Math.min(maxStorageBufferBindingSize, maxBufferSize);
  if (bytes <= most) return;
  throw new DeviceError(
    op,
    'out-of-memory',
    `the result takes ${bytes} bytes, but a buffer of ${adapter} holds at most ${most}. ` +
      'Use smaller batches or parts.',
    { kernel: op },
  );
}

/**
 * Returns the browser's WebGPU, or Dawn's, which gpu.js then also finds as `navigator.gpu`.
 *
 * @throws DeviceError if there is no WebGPU
 */
export async function webGpu(): Promise<GPU> {
  const known = globalThis.navigator as Navigator | undefined;
  if (known?.gpu !== undefined) return known.gpu;
  if (!isNode()) {
    throw new DeviceError(
      'gpuBackend',
      'unavailable',
      `this browser has no WebGPU (or the page is not served from a secure context). ${REQUIREMENTS}`,
    );
  }
  let dawn: { create(flags: readonly string[]): GPU; readonly globals: object };
  try {
    // The name is in a variable, so that bundlers for browsers leave the native module out.
    const name = 'webgpu';
    dawn = (await import(/* @vite-ignore */ name)) as typeof dawn;
  } catch (error) {
    throw new DeviceError(
      'gpuBackend',
      'unavailable',
      `Dawn cannot be loaded (${messageOf(error).split('\n')[0]}). ${REQUIREMENTS}`,
      { cause: error },
    );
  }
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create([]);
  // Node 20 has no navigator; Node 21 and later have one that can be extended.
  if (known === undefined) {
    Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  } else {
    Object.defineProperty(known, 'gpu', { value: gpu, configurable: true });
  }
  return gpu;
}

function isNode(): boolean {
  const { process } = globalThis as {
    process?: { readonly versions?: { readonly node?: string } };
  };
  return process?.versions?.node !== undefined;
}

function adapterName({ info }: GPUAdapter): string {
  const words = [info.vendor, info.architecture, info.device, info.description];
  const named = [...new Set(words.filter((word) => word !== ''))].join(' ');
  return named === '' ? 'an adapter without a name' : named;
}

/** The report of a mode that has no adapter of its own. */
export function plainReport(
  mode: GpuMode,
  adapter: string,
  limits: DeviceReport['limits'] = {},
): DeviceReport {
  return { mode, executor: 'gpu.js', adapter, limits };
}
