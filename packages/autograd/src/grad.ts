// grad, valueAndGrad, vjp and stopGradient: derivatives of functions of trees of tensors.

import {
  checkFunction,
  checkOptions,
  formatSpec,
  DTypeError,
  formatShape,
  ones,
  ShapeError,
  StateError,
  Tensor,
  tree,
  zeros,
} from '@tessera/tensor';
import { withInterpreter } from '@tessera/tensor/extend';
import { chooseArguments, perArgnum, type Argnums, type ArgumentsAt } from './argnums.ts';
import { backward } from './backward.ts';
import { alias, outsideRecordings } from './call.ts';
import { record } from './graph/graph.ts';

/** A function's value and the map from cotangents of the value to cotangents of the arguments. */
export interface Vjp<P extends readonly unknown[], R> {
  readonly value: R;
  /**
   * Pulls a cotangent (a tree like the value) back to one tree for each argument. May be called any
   * number of times. Leaves that are not trained (int32, bool, buffers) and those that the value
   * does not depend on receive zeros.
   */
  readonly pullback: (cotangent: R) => P;
}

/**
 * The value of `f` and its vector-Jacobian product `ȳ ↦ ȳᵀ J`.
 *
 * @param f A synchronous function of trees to a tree.
 * @param primals Where to evaluate it.
 * @returns The value and the pullback.
 * @throws StateError if `f` is asynchronous or a generator.
 * @example
 * const { value, pullback } = vjp((x: Tensor) => x.square(), tensor([1, 2, 3]));
 * const [cotangent] = pullback(ones([3])); // [2, 4, 6]
 */
export function vjp<P extends readonly unknown[], R>(
  f: (...primals: P) => R,
  ...primals: P
): Vjp<P, R> {
  checkFunction('vjp', f);
  const { value, graph, variables } = record(f, ...primals);
  const results = tree.leaves(value);
  return {
    value,
    pullback: (cotangent) => {
      const seeds = alignCotangent(value, cotangent);
      const pairs = results.map((result, i) => [result, seeds[i]] as const);
      return cotangentTree(primals, variables, backward(graph, pairs));
    },
  };
}

/** A loss and its gradient. */
export interface ValueAndGrad<T> {
  /** The loss, a scalar. */
  readonly value: Tensor;
  /** A tree like the differentiated argument; with several argnums a list of such trees. */
  readonly grads: T;
}

/** A loss, its gradient and what else the function returned. */
export interface ValueAuxAndGrad<T, A> extends ValueAndGrad<T> {
  readonly aux: A;
}

/** Options of {@link valueAndGrad}. */
export interface GradOptions<N extends Argnums = Argnums, H extends boolean = boolean> {
  /** Which argument to differentiate with respect to, from 0, or a list of them. Default 0. */
  readonly argnums?: N;
  /** Whether `f` returns `[loss, aux]`, where `aux` is handed on without a gradient. Default false. */
  readonly hasAux?: H;
}

/**
 * A function that gives both the loss of `f` and its gradient, in one evaluation of `f`.
 *
 * The gradient is a tree of exactly the argument's type: the gradient of a model is a model. Leaves
 * that are not trained (int32, bool, buffers) hold zeros in it, as do leaves that the loss does not
 * depend on.
 *
 * @param f A synchronous function of trees to a float32 scalar, or with `hasAux` to `[scalar, aux]`.
 * @throws ShapeError if the loss is not a scalar, DTypeError if it is not float32, StateError if `f`
 * is asynchronous or a generator.
 * @example
 * const lossAndGrad = valueAndGrad((w: Tensor, x: Tensor) => x.matmul(w).square().mean());
 * const { value, grads } = lossAndGrad(ones([3]), eye(3));
 * value; // 1
 * grads; // [0.667, 0.667, 0.667]
 */
export function valueAndGrad<P extends readonly unknown[], const N extends Argnums = 0>(
  f: (...args: P) => Tensor,
  options?: GradOptions<N, false>,
): (...args: P) => ValueAndGrad<ArgumentsAt<P, NoInfer<N>>>;
export function valueAndGrad<P extends readonly unknown[], A, const N extends Argnums = 0>(
  f: (...args: P) => readonly [Tensor, A],
  options: GradOptions<N> & { readonly hasAux: true },
): (...args: P) => ValueAuxAndGrad<ArgumentsAt<P, NoInfer<N>>, A>;
export function valueAndGrad<P extends readonly unknown[]>(
  f: (...args: P) => unknown,
  options: GradOptions = {},
): (...args: P) => ValueAndGrad<unknown> {
  checkFunction('grad', f);
  checkOptions('valueAndGrad', options, ['argnums', 'hasAux']);
  const { argnums = 0, hasAux = false } = options;
  return (...args) => {
    const { f: ofChosen, chosen } = chooseArguments('grad', f, argnums, args);
    const { value: result, graph, variables } = record(ofChosen, ...chosen);
    const [loss, aux] = hasAux ? lossAndAux(result) : [result];
    checkLoss('grad', loss);
    const cotangents = backward(graph, [[loss, ones([])]]);
    const grads = perArgnum(argnums, cotangentTree(chosen, variables, cotangents));
    return hasAux ? { value: loss, grads, aux } : { value: loss, grads };
  };
}

