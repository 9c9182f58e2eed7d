// customVjp: a function with a gradient rule of your own.

import {
  checkFunction,
  checkOptions,
  formatSpec,
  ShapeError,
  StateError,
  tree,
  type Tensor,
} from '@tessera/tensor';
import { expectSynchronous } from '@tessera/tensor/extend';
import { applyCall } from './call.ts';
import { rule } from './vjp/rule.ts';

/** An evaluation of a function with its own rule: the arguments and the value. */
export interface CustomApplication<P extends readonly unknown[], R> {
  readonly primals: P;
  readonly value: R;
}

/**
 * Maps the cotangent of a function's value to those of its arguments: one tree per argument, or `null` where
 * no gradient flows.
 */
export type CustomRule<P extends readonly unknown[], R> = (
  cotangent: R,
  application: CustomApplication<P, R>,
) => { readonly [K in keyof P]: P[K] | null };

/** Options of {@link customVjp}. */
export interface CustomVjpOptions {
  /** The name of the node in graphs. Default: the name of the function. */
  readonly name?: string;
  /** The calculus of the rule, for graphs: `x̄ = ȳ·[|x| < 1]`. */
  readonly formula?: string;
}

/**
 * Gives a function its own gradient rule. Use it for a formula that is stabler or cheaper than the gradient
 * of the operations inside, or that differs from it on purpose (a straight-through estimate).
 *
 * For `grad` the function is one node of the graph. Its rule is written in tensor methods, so it is itself
 * differentiated for higher orders, and compiled together with the code around it.
 *
 * @param f A synchronous function of trees to a tree. All tensors that a gradient flows through must be among
 *   its arguments, since the rule has no place for captured tensors.
 * @param pullback Its rule.
 * @returns A function with the arguments and values of f.
 * @throws StateError if f or the rule is asynchronous or a generator, if f captures a tensor that a gradient
 *   follows, or if the rule does not return one tree per argument; ShapeError if a cotangent does not have
 *   the shape of its argument.
 * @example
 * // ln(1 + eˣ) has the gradient σ(x); the operations inside would give eˣ/(1 + eˣ), which overflows.
 * const softplus = customVjp(
 *   (x: Tensor) => x.exp().add(1).log(),
 *   (cotangent, { primals: [x] }) => [cotangent.mul(x.sigmoid())],
 *   { name: 'softplus', formula: 'x̄ = ȳ·σ(x)' },
 * );
 * grad(softplus)(scalar(100)); // 1
 */
export function customVjp<P extends readonly unknown[], R>(
  f: (...primals: P) => R,
  pullback: CustomRule<P, R>,
  options: CustomVjpOptions = {},
): (...primals: P) => R {
  checkFunction('customVjp', f);
  checkFunction('customVjp', pullback);
  checkOptions('customVjp', options, ['name', 'formula']);
  const name = options.name ?? (f.name === '' ? 'customVjp' : f.name);
  const { formula = 'x̄ by its own rule' } = options;
  const call = (...primals: P): R =>
    applyCall(
      {
        name,
        f,
        rule: ({ args, value, captured }) => {
          checkCaptured(name, captured);
          return rule(`y = ${name}(x)`, [formula], (cotangents, { inputs, outputs }) => {
            const application = {
              primals: args.unflatten(inputs),
              value: value.unflatten(outputs),
            };
            const given = expectSynchronous(
              name,
              pullback(value.unflatten(cotangents), application),
            );
            return cotangentLeaves(name, primals, given).map((x̄) => (x̄ === null ? null : () => x̄));
          });
        },
      },
      primals,
    );
  return call;
}

function checkCaptured(name: string, [first]: readonly Tensor[]): void {
  if (first === undefined) return;
  throw new StateError(
    name,
    `the function reads ${formatSpec(first)}, which a gradient follows, from outside, and its rule has ` +
      'no place for the cotangent. Make it an argument, or read stopGradient(…) of it.',
  );
}

/** The cotangents that a rule returned, for each leaf of the arguments. */
function cotangentLeaves(
  name: string,
  primals: readonly unknown[],
  given: readonly unknown[],
): readonly (Tensor | null)[] {
  if (!Array.isArray(given) || given.length !== primals.length) {
    const returned = Array.isArray(given) ? given.length : 'no array';
    throw new StateError(
      name,
      `the rule must return an array of ${primals.length} cotangents, one for each argument, ` +
        `but returned ${returned}. Put null where no gradient flows.`,
    );
  }
  return primals.flatMap((primal, i): readonly (Tensor | null)[] => {
    const leaves = tree.leaves(primal);
    if (given[i] === null) return leaves.map(() => null);
    const cotangents = tree.leaves(given[i]);
    if (cotangents.length !== leaves.length) {
      throw new StateError(
        name,
        `the cotangent of argument ${i} has ${cotangents.length} tensors, the argument has ` +
          `${leaves.length}. Return a tree of its structure.`,
      );
    }
    const aligned = tree.align(name, primal, given[i]);
    return leaves.map((leaf, k) => checkCotangent(name, i, leaf, aligned[k]));
  });
}

/** The cotangent of one tensor; `null` for int32 and bool, which have none. */
function checkCotangent(name: string, position: number, x: Tensor, x̄: Tensor): Tensor | null {
  if (x.dtype !== 'float32') return null;
  if (formatSpec(x) === formatSpec(x̄)) return x̄;
  throw new ShapeError(
    name,
    `a cotangent must have the shape and dtype of its argument: argument ${position} is ${formatSpec(x)}, the rule gives ${formatSpec(x̄)}.`,
    [x.shape, x̄.shape],
  );
}
