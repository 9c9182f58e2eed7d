// Divergences and likelihoods of Gaussians.

import { scalar, Tensor } from '@tessera/tensor';

/** A tensor, or one number for all elements. */
export type TensorOrNumber = Tensor | number;

/**
 * `KL(N(mean1, e^logVariance1) ‖ N(mean2, e^logVariance2))` for each element, in nats.
 *
 * All four broadcast.
 *
 * @example
 * normalKl(tensor([1]), 0, 0, 0); // [0.5]
 */
export function normalKl(
  mean1: Tensor,
  logVariance1: TensorOrNumber,
  mean2: TensorOrNumber,
  logVariance2: TensorOrNumber,
): Tensor {
  const log1 = asTensor(logVariance1);
  const log2 = asTensor(logVariance2);
  return log2
    .sub(log1)
    .sub(1)
    .add(log1.sub(log2).exp())
    .add(mean1.sub(mean2).square().mul(log2.neg().exp()))
    .mul(0.5);
}

/** Inner weight of the approximation: `Φ(x) ≈ ½ (1 + tanh(√(2/π) (x + 0.044715 x³)))`. */
const CUBIC = 0.044715;

/** `½ (1 + tanh u) = sigmoid(2u)`, so this is the factor inside the sigmoid. */
const SLOPE = 2 * Math.sqrt(2 / Math.PI);

/**
 * The tanh approximation of the standard normal distribution function,
 * `½ (1 + tanh(√(2/π) (x + 0.044715 x³)))`, exact to relative rounding in the lower tail too.
 *
 * Source: Page 1977, "Approximations to the cumulative normal function and its inverse".
 *
 * @example
 * normalCdf(tensor([-1, 0, 1])); // [0.159, 0.500, 0.841]
 */
export function normalCdf(x: Tensor): Tensor {
  return cdfLogit(x).sigmoid();
}

function cdfLogit(x: Tensor): Tensor {
  return x.mul(x.square().mul(CUBIC).add(1)).mul(SLOPE);
}

/** No probability counts as less. */
const FLOOR = 1e-12;

/** Half the distance of two of the 256 pixel values in [−1, 1]. */
const HALF_BIN = 1 / 255;

/**
 * The log-likelihood, in nats, of pixels x on the grid of 256 values in [−1, 1] under a Gaussian
 * that is integrated over each value's bin; the outermost bins reach to infinity.
 *
 * The mass of a bin is `σ(p) − σ(q) = σ(p) σ(−q) (1 − e^(q−p))` for the logits p and q of its edges,
 * with p − q from the bin's width: the difference of two almost equal numbers would leave nothing in
 * float32.
 *
 * Source: Ho et al. 2020, equation 13.
 *
 * @param x Pixels, any shape.
 * @param mean Like x.
 * @param logScale Logarithm of the deviation, like x.
 * @example
 * const sharp = discretizedGaussianLogLikelihood(scalar(0.5), scalar(0.5), scalar(-10)); // 0
 * const vague = discretizedGaussianLogLikelihood(scalar(0.5), scalar(0.5), scalar(0)); // -5.767
 */
export function discretizedGaussianLogLikelihood(
  x: Tensor,
  mean: Tensor,
  logScale: Tensor,
): Tensor {
  const centered = x.sub(mean);
  const inverse = logScale.neg().exp();
  const upper = inverse.mul(centered.add(HALF_BIN));
  const lower = inverse.mul(centered.sub(HALF_BIN));
  const below = cdfLogit(upper).sigmoid(); // mass below the upper edge
  const above = cdfLogit(lower).neg().sigmoid(); // mass above the lower edge
  const slope = upper.square().add(upper.mul(lower)).add(lower.square()).mul(CUBIC).add(1);
  const distance = inverse.mul(slope).mul(2 * HALF_BIN * SLOPE); // p − q
  const gap = distance.mul(0.5).tanh().mul(distance.neg().exp().add(1)); // 1 − e^(q−p)
  const inside = below.mul(above).mul(gap);
  const outermost = x.greater(0.999).where(above, inside);
  return x.less(-0.999).where(below, outermost).maximum(FLOOR).log();
}

function asTensor(x: TensorOrNumber): Tensor {
  return x instanceof Tensor ? x : scalar(x);
}
