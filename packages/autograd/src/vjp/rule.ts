import type { Tensor } from '@tessera/tensor';
import type { Params } from '@tessera/tensor/extend';

/** One recorded application of an operation: what a rule may use to write its cotangents. */
export interface Application<P extends Params = Params> {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly params: P;
}

/** Computes the cotangent of one input, if the sweep asks for it. */
export type CotangentThunk = () => Tensor;

/**
 * The vector-Jacobian product of an operation: from the cotangents of its outputs to those of its
 * inputs, one thunk per input, `null` for an input that carries no gradient (an index, a condition).
 * A rule is written in public tensor methods, so it can be differentiated and compiled itself.
 *
 * @example
 * const mul: VjpRule<NoParams> = ([ȳ], { inputs: [a, b] }) => [() => ȳ.mul(b), () => ȳ.mul(a)];
 */
export type VjpRule<P extends Params = Params> = (
  cotangents: readonly Tensor[],
  application: Application<P>,
) => readonly (CotangentThunk | null)[];

/** The declaration that no gradient passes through an operation, and why. */
export interface NotDifferentiable {
  readonly kind: 'not-differentiable';
  readonly reason: string;
}

/**
 * One row of the gradient table: a rule, the reason why there is none, or, for a composite,
 * `'decompose'`: the gradient of its definition.
 */
export type VjpEntry<P extends Params = Params> = VjpRule<P> | NotDifferentiable | 'decompose';

/** Declares an operation not differentiable. */
export function notDifferentiable(reason: string): NotDifferentiable {
  return { kind: 'not-differentiable', reason };
}
