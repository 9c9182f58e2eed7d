import type { Backend } from './backend.ts';
import { cpuBackend } from './backends/cpu/cpu.ts';

let current: Backend | undefined;

/** The backend on which new tensors are stored. */
export function defaultBackend(): Backend {
  current ??= cpuBackend();
  return current;
}

/**
 * Chooses the backend of tensors made from now on. Tensors that exist stay where they are, and
 * operations refuse to mix backends.
 */
export function setDefaultBackend(backend: Backend): void {
  current = backend;
}
