/** The modes of the gpu backend that a machine without a GPU can run in Node. */
import { existsSync } from 'node:fs';
import { gpuBackend, type Executor, type GpuBackend, type GpuMode } from '@tessera/tensor/gpu';

/** Where Debian's chromium keeps the description of its software driver for Vulkan. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** A mode under test, or why it is not tested here. */
export interface ModeUnderTest {
  /** The mode, and what else tells it from others. */
  readonly name: string;
  readonly mode: GpuMode;
  readonly executor: Executor;
  /** Why it is skipped; `null` if it is not. */
  readonly skipped: string | null;
  readonly make: () => Promise<GpuBackend>;
}

/**
 * WebGPU on the driver that `VK_DRIVER_FILES` names, or on Chromium's SwiftShader, with both executors,
 * and gpu.js's two modes without a GPU. WebGL 2 is tested in a browser.
 *
 * @throws Error with `CI` set, instead of skipping WebGPU
 */
export function modesUnderTest(): ModeUnderTest[] {
  const skipped = webGpuSkipped();
  return [
    {
      name: 'webgpu',
      mode: 'webgpu',
      executor: 'own',
      skipped,
      make: () =>
        gpuBackend({ mode: 'webgpu', executor: 'own', products: 'tiled', composites: 'fused' }),
    },
    {
      name: 'webgpu through the public API',
      mode: 'webgpu',
      executor: 'gpu.js',
      skipped,
      make: () => gpuBackend({ mode: 'webgpu', executor: 'gpu.js' }),
    },
    ...(['webasm', 'cpu'] as const).map((mode): ModeUnderTest => ({
      name: mode,
      mode,
      executor: 'gpu.js',
      skipped: null,
      make: () => gpuBackend({ mode }),
    })),
  ];
}

/** Why WebGPU cannot be tested here; `null` if it can, on a driver that is named in the environment. */
export function webGpuSkipped(): string | null {
  const { CI = '', VK_DRIVER_FILES = '' } = process.env;
  if (VK_DRIVER_FILES !== '') return null;
  if (existsSync(SWIFTSHADER)) {
    process.env['VK_DRIVER_FILES'] = SWIFTSHADER;
    process.env['VK_ICD_FILENAMES'] = SWIFTSHADER;
    process.env['XDG_RUNTIME_DIR'] ??= '/tmp';
    return null;
  }
  const reason = `no Vulkan driver: set VK_DRIVER_FILES, or install chromium, which brings ${SWIFTSHADER}`;
  if (CI !== '' && CI !== 'false')
    throw new Error(`${reason}. With CI set, its tests may not be skipped.`);
  return reason;
}
