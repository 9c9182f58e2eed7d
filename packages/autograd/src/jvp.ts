// The Jacobian-vector product: a derivative along a direction, by transposing the vjp.

import { checkFunction, checkList, tree, zeros } from '@tessera/tensor';
import { alignDirection } from './direction.ts';
import { vjp } from './grad.ts';

/** A function's value and its change along a direction. */
export interface Jvp<R> {
  readonly value: R;
  /** A tree like the value, with zeros in the leaves that have no gradient (int32, bool, buffers). */
  readonly tangent: R;
}

/**
 * The value of `f` and its Jacobian-vector product `J v`: how the value changes as the arguments move
 * along `tangents`.
 *
 * It is reverse mode applied twice. The pullback `ȳ ↦ Jᵀ ȳ` is linear, so the pullback of the pullback is
 * `v ↦ J v`, whatever the ȳ at which it is taken. That costs about two gradients, and the memory of one;
 * in `compile` what only the first of them needs is left out. For all of J use `jacobian`.
 *
 * Source: Townsend 2017, "A new trick for calculating Jacobian vector products".
 *
 * @param f A synchronous function of trees to a tree. A `customVjp` inside must be linear in its cotangent,
 * as a true gradient is.
 * @param primals The arguments, where to evaluate it.
 * @param tangents A direction for each argument, trees like them. Leaves that are not trained do not move.
 * @throws StateError or ShapeError if the tangents are not like the primals; StateError if `f` is
 * asynchronous or a generator.
 * @example
 * const { value, tangent } = jvp((x: Tensor) => x.square(), [tensor([1, 2])], [tensor([1, 10])]);
 * value; // [1, 4]
 * tangent; // [2, 40]: 2 x v
 */
export function jvp<P extends readonly unknown[], R>(
  f: (...primals: P) => R,
  primals: P,
  tangents: P,
): Jvp<R> {
  checkFunction('jvp', f);
  checkList('jvp', 'the primals', primals, 'jvp(f, [x], [v])');
  checkList('jvp', 'the tangents', tangents, 'jvp(f, [x], [v])');
  const names = { point: 'the list of primals', direction: 'the list of tangents' };
  const directions = alignDirection('jvp', primals, tangents, names);
  const { value, pullback } = vjp<P, R>(f, ...primals);
  const anywhere = tree.map(({ shape, dtype }) => zeros(shape, dtype), value);
  const { pullback: pushForward } = vjp((ȳ: R) => pullback(ȳ), anywhere);
  const [tangent] = pushForward(tree.flatten(primals).unflatten(directions));
  return { value, tangent };
}
