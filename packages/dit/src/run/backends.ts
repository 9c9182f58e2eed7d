// The backends that a run can compute on, loaded when asked for.

import { cpuBackend, setDefaultBackend, wasmBackend, type Backend } from '@tessera/tensor';
import type { BackendName } from '../config/choices.ts';

/** A backend for as long as a run takes. */
interface OpenBackend {
  readonly backend: Backend;
  /** What it computes on, if there is a choice. */
  readonly notice?: string;
  /** Frees what would keep the process alive. */
  readonly close?: () => Promise<void>;
}

const BACKEND_FACTORIES: Readonly<Record<BackendName, () => Promise<OpenBackend>>> = {
  cpu: () => Promise.resolve({ backend: cpuBackend() }),
  wasm: () => {
    const backend = wasmBackend();
    return Promise.resolve({
      backend,
      notice: `Computing in WebAssembly on ${backend.threads} ${backend.threads === 1 ? 'thread' : 'threads'}.`,
      close: () => {
        backend.stopThreads();
        return Promise.resolve();
      },
    });
  },
  gpu: async () => {
    const { gpuBackend } = await import('@tessera/tensor/gpu');
    const backend = await gpuBackend();
    const { mode, adapter } = backend.device;
    return {
      backend,
      notice: `Computing on ${mode}, ${adapter}: ${backend.choice}`,
      close: () => backend.dispose(),
    };
  },
};

/**
 * Does work with a backend as the default one, and puts things back afterwards.
 *
 * @param name The backend.
 * @param work What to do. It gets what to tell of the backend, once all else is known to be right.
 * @throws DeviceError if the backend is not there
 */
export async function withBackend<T>(
  name: BackendName,
  work: (notice: string | undefined) => Promise<T>,
): Promise<T> {
  const { backend, notice, close } = await BACKEND_FACTORIES[name]();
  const before = setDefaultBackend(backend);
  try {
    return await work(notice);
  } finally {
    setDefaultBackend(before);
    await close?.();
  }
}
