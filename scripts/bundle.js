// What size-limit bundles to weigh the core: tensors, random keys, compile and gradients.

/**
 * What size-limit bundles for the core: tensors with all their methods, random keys, compile and
 * gradients. Functions beside these are shaken off where a page does not use them.
 */
export { compile, key, normal, split, Tensor, tensor, tree } from '@tessera/tensor';
export { grad, stopGradient, valueAndGrad, vjp } from '@tessera/autograd';
