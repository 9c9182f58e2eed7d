import type { Params, Primitive, PrimitiveBase } from '../primitives/primitive.ts';
import type { Tensor } from '../tensor.ts';

/**
 * A named function over primitives that a backend may run as one fused kernel. Where it does not,
 * `decompose` is run in its place, so every backend runs every composite.
 */
export interface Composite<P extends Params = Params> extends PrimitiveBase<P> {
  readonly kind: 'composite';
  /** The definition in public tensor methods, one result per output of `infer`. */
  decompose(inputs: readonly Tensor[], params: P): readonly Tensor[];
}

/** Anything that passes through the seam. */
export type Operation<P extends Params = Params> = Primitive<P> | Composite<P>;
