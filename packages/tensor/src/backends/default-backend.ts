// Decides where new tensors are stored: wasm, cpu where WebAssembly is missing, or what you chose.

import { kindOf } from '../arguments.ts';
import type { Backend } from './backend.ts';
import { cpuBackend } from './cpu/cpu.ts';
import { warn } from './wasm/host/platform.ts';
import { hasWasmSimd } from './wasm/host/target.ts';
import { wasmBackend } from './wasm/wasm.ts';
import { StateError, ValueError } from '../errors.ts';

let current: Backend | null = null;

/**
 * The backend on which new tensors are stored: `wasm`, or `cpu` if the engine has no WebAssembly SIMD or no
 * memory for it, unless {@link setDefaultBackend} chose another.
 *
 * @example
 * ['wasm', 'cpu'].includes(defaultBackend().name); // true
 */
export function defaultBackend(): Backend {
  current ??= (hasWasmSimd() ? tryWasm() : null) ?? cpuBackend();
  return current;
}

/**
 * Makes the wasm backend; `null`, with a notice, if the engine has no memory for it, as under `ulimit -v`.
 */
function tryWasm(): Backend | null {
  try {
    return wasmBackend();
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    warn(`${error.message} The default backend is cpu instead, which is slower.`);
    return null;
  }
}

/**
 * Chooses the backend of tensors that are made from now on. Existing tensors stay where they are, and an
 * operation on tensors of several backends throws.
 *
 * @param backend The backend, or `null` for the default, which {@link defaultBackend} makes at its first use.
 * @throws ValueError if `backend` is not a backend.
 * @returns the previous choice, which can be set again later; `null` if there was no choice and no use yet
 * @example
 * const before = setDefaultBackend(cpuBackend());
 * zeros([2]).add(1); // [1, 1]: computed by the new backend
 * setDefaultBackend(before);
 */
export function setDefaultBackend(backend: Backend | null): Backend | null {
  if (backend !== null && typeof (backend as Backend | undefined)?.prepare !== 'function') {
    throw new ValueError(
      'setDefaultBackend',
      `takes a backend, but got ${kindOf(backend)}. Make one, e.g. with cpuBackend().`,
    );
  }
  const before = current;
  current = backend;
  return before;
}
