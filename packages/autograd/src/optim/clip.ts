// Gradient clipping, by global norm and by value.

import { scalar, tree, ValueError, type Tensor } from '@tessera/tensor';
import { namedLeaves } from '../leaves.ts';

/** Clipped gradients. */
export interface Clipped<T> {
  readonly grads: T;
  /** The norm before clipping, a scalar. */
  readonly norm: Tensor;
}

/**
 * The Euclidean norm of all trainable tensors of a tree, taken as one vector; a scalar.
 *
 * If the squares would overflow or underflow, the vector is scaled by a power of two first. The norm is
 * infinite if an element is infinite, and NaN if one is NaN; its gradient at 0 is 0.
 *
 * @example
 * globalNorm({ a: tensor([3]), b: tensor([[0, 4]]) }); // 5
 */
export function globalNorm(root: unknown): Tensor {
  const { scaled, factor } = scaledNorm(root);
  return scaled.div(factor);
}

/** The norm times a power of two, which is 1 unless the squares leave the range of float32. */
function scaledNorm(root: unknown): { scaled: Tensor; factor: Tensor } {
  const vectors = namedLeaves(root).flatMap(({ tensor, trainable }) => (trainable ? [tensor] : []));
  const squares = (factor: Tensor | null): Tensor =>
    vectors.reduce(
      (sum, x) => sum.add((factor === null ? x : x.mul(factor)).square().sum()),
      scalar(0),
    );
  const plain = squares(null);
  const factor = plain.equal(Infinity).where(2 ** -80, plain.less(2 ** -80).where(2 ** 100, 1));
  const sum = squares(factor);
  const isZero = sum.equal(0); // where √ has no derivative
  return { scaled: isZero.where(0, isZero.where(1, sum).sqrt()), factor };
}

/**
 * Scales all gradients by `min(1, maxNorm / (norm + 1e-6))`, where norm is the {@link globalNorm}. An
 * infinite gradient becomes NaN and all others 0; a NaN makes all gradients NaN.
 *
 * Source: Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", algorithm
 * 1, with PyTorch's 1e-6.
 *
 * @throws ValueError unless the norm is above 0.
 * @example
 * const { grads, norm } = clipByGlobalNorm([tensor([30, 40])], 5);
 * grads[0]; // [3.000, 4.000]
 * norm; // 50
 */
export function clipByGlobalNorm<T>(grads: T, maxNorm: number): Clipped<T> {
  if (!(maxNorm > 0))
    throw new ValueError('clipByGlobalNorm', `maxNorm must be above 0, but is ${maxNorm}.`);
  const { scaled, factor } = scaledNorm(grads);
  const scale = factor.mul(maxNorm).div(scaled.add(factor.mul(1e-6))).minimum(1); // prettier-ignore
  const leaves = namedLeaves(grads).map(({ tensor, trainable }) =>
    trainable ? tensor.mul(scale) : tensor,
  );
  return { grads: tree.flatten(grads).unflatten(leaves), norm: scaled.div(factor) };
}

/**
 * Limits every value of every gradient to `±limit`.
 *
 * @throws ValueError unless the limit is above 0.
 * @example
 * clipByValue([tensor([-3, 0.5, 2])], 1); // [[-1, 0.5, 1]]
 */
export function clipByValue<T>(grads: T, limit: number): T {
  if (!(limit > 0)) throw new ValueError('clipByValue', `limit must be above 0, but is ${limit}.`);
  const leaves = namedLeaves(grads).map(({ tensor, trainable }) =>
    trainable ? tensor.maximum(-limit).minimum(limit) : tensor,
  );
  return tree.flatten(grads).unflatten(leaves);
}
