// compile(f): traces a function once for each kind of arguments, then runs its plan on every call.

import { checkFunction, checkList, checkOptions } from '../arguments.ts';
import type { Backend } from '../backends/backend.ts';
import { commonBackend, evaluator, remember } from '../eager.ts';
import { ValueError } from '../errors.ts';
import { currentInterpreter, expectSynchronous } from '../interpreter.ts';
import { tree, type FlatTree } from '../tree.ts';
import { formatPlan } from '../plan/plan.ts';
import { formatProgram } from './program.ts';
import { planOf, Variant } from './variant.ts';

/** Plans that one compiled function keeps on a backend; the one that was not used for longest goes. */
const MOST_PLANS = 128;

/** The plan of a function at which it is said that an argument varies. */
const MANY_PLANS = 100;

/** Options of {@link compile}. */
export interface CompileOptions {
  /**
   * Positions of the arguments that the caller gives up. Results are written over their tensors,
   * which refuse any use after the call, as do their views. A tensor that stands in the arguments twice,
   * or that the function captures, is copied and stays. Default none.
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
 * value compiles another plan. Numbers, texts and the like are compared by value, classes, functions and
 * symbols by identity, other objects (maps, dates, instances of classes) by identity and by the fields and
 * items that they show; what an object hides must not change. Making a plan takes long, and 128 are kept,
 * so pass numbers that vary as tensors; at the hundredth plan a warning names the argument that varies.
 * Inside `grad` or another compiled function, `f` itself is called, so compile the outermost function.
 *
 * A call that fails leaves the tensors of its arguments as they were, donated ones too, unless it had
 * begun to write over them (where a thread ends in the middle of a run); then they say so.
 *
 * @throws StateError if `f` is asynchronous, is a generator or reads the values of a tensor, and for
 * typed arrays in the arguments, and tensors in objects that are no trees.
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
  checkOptions('compile', options, ['donate']);
  if (options.donate !== undefined)
    checkList('compile', 'donate', options.donate, '{ donate: [0] }');
  const known = new WeakMap<Backend, Map<string, Variant<R>>>();
  const see = variationWatch(f.name);
  const variantOf = (args: A, flat: FlatTree<A>, backend: Backend): Variant<R> => {
    const signature = signatureOf(flat);
    const variants = known.get(backend) ?? new Map<string, Variant<R>>();
    known.set(backend, variants);
    let variant = variants.get(signature);
    if (variant === undefined) {
      variant = new Variant(f, flat, donatedLeaves(args, options.donate ?? []), backend);
      see(args);
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

/** Everything about arguments that a plan depends on. */
function signatureOf({ structure, leaves }: FlatTree<unknown>): string {
  return `${structure} ${leaves.map(({ dtype, shape }) => `${dtype}[${shape.join()}]`).join(' ')}`;
}

/** What is told the arguments of every new plan of a function, and says once that one of them varies. */
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
