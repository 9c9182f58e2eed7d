import type { Backend } from './backend.ts';
import { cpuBackend } from './backends/cpu/cpu.ts';

let current: Backend | undefined;

/**
 * The backend on which new tensors are stored.
 *
 * @example
 * defaultBackend().name; // 'cpu'
 */
export function defaultBackend(): Backend {
  current ??= cpuBackend();
  return current;
}

/**
 * Chooses the backend of tensors made from now on. Tensors that exist stay where they are, and
 * operations refuse to mix backends.
 *
 * @example
 * const before = defaultBackend();
 * setDefaultBackend(cpuBackend());
 * zeros([2]).add(1); // [1, 1]: computed by the new backend
 * setDefaultBackend(before);
 */
export function setDefaultBackend(backend: Backend): void {
  current = backend;
}
