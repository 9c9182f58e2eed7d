// Float64 scratch memory that kernels share and that grows to the largest request.

import { expectMemory } from '../../errors.ts';

/**
 * Float64 memory that kernels share. It grows to the largest request, and its contents do not last from one
 * kernel to the next.
 */
export class Workspace {
  #memory = new Float64Array(0);

  /** Returns at least `size` elements with unspecified contents, valid until the next call. */
  reserve(size: number): Float64Array {
    if (this.#memory.length < size) this.#memory = allocateFloat64(size, 'run');
    return this.#memory;
  }
}

/** Makes a zero-filled array; throws a StateError in the name of `op` if there is no memory. */
export function allocateFloat64(size: number, op: string): Float64Array<ArrayBuffer> {
  return expectMemory(op, 8 * size, () => new Float64Array(size));
}
