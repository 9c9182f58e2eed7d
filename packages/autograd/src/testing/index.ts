// The public names for testing code made of tensors (@tessera/autograd/testing).

/**
 * Tools for testing code that is made of tensors and gradients: {@link gradcheck}, and arbitraries for
 * fast-check, which must be installed too.
 *
 * @module @tessera/autograd/testing
 */
export {
  gradcheck,
  GradcheckError,
  type GradcheckEntry,
  type GradcheckOptions,
  type GradcheckReport,
} from '../gradcheck.ts';
export { layouts, type Layout } from './layouts.ts';
export { move, movements, views, type Movement, type View } from './movements.ts';
export {
  broadcastable,
  broadcastPairs,
  lengths,
  shapes,
  type BroadcastPair,
  type ShapeOptions,
} from './shapes.ts';
export { floats, spacedFloats, stridedFloats, type FloatOptions } from './tensors.ts';
