// checkpoint(f): forgets the values inside f, and evaluates f again when gradients need them.

import { checkFunction, tree, zeros, type Tensor } from '@tessera/tensor';
import { apply, currentInterpreter, primitives, withInterpreter } from '@tessera/tensor/extend';
import { backward } from './backward.ts';
import { applyCall, type CallSite } from './call.ts';
import { Recorder } from './graph/graph.ts';
import { rule, type VjpRule } from './vjp/rule.ts';

/**
 * Returns the same function, but the graph keeps only its arguments and value. The sweep evaluates f again
 * for the residuals in between. This saves their memory at the cost of one more evaluation. If a chain of n
 * equal steps is cut into √n checkpointed segments, memory grows with √n instead of n.
 *
 * Values and gradients of every order are those of f. The pullback is checkpointed too, so that higher orders
 * also save memory.
 *
 * In a compiled program the second evaluation equals the first, instruction by instruction, and merging equal
 * instructions would undo it. So it reads its arguments behind a `barrier`, a primitive across which the
 * compiler neither merges nor fuses. Computations of f that depend only on captured tensors (not on its
 * arguments) stay shared.
 *
 * Source: Chen et al. 2016, "Training deep nets with sublinear memory cost".
 *
 * @param f A synchronous function of trees to a tree that gives the same value every time. Draw random
 *   numbers from a key among its arguments. It may read tensors from outside; gradients reach them.
 * @returns A function with the arguments and values of f.
 * @throws StateError if `f` is asynchronous or a generator.
 * @example
 * const block = checkpoint((x: Tensor, w: Tensor) => x.matmul(w).tanh().matmul(w.transpose()).tanh());
 * const loss = (w: Tensor, x: Tensor) => block(block(x, w), w).square().mean();
 * grad(loss)(eye(3), ones([2, 3]));
 */
export function checkpoint<P extends readonly unknown[], R>(
  f: (...primals: P) => R,
): (...primals: P) => R {
  checkFunction('checkpoint', f);
  const name = `checkpoint(${f.name === '' ? 'f' : f.name})`;
  const call = { name, f, rule: (site: CallSite<P, R>) => recomputation(f, site) };
  return (...primals) => applyCall(call, primals);
}

/** The rule of a checkpoint: evaluates f again and pulls back through it. */
function recomputation<P extends readonly unknown[], R>(
  f: (...primals: P) => R,
  { args, captured, active }: CallSite<P, R>,
): VjpRule {
  const pullback = (
    inputs: readonly Tensor[],
    cotangents: readonly Tensor[],
  ): readonly Tensor[] => {
    const recorder = new Recorder(currentInterpreter());
    const variables = inputs.map((input, i) => {
      const fresh = apply(primitives.barrier, [input], {})[0];
      return active[i] ? recorder.leaf(fresh) : fresh;
    });
    captured.forEach((tensor, i) => {
      if (active[inputs.length + i]) recorder.adopt(tensor);
    });
    const value = withInterpreter(recorder, () => f(...args.unflatten(variables)));
    const seeds = tree.leaves(value).map((result, i) => [result, cotangents[i]] as const);
    const found = backward(recorder, seeds);
    return [...variables, ...captured].map(
      (variable) => found.get(variable) ?? zeros(variable.shape, variable.dtype),
    );
  };
  const again = checkpoint(pullback);
  return rule('y = f(x)', ['x̄ = ȳᵀ ∂f/∂x, with f evaluated again'], (cotangents, { inputs }) => {
    let all: readonly Tensor[] | undefined; // one evaluation gives all cotangents
    const own = inputs.slice(0, args.leaves.length);
    return inputs.map((_, i) => () => (all ??= again(own, cotangents))[i]);
  });
}
