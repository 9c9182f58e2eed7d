// The elements of a tensor of the cpu backend, in a typed array.

import type { Backend, Storage } from '../backend.ts';
import type { DType, TypedArray } from '../../array/dtype.ts';
import { DISPOSED, DONATED, StateError } from '../../errors.ts';

/** The elements of a tensor in a typed array. */
export class CpuStorage implements Storage {
  readonly backend: Backend;
  readonly dtype: DType;
  readonly size: number;
  #elements: TypedArray | null;
  /** Whether code outside of the backend may hold the array. */
  #shared: boolean;
  /** Why the elements are gone. */
  #loss = '';

  constructor(backend: Backend, dtype: DType, elements: TypedArray, shared: boolean) {
    this.backend = backend;
    this.dtype = dtype;
    this.size = elements.length;
    this.#elements = elements;
    this.#shared = shared;
  }

  /**
   * The array itself, for kernels.
   *
   * @throws StateError if the storage was donated or disposed.
   */
  elements(op: string): TypedArray {
    if (this.#elements === null) throw new StateError(op, this.#loss);
    return this.#elements;
  }

  /** The array, for a reader who may keep it. */
  share(op: string): TypedArray {
    const elements = this.elements(op);
    this.#shared = true;
    return elements;
  }

  /** The storage itself; a copy if code outside of the backend may hold the array. */
  writable(op: string): CpuStorage {
    const elements = this.elements(op);
    return this.#shared ? new CpuStorage(this.backend, this.dtype, elements.slice(), false) : this;
  }

  /**
   * Moves the elements to a new handle; this one loses them. It moves a copy if code outside may hold them.
   */
  transfer(op: string): CpuStorage {
    const writable = this.writable(op);
    const moved = new CpuStorage(this.backend, this.dtype, writable.elements(op), false);
    this.release(DONATED);
    return moved;
  }

  /** Gives up the elements; does nothing if they are gone already. */
  release(loss: string = DISPOSED): void {
    if (this.#elements === null) return;
    this.#elements = null;
    this.#loss = loss;
  }
}
