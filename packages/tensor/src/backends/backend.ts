// The interface of a backend: storage for tensors, and plans made ready to run.

import type { Plan } from '../plan/plan.ts';
import { foreignStorage } from '../errors.ts';
import type { DType, Range, TypedArray } from '../array/dtype.ts';

/** Memory of a backend that holds the elements of tensors. */
export interface Storage {
  readonly backend: Backend;
  readonly dtype: DType;
  /** Number of elements. */
  readonly size: number;
}

/**
 * Checks that a storage belongs to this backend, and returns it.
 *
 * @param kind The class of the backend's storages.
 * @throws StateError in the name of `op` if it belongs to another backend.
 */
export function own<S extends Storage>(
  kind: new (...given: never[]) => S,
  backend: Backend,
  storage: Storage,
  op: string,
): S {
  if (storage instanceof kind && storage.backend === backend) return storage;
  throw foreignStorage(op, storage.backend.name, backend.name);
}

/** A plan that is ready to run. */
export interface Executable {
  /**
   * Runs the plan's kernels in order. If output i takes over the donated input j, `outputs[i]` is the same
   * storage as `inputs[j]`.
   *
   * A run that fails leaves all inputs as they were, if it can. A handle whose memory is already partly
   * overwritten throws on any further use. Values are refused before any overwriting.
   */
  run(inputs: readonly Storage[], outputs: readonly Storage[]): void;
  /** Frees the plan's resources; it must not run again. A dropped plan frees them some time later. */
  release?(): void;
}

/**
 * The operations with which tensors run somewhere. There is one path to a kernel: `prepare` a plan and run
 * it. Eager operations are plans of one instruction.
 */
export interface Backend {
  readonly name: string;
  /** Names of the composites that have a fused kernel here; the others arrive decomposed. */
  readonly composites: ReadonlySet<string>;
  /**
   * Names of the operations whose kernels here can have an epilogue: pointwise work on their result, done
   * before it is stored.
   */
  readonly epilogues: ReadonlySet<string>;
  /** Storage with unspecified contents. Throws a StateError for `op` (default `allocate`) without memory. */
  allocate(dtype: DType, size: number, op?: string): Storage;
  /** Storage that holds `array`, perhaps in place: the caller must not write to the array afterwards. */
  store(array: TypedArray, dtype: DType): Storage;
  /**
   * The elements of a range, by default all, as a view or a copy that the caller must not write to. A reader
   * of a few elements of a large storage waits only for those. The exception is gpu.js as the executor, which
   * only reads whole arrays.
   */
  read(storage: Storage, range?: Range): Promise<TypedArray>;
  /** Like {@link read}, but at once. Throws a StateError on a backend that can only read asynchronously. */
  readSync(storage: Storage, range?: Range): TypedArray;
  /**
   * Storage of the same elements that a run may write over: this one, or a copy if code outside may hold the
   * memory. Throws a StateError if the elements are gone.
   */
  writable(storage: Storage, op: string): Storage;
  /** Moves the memory to a new handle; the old handle throws on any further use. */
  transfer(storage: Storage, op: string): Storage;
  /**
   * Frees the memory at once. The handle then throws on any use, with `loss` as the reason. Default:
   * disposed.
   */
  release(storage: Storage, loss?: string): void;
  prepare(plan: Plan, constants: readonly Storage[]): Executable;
  /**
   * Gives back the memory of dropped tensors, and what the engine's own heap can spare. Absent where the
   * engine does both by itself.
   */
  collect?(): void;
}
