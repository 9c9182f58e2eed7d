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
  /** Whether somebody outside may hold the array. */
  #shared: boolean;
  /** What became of the elements, once they are gone. */
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

  /** Itself, or a copy if somebody outside may hold the array. */
  writable(op: string): CpuStorage {
    const elements = this.elements(op);
    return this.#shared ? new CpuStorage(this.backend, this.dtype, elements.slice(), false) : this;
  }

  /** A new handle of the elements, which this one gives up; of a copy if somebody outside may hold them. */
  transfer(op: string): CpuStorage {
    const writable = this.writable(op);
    const moved = new CpuStorage(this.backend, this.dtype, writable.elements(op), false);
    this.release(DONATED);
    return moved;
  }

  /** Gives up the elements; nothing happens if they are gone. */
  release(loss: string = DISPOSED): void {
    if (this.#elements === null) return;
    this.#elements = null;
    this.#loss = loss;
  }
}
