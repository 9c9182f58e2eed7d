// The seam: `apply`, through which every operation passes, and the interpreter that answers it.

import type { Operation } from './composites/composite.ts';
import { StateError } from './errors.ts';
import type { Params } from './primitives/primitive.ts';
import type { Tensor } from './tensor.ts';

/**
 * One meaning of "apply an operation": evaluate it, append it to a program, or record it for the gradient.
 * Interpreters nest: a recorder applies each operation in the interpreter around it.
 *
 * Source: the interpreter stack of JAX, docs/autodidax.
 */
export interface Interpreter {
  readonly name: string;
  /** Returns one tensor per output of the operation. */
  apply(operation: Operation, inputs: readonly Tensor[], params: Params): readonly Tensor[];
}

let current: Interpreter | undefined;

/**
 * Applies an operation. This is the seam: every operation on tensors passes through here.
 *
 * @param operation A primitive or composite.
 * @param inputs Its operands.
 * @param params Its static attributes.
 * @returns One tensor per output.
 * @example
 * apply(primitives.add, [tensor([1, 2]), tensor([3, 4])], {})[0]; // [4, 6]
 */
export function apply<P extends Params>(
  operation: Operation<P>,
  inputs: readonly Tensor[],
  params: P,
): readonly Tensor[] {
  return currentInterpreter().apply(operation, inputs, params);
}

/**
 * The interpreter that {@link apply} uses now.
 *
 * @example
 * currentInterpreter().name; // 'evaluate'
 */
export function currentInterpreter(): Interpreter {
  if (current === undefined) {
    throw new StateError(
      'apply',
      'no interpreter is installed. Import tensors from @tessera/tensor.',
    );
  }
  return current;
}

/** Installs the outermost interpreter, the evaluator. Called once, when the package is loaded. */
export function installEvaluator(evaluator: Interpreter): void {
  current = evaluator;
}

/**
 * Runs `body` while {@link apply} uses `interpreter`, then restores the previous one.
 *
 * @throws StateError if `body` is asynchronous: after its first `await` the interpreter would no longer be
 *   there.
 * @example
 * const outer = currentInterpreter();
 * const names: string[] = [];
 * const listener: Interpreter = {
 *   name: 'listener',
 *   apply: (operation, inputs, params) => {
 *     names.push(operation.name);
 *     return outer.apply(operation, inputs, params);
 *   },
 * };
 * withInterpreter(listener, () => ones([2]).add(1).exp().sum());
 * console.log(names.filter((name) => name !== 'expand')); // ['literal', 'literal', 'add', 'exp', 'sum']
 */
export function withInterpreter<T>(interpreter: Interpreter, body: () => T): T {
  const outer = current;
  current = interpreter;
  try {
    return expectSynchronous(interpreter.name, body());
  } finally {
    current = outer;
  }
}

/**
 * Returns `result` if it is the value of a synchronous function.
 *
 * @param op The caller's name, for the error.
 * @throws StateError if it is a Promise or another thenable, or a generator. The Promise's own rejection is
 *   then ignored, so that it ends no process.
 * @example
 * const square = (x: Tensor) => x.square();
 * expectSynchronous('example', square(tensor([2, 3]))); // [4, 9]
 */
export function expectSynchronous<T>(op: string, result: T): T {
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return result;
  const tag = Object.prototype.toString.call(result).slice(8, -1);
  const isGenerator = tag.endsWith('Generator');
  if (!isGenerator && !('then' in result && typeof result.then === 'function')) return result;
  if (tag === 'Promise') void Promise.resolve(result).catch(() => undefined);
  const what = tag === 'Promise' ? 'a Promise' : 'a thenable';
  throw new StateError(
    op,
    isGenerator
      ? 'the function is a generator. Return the value from a plain function.'
      : `the function returned ${what}, but it must be synchronous. Read values with await outside of it.`,
  );
}