/**
 * The gradient of a scalar function, as a function. It nests: `grad(grad(f))` is the second
 * derivative.
 *
 * @param f A synchronous function of trees to a float32 scalar.
 * @param argnums Which argument to differentiate with respect to, from 0, or a list of them.
 * @returns A function of the same arguments to a tree like that argument, or to a list of trees like those;
 * see {@link valueAndGrad}.
 * @example
 * const cube = (x: Tensor) => x.pow(3);
 * grad(grad(cube))(scalar(2)); // 12: 6 · 2
 *
 * const [dx, dy] = grad((x: Tensor, y: Tensor) => x.mul(y), [0, 1])(scalar(2), scalar(3));
 * dx; // 3
 * dy; // 2
 */
export function grad<P extends readonly unknown[], const N extends Argnums = 0>(
  f: (...args: P) => Tensor,
  argnums?: N,
): (...args: P) => ArgumentsAt<P, NoInfer<N>> {
  const both = valueAndGrad(f, argnums === undefined ? {} : { argnums });
  return (...args) => both(...args).grads;
}

/**
 * The same values, through which no gradient flows: to every gradient being taken, of any order, the
 * result is a constant.
 *
 * @param root A tree of tensors.
 * @example
 * grad((x: Tensor) => x.mul(stopGradient(x)))(scalar(3)); // 3: without the stop, 6
 */
export function stopGradient<T>(root: T): T {
  return withInterpreter(outsideRecordings(), () => tree.map(alias, root));
}

/** The arguments with the cotangent of each leaf in its place, zeros where there is none. */
function cotangentTree<P>(
  args: P,
  variables: readonly (Tensor | null)[],
  cotangents: ReadonlyMap<Tensor, Tensor>,
): P {
  const flat = tree.flatten(args);
  const leaves = flat.leaves.map((leaf, i) => {
    const variable = variables[i];
    const cotangent = variable === null ? undefined : cotangents.get(variable);
    return cotangent ?? zeros(leaf.shape, leaf.dtype);
  });
  return flat.unflatten(leaves);
}

/** The leaves of a cotangent in the order of those of its value. */
function alignCotangent(value: unknown, cotangent: unknown): readonly Tensor[] {
  const [results, given] = [tree.leaves(value), tree.leaves(cotangent)];
  if (results.length !== given.length) {
    throw new StateError(
      'vjp',
      `the cotangent has ${given.length} tensors, but the value has ${results.length}. ` +
        'Pass a tree of the structure of the value.',
    );
  }
  const seeds = tree.align('vjp', value, cotangent);
  for (const [i, result] of results.entries()) {
    if (formatSpec(result) === formatSpec(seeds[i])) continue;
    throw new ShapeError(
      'vjp',
      `a cotangent is like its value: value ${i} is ${formatSpec(result)}, ` +
        `the cotangent is ${formatSpec(seeds[i])}.`,
      [result.shape, seeds[i].shape],
    );
  }
  return seeds;
}

function lossAndAux(result: unknown): readonly [unknown, unknown] {
  if (Array.isArray(result) && result.length === 2) return [result[0], result[1]];
  throw new StateError('grad', 'with hasAux the function must return [loss, aux].');
}

/** Throws a typed error in the name of `op` unless `loss` is a float32 scalar. */
export function checkLoss(op: string, loss: unknown): asserts loss is Tensor {
  if (!(loss instanceof Tensor)) {
    throw new StateError(
      op,
      `the function must return a tensor, but returned ${Array.isArray(loss) ? 'an array' : typeof loss}. ` +
        'To return more than the loss, use valueAndGrad with hasAux.',
    );
  }
  if (loss.rank !== 0) {
    throw new ShapeError(
      op,
      `the loss must be a scalar, but has shape ${formatShape(loss.shape)}. Reduce it, e.g. with .mean().`,
      [loss.shape],
    );
  }
  if (loss.dtype !== 'float32') {
    throw new DTypeError(
      op,
      `the loss must be float32, but is ${loss.dtype}: it has no gradient.`,
      [loss.dtype],
    );
  }
}
