// The interface of a backend: storage for tensors, and plans made ready to run.

import type { Plan } from '../plan/plan.ts';
import { foreignStorage } from '../errors.ts';
import type { DType, Range, TypedArray } from '../array/dtype.ts';

/** Memory of a backend that holds the elements of tensors. */
export interface Storage {
  readonly backend: Backend;
  readonly dtype: DType;
  /** Elements. */
  readonly size: number;
}

/**
 * A storage as one of this backend.
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

/** A plan made ready to run. */
export interface Executable {
  /**
   * Runs the plan's kernels in order. `outputs[i]` is the very storage of `inputs[j]` where output i
   * takes over the donated input j.
   *
   * A run that fails leaves all inputs as they were, as far as it can: a handle whose memory it has begun
   * to write over refuses any further use. Values are refused before that.
   */
  run(inputs: readonly Storage[], outputs: readonly Storage[]): void;
  /** Gives back what the plan holds; it must not run again. Dropped plans give it back some time later. */
  release?(): void;
}

/**
 * What it takes to run tensors somewhere. There is one path to a kernel: `prepare` a plan and run it;
 * eager operations are plans of one instruction.
 */
export interface Backend {
  readonly name: string;
  /** Names of the composites that have a fused kernel here; the others arrive decomposed. */
  readonly composites: ReadonlySet<string>;
  /**
   * Names of the operations whose kernels here take an epilogue: pointwise work on their result, done
   * while it is at hand.
   */
  readonly epilogues: ReadonlySet<string>;
  /** Storage with unspecified contents. Throws a StateError in the name of `op` (default `allocate`) if it has no memory. */
  allocate(dtype: DType, size: number, op?: string): Storage;
  /** Storage that holds `array`, which may be used in place: the caller must not write to it afterwards. */
  store(array: TypedArray, dtype: DType): Storage;
  /**
   * The elements of a range, by default all, as a view or a copy that the caller must not write to. Who
   * reads a few elements of a large storage waits for those alone, unless what is below the backend
   * gives all or nothing (gpu.js, where it runs the kernels itself).
   */
  read(storage: Storage, range?: Range): Promise<TypedArray>;
  /** As {@link read}, at once. Throws a StateError on a backend that can only read asynchronously. */
  readSync(storage: Storage, range?: Range): TypedArray;
  /**
   * Storage of the same elements that a run may write over: this one, or a copy if somebody outside may
   * hold the memory. Throws a StateError if the elements are gone.
   */
  writable(storage: Storage, op: string): Storage;
  /** The same memory under a new handle; the old handle refuses any further use. */
  transfer(storage: Storage, op: string): Storage;
  /** Frees the memory at once; the handle refuses any further use, and says why. Default: it was disposed. */
  release(storage: Storage, loss?: string): void;
  prepare(plan: Plan, constants: readonly Storage[]): Executable;
}
