// What a composite is: a named function that a backend may run as one fused kernel.

import { StateError } from '../errors.ts';
import type { CompositeDeclaration, Params, Primitive } from '../primitives/primitive.ts';
import type { Tensor } from '../tensor.ts';

/**
 * A named function over primitives that a backend may run as one fused kernel. On other backends `decompose`
 * runs instead, so every backend runs every composite.
 */
export interface Composite<P extends Params = Params> extends CompositeDeclaration<P> {
  /** The definition in public tensor methods, one result per output of `infer`. */
  decompose(inputs: readonly Tensor[], params: P): readonly Tensor[];
}

/** Anything that passes through the seam. */
export type Operation<P extends Params = Params> = Primitive<P> | Composite<P>;

/** Returns the composite of a declaration in a plan. Throws a StateError if it has no definition. */
export function definitionOf(declaration: CompositeDeclaration): Composite {
  if ('decompose' in declaration) return declaration as Composite;
  throw new StateError('decompose', `${declaration.name} is declared without a definition.`);
}
