// A function compiled for one structure of arguments: its plan, and how a call runs it.

import type { Backend, Executable, Storage } from '../backends/backend.ts';
import { contiguousStorage, ownStorage, storedTensor } from '../eager.ts';
import { DONATED, ValueError } from '../errors.ts';
import { expectSynchronous } from '../interpreter.ts';
import { giveUp } from '../methods/read.ts';
import { sizeOf } from '../array/shape.ts';
import type { Tensor } from '../tensor.ts';
import { tree, type FlatTree } from '../tree.ts';
import { compileProgram, type Pass } from './pipeline.ts';
import type { Plan } from '../plan/plan.ts';
import type { Program } from './program.ts';
import { trace } from './trace.ts';

/** Compiles a function for arguments of one structure: all stages, and the structure of its result. */
export function planOf<R>(
  f: (...args: never) => R,
  flat: FlatTree<readonly unknown[]>,
  donated: ReadonlySet<number>,
  backend: Backend,
  passes: readonly Pass[],
): {
  readonly traced: Program;
  readonly simplified: Program;
  readonly plan: Plan;
  readonly result: FlatTree<R>;
} {
  let result: FlatTree<R> | undefined;
  const traced = trace(
    (inputs) => {
      result = tree.flatten(expectSynchronous('compile', f(...(flat.unflatten(inputs) as never))));
      return result.leaves;
    },
    flat.leaves,
    { composites: backend.composites, capture: (tensor) => contiguousStorage(tensor, backend) },
  );
  if (result === undefined) throw new ValueError('compile', 'the function did not return.');
  return { traced, result, ...compileProgram(traced, [...donated], backend.epilogues, passes) };
}

/** A function compiled for arguments of one structure. It keeps what a run needs, but not the program. */
export class Variant<R> {
  readonly #backend: Backend;
  readonly #donated: ReadonlySet<number>;
  readonly #constants: readonly Storage[];
  readonly #outputs: Plan['outputs'];
  /** The donated inputs whose storage becomes an output's. */
  readonly #taken: ReadonlySet<number | null>;
  readonly #executable: Executable;
  readonly #unflatten: FlatTree<R>['unflatten'];

  constructor(
    f: (...args: never) => R,
    flat: FlatTree<readonly unknown[]>,
    donated: ReadonlySet<number>,
    backend: Backend,
    passes: readonly Pass[],
  ) {
    const { simplified, plan, result } = planOf(f, flat, donated, backend, passes);
    this.#backend = backend;
    this.#donated = donated;
    this.#constants = simplified.constants.map(({ storage }) => storage);
    this.#outputs = plan.outputs;
    this.#taken = new Set(plan.outputs.map(({ donatedInput }) => donatedInput));
    this.#unflatten = result.unflatten;
    this.#executable = backend.prepare(plan, this.#constants);
  }

  /**
   * Runs the plan. Donated arguments are given up only when the results exist, so a refused call leaves them
   * as they were.
   */
  run({ leaves }: FlatTree<unknown>): R {
    const [backend, donated, taken] = [this.#backend, this.#donated, this.#taken];
    // Storage that two leaves share, or a leaf and a constant, is neither written over nor given up.
    const uses = new Map<unknown, number>();
    const holders = donated.size === 0 ? [] : [...this.#constants, ...leaves.map(holderOf)];
    for (const holder of holders) uses.set(holder, 1 + (uses.get(holder) ?? 0));
    const isAlone = (leaf: Tensor): boolean => uses.get(holderOf(leaf)) === 1;
    const inputs = leaves.map((leaf, i) => {
      if (donated.has(i) && taken.has(i)) return writableStorage(leaf, backend, isAlone(leaf));
      return contiguousStorage(leaf, backend);
    });
    const fresh: Storage[] = [];
    let outputs: readonly Storage[];
    try {
      outputs = this.#outputs.map(({ dtype, shape, donatedInput }) => {
        if (donatedInput !== null) return inputs[donatedInput];
        fresh.push(backend.allocate(dtype, sizeOf(shape)));
        return fresh[fresh.length - 1];
      });
      this.#executable.run(inputs, outputs);
    } catch (error) {
      for (const storage of fresh) backend.release(storage);
      throw error;
    }
    const results = this.#outputs.map((spec, i) =>
      storedTensor(
        spec,
        spec.donatedInput === null ? outputs[i] : backend.transfer(outputs[i], 'compile'),
      ),
    );
    // Frees donated inputs that no output took over; a garbage collector would free them late.
    for (const i of donated) if (isAlone(leaves[i])) giveUp(leaves[i], DONATED);
    return this.#unflatten(results);
  }

  /** Frees the plan's resources. */
  release(): void {
    this.#executable.release?.();
  }
}

/** The storage or value behind a tensor and all its views. */
function holderOf({ value }: Tensor): unknown {
  return value.kind === 'stored' ? value.storage : value;
}

/** Row-major storage of the elements that may be overwritten: the tensor's own if it `isAlone`, or a copy. */
function writableStorage(tensor: Tensor, backend: Backend, isAlone: boolean): Storage {
  if (!isAlone || tensor.value.kind !== 'stored') return ownStorage(tensor, backend);
  const storage = contiguousStorage(tensor, backend);
  return storage === tensor.value.storage ? backend.writable(storage, 'compile') : storage;
}
