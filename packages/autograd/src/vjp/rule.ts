// What a gradient rule is: its calculus as text, and the same calculus as code.

import type { Tensor } from '@tessera/tensor';
import type { Operation, Params } from '@tessera/tensor/extend';

/** One recorded application of an operation, from which a rule makes its cotangents. */
export interface Application<P extends Params = Params> {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly params: P;
  /** The operation; missing if a function has its own rule. */
  readonly operation?: Operation;
}

/** Computes the cotangent of one input, if the sweep asks for it. */
export type CotangentThunk = () => Tensor;

/**
 * Maps the cotangents of an operation's outputs to those of its inputs. It returns one thunk per input, and
 * `null` for an input that carries no gradient (an index, a condition). It is written in public tensor
 * methods, so it can be differentiated and compiled itself.
 */
export type VjpFunction<P extends Params = Params> = (
  cotangents: readonly Tensor[],
  application: Application<P>,
) => readonly (CotangentThunk | null)[];

/**
 * The vector-Jacobian product of an operation: its calculus as text, for printed graphs and
 * documentation, and the same calculus as code.
 */
export interface VjpRule<P extends Params = Params> {
  /** The value of the operation in terms of its inputs: `y = a·b`. */
  readonly value: string;
  /**
   * The cotangent of each input, in the same names: `ā = ȳ·b`; `null` if the thunk is `null`. The last one
   * also holds for all further inputs.
   */
  readonly cotangents: readonly (string | null)[];
  readonly vjp: VjpFunction<P>;
}

/**
 * A row of the gradient table with its calculus.
 *
 * @param value The value of the operation: `y = a·b`.
 * @param cotangents The cotangent of each input: `ā = ȳ·b` and `b̄ = ȳ·a`.
 * @param vjp The same in tensor methods.
 * @example
 * const mul: VjpRule<NoParams> = rule(
 *   'y = a·b',
 *   ['ā = ȳ·b', 'b̄ = ȳ·a'],
 *   ([ȳ], { inputs: [a, b] }) => [() => ȳ.mul(b), () => ȳ.mul(a)],
 * );
 */
export function rule<P extends Params>(
  value: string,
  cotangents: readonly (string | null)[],
  vjp: VjpFunction<P>,
): VjpRule<P> {
  return { value, cotangents, vjp };
}

/**
 * The formula of the cotangent of input number `index`; `null` if no gradient flows there.
 *
 * @example
 * const mul = vjpEntry('mul') as VjpRule;
 * cotangentFormula(mul, 1); // 'b̄ = ȳ·a'
 */
export function cotangentFormula({ cotangents }: VjpRule, index: number): string | null {
  return cotangents[Math.min(index, cotangents.length - 1)];
}

/** The statement that no gradient passes through an operation, with the reason. */
export interface NotDifferentiable {
  readonly kind: 'not-differentiable';
  readonly reason: string;
}

/**
 * One row of the gradient table: a rule; or the reason why there is none; or, for a composite, `'decompose'`,
 * which means the gradient of its definition.
 */
export type VjpEntry<P extends Params = Params> = VjpRule<P> | NotDifferentiable | 'decompose';

/**
 * Declares an operation not differentiable.
 *
 * @example
 * notDifferentiable('the result is bool').reason; // 'the result is bool'
 */
export function notDifferentiable(reason: string): NotDifferentiable {
  return { kind: 'not-differentiable', reason };
}
