import type { Backend, Executable, Storage } from '../backend.ts';
import { commonBackend, contiguousStorage, evaluator, ownStorage, storedTensor } from '../eager.ts';
import { currentInterpreter, expectSynchronous } from '../interpreter.ts';
import { sizeOf } from '../shape.ts';
import { tree, type FlatTree } from '../tree.ts';
import { ValueError } from '../errors.ts';
import { planProgram } from './pipeline.ts';
import { formatPlan, type Plan } from './plan.ts';
import { formatProgram, type Program } from './program.ts';
import { simplify } from './simplify.ts';
import { trace } from './trace.ts';

/** Options of {@link compile}. */
export interface CompileOptions {
  /**
   * Positions of the arguments that the caller gives up. Results are written over their tensors,
   * which refuse any use after the call. Default none.
   */
  readonly donate?: readonly number[];
}

/** What each stage made of a function, printed for reading. */
export interface Stages {
  /** As written: every operation in the order of the function. */
  readonly traced: string;
  /** After simplification. */
  readonly simplified: string;
  /** Kernels and memory. */
  readonly plan: string;
}

/** A function that runs as one plan a call. */
export interface Compiled<A extends readonly unknown[], R> {
  (...args: A): R;
  /** The stages of compilation for arguments of these shapes. */
  stages(...args: A): Stages;
}

/**
 * Compiles a pure function of trees of tensors: the first call with arguments of new shapes traces
 * it into one program, simplifies, fuses and plans it; later calls only run the plan.
 *
 * Numbers and other parts of the arguments that are no tensors are fixed while tracing: another
 * value compiles another plan. Inside `grad` or another compiled function, `f` itself is called, so
 * compile the outermost function.
 *
 * @throws StateError if `f` is asynchronous or reads the values of a tensor.
 * @example
 * const step = compile((w: Tensor, x: Tensor) => w.sub(x.mul(w).mul(0.1)), { donate: [0] });
 * let w = tensor([1, 2]);
 * w = step(w, tensor([3, 4])); // [0.7, 1.2]
 */
export function compile<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  options: CompileOptions = {},
): Compiled<A, R> {
  if (typeof f !== 'function') {
    throw new ValueError('compile', `takes a function, but got a ${typeof f}.`);
  }
  const known = new WeakMap<Backend, Map<string, Variant<R>>>();
  const variantOf = (args: A, flat: FlatTree<A>, backend: Backend): Variant<R> => {
    const specs = flat.leaves.map(({ dtype, shape }) => `${dtype}[${shape.join()}]`).join(' ');
    const signature = `${flat.structure} ${specs}`;
    const variants = known.get(backend) ?? new Map<string, Variant<R>>();
    known.set(backend, variants);
    let variant = variants.get(signature);
    if (variant === undefined) {
      variant = new Variant(f, flat, donatedLeaves(args, options.donate ?? []), backend);
      variants.set(signature, variant);
    }
    return variant;
  };
  const call = (...args: A): R => {
    if (currentInterpreter() !== evaluator) return f(...args);
    const flat = tree.flatten(args);
    return variantOf(args, flat, commonBackend('compile', flat.leaves)).run(flat);
  };
  return Object.assign(call, {
    stages: (...args: A): Stages => {
      const flat = tree.flatten(args);
      const backend = commonBackend('compile', flat.leaves);
      const donated = donatedLeaves(args, options.donate ?? []);
      const { traced, simplified, plan } = planOf(f, flat, donated, backend);
      return {
        traced: formatProgram(traced),
        simplified: formatProgram(simplified),
        plan: formatPlan(plan),
      };
    },
  });
}

/** Every stage of a function for arguments of one structure, and the structure of its result. */
function planOf<R>(
  f: (...args: never) => R,
  flat: FlatTree<readonly unknown[]>,
  donated: ReadonlySet<number>,
  backend: Backend,
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
  const simplified = simplify(traced);
  const plan = planProgram(simplified, [...donated], undefined, backend.epilogues);
  return { traced, simplified, plan, result };
}

/** The function compiled for arguments of one structure. It keeps what a run needs, and no program. */
class Variant<R> {
  private readonly backend: Backend;
  private readonly donated: ReadonlySet<number>;
  /** Donated inputs that no output takes over. */
  private readonly spent: readonly number[];
  private readonly outputs: Plan['outputs'];
  private readonly executable: Executable;
  private readonly unflatten: FlatTree<R>['unflatten'];

  constructor(
    f: (...args: never) => R,
    flat: FlatTree<readonly unknown[]>,
    donated: ReadonlySet<number>,
    backend: Backend,
  ) {
    const { simplified, plan, result } = planOf(f, flat, donated, backend);
    this.backend = backend;
    this.donated = donated;
    this.outputs = plan.outputs;
    const taken = new Set(plan.outputs.map(({ donatedInput }) => donatedInput));
    this.spent = [...donated].filter((i) => !taken.has(i));
    this.unflatten = result.unflatten;
    this.executable = backend.prepare(
      plan,
      simplified.constants.map(({ storage }) => storage),
    );
  }

  run({ leaves }: FlatTree<unknown>): R {
    const uses = new Map<Storage, number>();
    for (const { value } of leaves) {
      if (value.kind === 'stored') uses.set(value.storage, 1 + (uses.get(value.storage) ?? 0));
    }
    const inputs = leaves.map((leaf, i) => {
      const storage = contiguousStorage(leaf, this.backend);
      const isOnlyHolder =
        leaf.value.kind === 'stored' && leaf.value.storage === storage && uses.get(storage) === 1;
      return this.donated.has(i) && !isOnlyHolder ? ownStorage(leaf, this.backend) : storage;
    });
    const donations = inputs.map((storage, i) =>
      this.donated.has(i) ? this.backend.transfer(storage, 'compile') : storage,
    );
    const outputs = this.outputs.map(({ dtype, shape, donatedInput }) =>
      donatedInput === null ? this.backend.allocate(dtype, sizeOf(shape)) : donations[donatedInput],
    );
    try {
      this.executable.run(donations, outputs);
    } finally {
      // What was donated and no output took over is nobody's: a collector would come late.
      for (const i of this.spent) this.backend.release(donations[i]);
    }
    return this.unflatten(this.outputs.map((spec, i) => storedTensor(spec, outputs[i])));
  }
}

/** Indices of the leaves that belong to the donated arguments. */
function donatedLeaves(args: readonly unknown[], donate: readonly number[]): ReadonlySet<number> {
  const donated = new Set<number>();
  const wrong = donate.find(
    (position) => !Number.isInteger(position) || position < 0 || position >= args.length,
  );
  if (wrong !== undefined) {
    throw new ValueError(
      'compile',
      `donate names argument ${wrong}, but the function was called with ${args.length}.`,
    );
  }
  let next = 0;
  args.forEach((arg, position) => {
    for (const _leaf of tree.leaves(arg)) {
      if (donate.includes(position)) donated.add(next);
      next++;
    }
  });
  return donated;
}
