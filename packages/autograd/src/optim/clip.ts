import { scalar, tree, ValueError, type Tensor } from '@tessera/tensor';
import { namedLeaves } from '../leaves.ts';

/** Clipped gradients. */
export interface Clipped<T> {
  readonly grads: T;
  /** The norm before clipping, a scalar. */
  readonly norm: Tensor;
}

/**
 * The Euclidean norm of all trainable tensors of a tree taken as one vector, a scalar.
 *
 * @example
 * globalNorm({ a: tensor([3]), b: tensor([[0, 4]]) }); // 5
 */
export function globalNorm(root: unknown): Tensor {
  const squares = namedLeaves(root).flatMap(({ tensor, trainable }) =>
    trainable ? [tensor.square().sum()] : [],
  );
  return squares.reduce((sum, square) => sum.add(square), scalar(0)).sqrt();
}

/**
 * Scales all gradients by `min(1, maxNorm / (norm + 1e-6))`, where norm is the {@link globalNorm}.
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
  const norm = globalNorm(grads);
  const scale = scalar(maxNorm).div(norm.add(1e-6)).minimum(1);
  const leaves = namedLeaves(grads).map(({ tensor, trainable }) =>
    trainable ? tensor.mul(scale) : tensor,
  );
  return { grads: tree.flatten(grads).unflatten(leaves), norm };
}

/**
 * Cuts every value of every gradient off at `±limit`.
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
