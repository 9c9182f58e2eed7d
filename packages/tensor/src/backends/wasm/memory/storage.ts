// The elements of a tensor of the wasm backend, in a block of its memory.

import type { Backend, Storage } from '../../backend.ts';
import { lend, settle, type Loan } from '../../collector.ts';
import { BYTES_PER_ELEMENT, type DType, type TypedArray } from '../../../array/dtype.ts';
import { DISPOSED, DONATED, StateError } from '../../../errors.ts';
import type { Block, Heap } from './heap.ts';

/** The elements of a tensor in the memory of a backend. */
export class WasmStorage implements Storage {
  readonly backend: Backend;
  readonly dtype: DType;
  readonly size: number;
  readonly #heap: Heap;
  #block: Block | null;
  readonly #loan: Loan;
  /** Why the elements are gone; empty while they are there. */
  #loss = '';

  constructor(backend: Backend, heap: Heap, dtype: DType, size: number, block: Block) {
    this.backend = backend;
    this.dtype = dtype;
    this.size = size;
    this.#heap = heap;
    this.#block = block;
    this.#loan = lend(this, releaserOf(heap, block));
  }

  /**
   * Address of the first element.
   *
   * @throws StateError if the storage was donated or disposed.
   */
  address(op: string): number {
    return this.#held(op).address;
  }

  /** A view of the elements where they lie in memory. It is valid until the memory grows. */
  view(op: string): TypedArray {
    return viewMemory(this.#heap.memory, this.address(op), this.dtype, this.size);
  }

  /** A new handle of the elements. This one gives them up. */
  transfer(op: string): WasmStorage {
    const block = this.#held(op);
    this.#drop(DONATED);
    return new WasmStorage(this.backend, this.#heap, this.dtype, this.size, block);
  }

  /** Gives the memory back. Does nothing if it is gone already. */
  release(loss: string = DISPOSED): void {
    if (this.#block === null) return;
    this.#heap.release(this.#block);
    this.#drop(loss);
  }

  #held(op: string): Block {
    if (this.#block === null) throw new StateError(op, this.#loss);
    return this.#block;
  }

  #drop(loss: string): void {
    settle(this.#loan);
    this.#block = null;
    this.#loss = loss;
  }
}

/**
 * The function that gives back the block of a dropped storage. It is made outside of the storage: a closure
 * made inside would share the scope of the storage, and so keep it from being collected.
 */
function releaserOf(heap: Heap, block: Block): () => void {
  return () => {
    heap.release(block);
  };
}

/** A view of the elements at an address of a memory. */
export function viewMemory(
  { buffer }: WebAssembly.Memory,
  address: number,
  dtype: DType,
  size: number,
): TypedArray {
  if (dtype === 'float32') return new Float32Array(buffer, address, size);
  if (dtype === 'int32') return new Int32Array(buffer, address, size);
  return new Uint8Array(buffer, address, size);
}

/** Bytes of the elements of a tensor. */
export function bytesOf(dtype: DType, size: number): number {
  return size * BYTES_PER_ELEMENT[dtype];
}
