import { scalar, tree, ValueError, type Tensor } from '@tessera/tensor';
import { stopGradient } from '../grad.ts';
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
 * No square overflows or underflows: all are of numbers divided by a power of two near the largest, which
 * changes no bit of the others. The norm is infinite if an element is, NaN if one is NaN; its gradient at
 * 0 is 0.
 *
 * @example
 * globalNorm({ a: tensor([3]), b: tensor([[0, 4]]) }); // 5
 */
export function globalNorm(root: unknown): Tensor {
  const { scaled, power } = scaledNorm(root);
  return scaled.mul(twoTo(power));
}

/** The norm as `scaled · 2^power`, with a whole power for which neither overflows. */
function scaledNorm(root: unknown): { scaled: Tensor; power: Tensor } {
  const vectors = namedLeaves(root).flatMap(({ tensor, trainable }) =>
    trainable && tensor.size > 0 ? [tensor] : [],
  );
  const peaks = vectors.map((x) => stopGradient(x).abs().max());
  const largest = peaks.reduce((most, peak) => most.maximum(peak), scalar(0));
  const power = largest.log().mul(Math.LOG2E).floor().maximum(-MOST).minimum(MOST);
  const shrink = twoTo(power.neg());
  const sum = vectors.reduce((total, x) => total.add(x.mul(shrink).square().sum()), scalar(0));
  const isZero = sum.equal(0); // where √ has no derivative
  return { scaled: isZero.where(0, isZero.where(1, sum).sqrt()), power };
}

/** `2^power` and `2^−power` are ordinary float32 numbers up to here. */
const MOST = 126;

function twoTo(power: Tensor): Tensor {
  return scalar(2).pow(power);
}

/**
 * Scales all gradients by `min(1, maxNorm / (norm + 1e-6))`, where norm is the {@link globalNorm}. An
 * infinite gradient makes the others 0 and itself NaN, a NaN makes all of them NaN.
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
  const { scaled, power } = scaledNorm(grads);
  const shrink = twoTo(power.neg());
  const scale = shrink
    .mul(maxNorm)
    .div(scaled.add(shrink.mul(1e-6)))
    .minimum(1);
  const leaves = namedLeaves(grads).map(({ tensor, trainable }) =>
    trainable ? tensor.mul(scale) : tensor,
  );
  return { grads: tree.flatten(grads).unflatten(leaves), norm: scaled.mul(twoTo(power)) };
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
