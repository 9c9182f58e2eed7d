// The elements of a tensor on a device, and their form as floats.

import type { Backend, Storage } from '../../backend.ts';
import { lend } from '../../collector.ts';
import { allocateArray, type DType, type TypedArray, type Range } from '../../../array/dtype.ts';
import { DISPOSED, DONATED, StateError } from '../../../errors.ts';
import type { Engine, Memory } from '../device/engine.ts';

/** The elements of a tensor in memory of an engine, which is allocated when they are first written. */
export class GpuStorage implements Storage {
  readonly backend: Backend;
  readonly dtype: DType;
  readonly size: number;
  readonly #engine: Engine;
  /** Keeps the memory when this handle is gone, so that the memory can be freed. */
  readonly #cell: Cell;
  /** The floats of a single element, so that they can be uploaded again if their memory has failed. */
  #scalar: Float32Array | null;
  /** Why the elements are gone; `null` while they are there. */
  #loss: string | null = null;

  /** @param scalar The floats of a single element in `memory`, if they are known. */
  constructor(
    backend: Backend,
    engine: Engine,
    dtype: DType,
    size: number,
    memory: Memory | null,
    scalar: Float32Array | null = null,
  ) {
    this.backend = backend;
    this.dtype = dtype;
    this.size = size;
    this.#engine = engine;
    this.#cell = { engine, memory };
    this.#scalar = scalar;
    lend(this, releaserOf(this.#cell));
  }

  /**
   * The memory, for kernels to read.
   *
   * @throws StateError if the storage was donated or disposed.
   */
  memory(op: string): Memory {
    this.check(op);
    const { memory } = this.#cell;
    if (memory !== null && this.#scalar !== null && this.#engine.failureOf(memory) !== null) {
      this.#engine.free(memory);
      this.#cell.memory = null;
    }
    this.#cell.memory ??= this.#engine.upload(
      this.#scalar ?? allocateArray('float32', floatsOf(this.dtype, this.size), op),
    );
    return this.#cell.memory;
  }

  /** Gives up the memory, whose elements will be written anew; `null` if there is none yet. */
  take(op: string): Memory | null {
    this.check(op);
    const { memory } = this.#cell;
    this.#cell.memory = null;
    this.#scalar = null;
    return memory;
  }

  /** Takes over memory that holds the elements. */
  put(memory: Memory): void {
    if (this.#cell.memory !== null) this.#engine.free(this.#cell.memory);
    this.#cell.memory = memory;
    this.#scalar = null;
  }

  /** Moves the elements to a new handle; this one loses them. */
  transfer(op: string): GpuStorage {
    const memory = this.take(op);
    this.#loss = DONATED;
    return new GpuStorage(this.backend, this.#engine, this.dtype, this.size, memory);
  }

  /** Gives up the elements; does nothing if they are gone already. */
  release(loss: string = DISPOSED): void {
    if (this.#loss !== null) return;
    const memory = this.take('dispose');
    if (memory !== null) this.#engine.free(memory);
    this.#loss = loss;
  }

  /** Throws a StateError if the storage was donated or disposed. */
  check(op: string): void {
    if (this.#loss !== null) throw new StateError(op, this.#loss);
  }
}

/** The memory of a storage, which outlives the storage's handle. */
interface Cell {
  readonly engine: Engine;
  memory: Memory | null;
}

/**
 * A function that frees the memory of a dropped tensor. It is made here so that it cannot hold the handle.
 */
function releaserOf(cell: Cell): () => void {
  return () => {
    if (cell.memory !== null) cell.engine.free(cell.memory);
  };
}

/** Floats that hold `size` elements: two per int32; at least one element, since no buffer is empty. */
export function floatsOf(dtype: DType, size: number): number {
  return Math.max(1, size) * (dtype === 'int32' ? 2 : 1);
}

/** Converts elements to floats: an int32 becomes a high and a low half, with all high halves first. */
export function encodeElements(array: TypedArray): Float32Array {
  const size = array.length;
  if (array instanceof Float32Array && size > 0) return array;
  if (!(array instanceof Int32Array)) {
    const floats = allocateArray('float32', Math.max(1, size), 'store');
    floats.set(array);
    return floats;
  }
  const floats = allocateArray('float32', floatsOf('int32', size), 'store');
  for (let i = 0; i < size; i++) {
    floats[i] = array[i] >> 16;
    floats[size + i] = array[i] & 0xffff;
  }
  return floats;
}

/** The ranges of floats that hold a range of elements: one range, or two for an int32. */
export function floatRanges({ dtype, size }: Storage, { begin, end }: Range): readonly Range[] {
  if (dtype !== 'int32') return [{ begin, end }];
  return [0, size].map((half) => ({ begin: half + begin, end: half + end }));
}

/** Undoes {@link encodeElements}, from all floats or from those of {@link floatRanges}. */
export function decodeElements(floats: Float32Array, dtype: DType, size: number): TypedArray {
  if (dtype === 'float32') return floats.subarray(0, size);
  const array = allocateArray(dtype, size, 'data');
  if (dtype === 'bool') array.set(floats.subarray(0, size));
  else for (let i = 0; i < size; i++) array[i] = floats[i] * 65536 + floats[size + i];
  return array;
}
