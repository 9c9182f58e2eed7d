// compile(f): traces a function once for each kind of arguments, then runs its plan on every call.

import { checkFunction, checkList, checkOptions, kindOf } from '../arguments.ts';
import type { Backend } from '../backends/backend.ts';
import { commonBackend, evaluator, remember } from '../eager.ts';
import { ValueError } from '../errors.ts';
import { currentInterpreter, expectSynchronous } from '../interpreter.ts';
import { tree, type FlatTree } from '../tree.ts';
import { formatPlan } from '../plan/format.ts';
import type { Pass } from './pipeline.ts';
import { formatProgram } from './program.ts';
import { planOf, Variant } from './variant.ts';

/** Plans that one compiled function keeps on a backend. A new plan replaces the one unused for longest. */
const MOST_PLANS = 128;

/** Number of plans of a function at which a warning says that an argument varies. */
const MANY_PLANS = 100;

/** Options of {@link compile}. */
export interface CompileOptions {
  /**
   * Positions of the arguments that the caller gives up. Results are written over their tensors. These
   * tensors and their views throw on any use after the call. A tensor that stands in the arguments twice, or
   * that the function captures, is copied and stays usable. Default none.
   */
  readonly donate?: readonly number[];
  /**
   * More passes of the compiler, in their order. Default none. `recomputeAtPeak` of `@tessera/tensor/extend` makes
   * a training step need less memory.
   */
  readonly passes?: readonly Pass[];
  /**
   * Whether garbage is collected before the first run of each plan, where the engine allows that. Making the
   * plan of a training step leaves tens of megabytes of it, and a collection takes about 0.1 s. Default false.
   */
  readonly collects?: boolean;
}

/** What each stage made of a function, as printed text. */
export interface Stages {
  /** The traced program: every operation in the order of the function. */
  readonly traced: string;
  /** The program after simplification. */
  readonly simplified: string;
  /** The kernels and their memory. */
  readonly plan: string;
}

/** A function whose calls each run one plan. */
export interface Compiled<A extends readonly unknown[], R> {
  (...args: A): R;
  /** The stages of compilation for arguments of these shapes. */
  stages(...args: A): Stages;
}

/**
 * Compiles a pure function of trees of tensors: the first call with arguments of new shapes traces
 * it into one program, simplifies, fuses and plans it; later calls only run the plan.
 *
 * Tracing fixes numbers and all other parts of the arguments except tensors: another value compiles another
 * plan. Numbers, texts and the like are compared by value, classes, functions and symbols by identity, other
 * objects (maps, dates, instances of classes) by identity and by their visible fields and items. The hidden
 * state of an object must not change. Making a plan takes long, and 128 plans are kept. So pass numbers that
 * vary as tensors; at the hundredth plan a warning names the argument that varies. Inside `grad` or another
 * compiled function, `f` itself is called, so compile the outermost function.
 *
 * A call that fails leaves the tensors of its arguments as they were, also the donated ones. The exception is
 * a failure while results are written over donated tensors (a thread ends in the middle of a run): any use of
 * these tensors then throws, with that reason.
 *
 * @throws StateError if `f` is asynchronous, is a generator or reads the values of a tensor, for typed arrays
 *   in the arguments, and for tensors in objects that are not trees.
 * @example
 * const step = compile((w: Tensor, x: Tensor) => w.sub(x.mul(w).mul(0.1)), { donate: [0] });
 * let w = tensor([1, 2]);
 * w = step(w, tensor([3, 4])); // [0.7, 1.2]
 */
export function compile<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  options: CompileOptions = {},
): Compiled<A, R> {
  checkFunction('compile', f);
  checkOptions('compile', options, ['donate', 'passes', 'collects']);
  const { donate = [], passes = [], collects = false } = options;
  checkList('compile', 'donate', donate, '{ donate: [0] }');
  checkList('compile', 'passes', passes, '{ passes: [recomputeAtPeak] }');
  if (typeof collects !== 'boolean') {
    const found = kindOf(collects);
    throw new ValueError('compile', `collects must be true or false, but is ${found}.`);
  }
  const known = new WeakMap<Backend, Map<string, Variant<R>>>();
  const see = variationWatch(f.name);
  const variantOf = (args: A, flat: FlatTree<A>, backend: Backend): Variant<R> => {
    const signature = signatureOf(flat);
    const variants = known.get(backend) ?? new Map<string, Variant<R>>();
    known.set(backend, variants);
    let variant = variants.get(signature);
    if (variant === undefined) {
      variant = new Variant(f, flat, donatedLeaves(args, donate), backend, passes);
      see(args);
      if (collects) backend.collect?.();
    } else variants.delete(signature);
    remember(variants, signature, variant, MOST_PLANS)?.release();
    return variant;
  };
  const call = (...args: A): R => {
    if (currentInterpreter() !== evaluator) return expectSynchronous('compile', f(...args));
    const flat = tree.flatten(args);
    return variantOf(args, flat, commonBackend('compile', flat.leaves)).run(flat);
  };
  return Object.assign(call, {
    stages: (...args: A): Stages => {
      const flat = tree.flatten(args);
      const backend = commonBackend('compile', flat.leaves);
      const donated = donatedLeaves(args, donate);
      const { traced, simplified, plan } = planOf(f, flat, donated, backend, passes);
      return {
        traced: formatProgram(traced),
        simplified: formatProgram(simplified),
        plan: formatPlan(plan),
      };
    },
  });
}

/** All facts about the arguments on which a plan depends, as text. */
function signatureOf({ structure, leaves }: FlatTree<unknown>): string {
  return `${structure} ${leaves.map(({ dtype, shape }) => `${dtype}[${shape.join()}]`).join(' ')}`;
}

/** Returns a function that takes the arguments of every new plan, and warns once which of them varies. */
function variationWatch(name: string): (args: readonly unknown[]) => void {
  let plans = 0;
  let before: readonly string[] = [];
  return (args) => {
    plans++;
    if (plans < MANY_PLANS - 1 || plans > MANY_PLANS) return;
    const now = args.map((arg) => signatureOf(tree.flatten(arg)));
    const varying = now.flatMap((each, i) => (each === before[i] ? [] : [i]));
    before = now;
    if (plans < MANY_PLANS) return;
    console.warn(
      `compile: ${name || 'a function'} has ${plans} plans, since argument ${varying.join(' and ')} (from 0) ` +
        `varies. ${MOST_PLANS} are kept. Pass numbers as tensors, and tensors in few shapes.`,
    );
  };
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
