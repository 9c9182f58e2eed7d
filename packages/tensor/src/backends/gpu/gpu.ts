import type { Backend } from '../../backend.ts';
import { StateError } from '../../errors.ts';
import type { DeviceReport, Engine, GpuMode, MemoryUse } from './engine.ts';
import { DeviceError } from './errors.ts';
import { own, prepare } from './executor.ts';
import { loadGpuJs } from './gpu-js.ts';
import { startEngine } from './probe.ts';
import { decodeElements, encodeElements, GpuStorage } from './storage.ts';

/** Options of {@link gpuBackend}. */
export interface GpuBackendOptions {
  /**
   * Where kernels run. `'webgpu'` and `'webgl2'` are GPUs, `'webasm'` and `'cpu'` are gpu.js without
   * one; `'auto'` takes the first of these that works. Default `'auto'`.
   */
  readonly mode?: GpuMode | 'auto';
}

/** A backend that runs the kernels of gpu.js. */
export interface GpuBackend extends Backend {
  /** What really runs. */
  readonly device: DeviceReport;
  /** Why this mode was chosen: the modes that were tried before, and what they lack. */
  readonly choice: string;
  /** Memory of the device that the backend holds, in use or ready for use again. */
  memoryUse(): MemoryUse;
  /** Frees the device, so that the process can exit; tensors of the backend are lost. */
  dispose(): Promise<void>;
}

/** In the order in which `'auto'` tries them. */
const MODES: readonly GpuMode[] = ['webgpu', 'webgl2', 'webasm', 'cpu'];

/**
 * A backend whose kernels are compiled by gpu.js. Asking for a mode that is not there is an error:
 * only `'auto'` looks further, and says in `choice` what it found.
 *
 * Values of tensors on WebGPU can only be read asynchronously: `await x.data()`.
 *
 * @throws DeviceError if the mode is not there or computes wrong numbers
 * @example
 * const backend = await gpuBackend({ mode: 'cpu' });
 * backend.device.mode; // 'cpu'
 * await backend.dispose();
 */
export async function gpuBackend(options: GpuBackendOptions = {}): Promise<GpuBackend> {
  const { mode = 'auto' } = options;
  if (mode !== 'auto' && !MODES.includes(mode)) {
    throw new DeviceError(
      'gpuBackend',
      'unavailable',
      `there is no mode '${String(mode)}'. Use ${MODES.join(', ')} or auto.`,
    );
  }
  const library = await loadGpuJs();
  const failures: string[] = [];
  for (const candidate of mode === 'auto' ? MODES : [mode]) {
    try {
      const engine = await startEngine(library, candidate);
      return createBackend(engine, describeChoice(candidate, mode, failures));
    } catch (error) {
      if (!(error instanceof DeviceError) || mode !== 'auto') throw error;
      failures.push(`${candidate}: ${error.message}`);
    }
  }
  throw new DeviceError('gpuBackend', 'unavailable', `no mode works. ${failures.join(' ')}`);
}

function describeChoice(chosen: GpuMode, asked: string, failures: readonly string[]): string {
  if (asked !== 'auto') return `mode ${chosen} was asked for.`;
  if (failures.length === 0) return `mode ${chosen} is the first of ${MODES.join(', ')}.`;
  return [`mode ${chosen} is the first that works.`, ...failures].join('\n');
}

function createBackend(engine: Engine, choice: string): GpuBackend {
  let isDisposed = false;
  const backend: GpuBackend = {
    name: 'gpu',
    device: engine.report,
    choice,
    composites: new Set(),
    allocate: (dtype, size) => new GpuStorage(backend, engine, dtype, size, null),
    store: (array, dtype) =>
      new GpuStorage(backend, engine, dtype, array.length, engine.upload(encodeElements(array))),
    read: async (storage) => {
      const { dtype, size } = storage;
      const floats = await engine.read(own(backend, storage, 'data').memory('data'));
      return decodeElements(floats, dtype, size);
    },
    readSync: (storage) => {
      const { dtype, size } = storage;
      const floats = engine.readSync(own(backend, storage, 'data').memory('data'));
      return decodeElements(floats, dtype, size);
    },
    transfer: (storage, op) => own(backend, storage, op).transfer(op),
    release: (storage) => {
      own(backend, storage, 'dispose').release();
    },
    prepare: (plan, constants) => {
      if (isDisposed) {
        throw new StateError(
          'prepare',
          'the backend was disposed. Make a new one with gpuBackend().',
        );
      }
      return prepare(backend, engine, plan, constants);
    },
    memoryUse: () => engine.use(),
    dispose: async () => {
      if (isDisposed) return;
      isDisposed = true;
      await engine.dispose();
    },
  };
  return backend;
}
