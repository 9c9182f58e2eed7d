import type { Backend, Storage } from '../../backend.ts';
import type { DType, TypedArray } from '../../dtype.ts';
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

  /**
   * A new handle of the elements, which this one gives up. Its array will be written to, so it is a
   * copy if somebody outside may hold this one.
   */
  transfer(op: string): CpuStorage {
    const elements = this.elements(op);
    this.#drop(DONATED);
    const kept = this.#shared ? elements.slice() : elements;
    return new CpuStorage(this.backend, this.dtype, kept, false);
  }

  /** Gives up the elements; nothing happens if they are gone. */
  release(): void {
    if (this.#elements === null) return;
    this.#drop(DISPOSED);
  }

  #drop(loss: string): void {
    this.#elements = null;
    this.#loss = loss;
  }
}
