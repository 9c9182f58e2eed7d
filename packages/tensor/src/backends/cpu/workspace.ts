/**
 * Float64 memory that kernels share: it grows to the largest request and holds nothing from one
 * kernel to the next.
 */
export class Workspace {
  #memory = new Float64Array(0);

  /** At least `size` elements with unspecified contents, valid until the next call. */
  reserve(size: number): Float64Array {
    if (this.#memory.length < size) this.#memory = new Float64Array(size);
    return this.#memory;
  }
}
