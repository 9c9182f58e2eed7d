// Divergences and likelihoods of Gaussians.

import { checkTensors, scalar, Tensor } from '@tessera/tensor';
import { checkFinite } from '../../config/argument-check.ts';

/** A tensor, or one number that stands for all elements. */
export type TensorOrNumber = Tensor | number;

/**
 * `KL(N(mean1, e^logVariance1) ‖ N(mean2, e^logVariance2))` for each element, in nats. All four
 * arguments broadcast.
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
  checkTensors('normalKl', { mean1 });
  const log1 = asTensor('logVariance1', logVariance1);
  const log2 = asTensor('logVariance2', logVariance2);
  const other = asTensor('mean2', mean2);
  return log2
    .sub(log1)
    .sub(1)
    .add(log1.sub(log2).exp())
    .add(mean1.sub(other).square().mul(log2.neg().exp()))
    .mul(0.5);
}

/** Weight of x³ in the approximation `Φ(x) ≈ ½ (1 + tanh(√(2/π) (x + 0.044715 x³)))`. */
const CUBIC = 0.044715;

/** Factor inside the sigmoid, since `½ (1 + tanh u) = sigmoid(2u)`. */
const SLOPE = 2 * Math.sqrt(2 / Math.PI);

/**
 * The tanh approximation of the standard normal distribution function,
 * `½ (1 + tanh(√(2/π) (x + 0.044715 x³)))`. Its relative error is that of rounding, in the lower tail
 * too.
 *
 * Source: Page 1977, "Approximations to the cumulative normal function and its inverse".
 *
 * @example
 * normalCdf(tensor([-1, 0, 1])); // [0.159, 0.500, 0.841]
 */
export function normalCdf(x: Tensor): Tensor {
  checkTensors('normalCdf', { x });
  return cdfLogit(x).sigmoid();
}

function cdfLogit(x: Tensor): Tensor {
  return x.mul(x.square().mul(CUBIC).add(1)).mul(SLOPE);
}

/** Least probability: smaller ones count as this. */
const FLOOR = 1e-12;

/** Half the distance between neighbours among the 256 pixel values in [−1, 1]. */
const HALF_BIN = 1 / 255;

/**
 * The log-likelihood of pixels x under a Gaussian, in nats. A pixel has one of 256 values in [−1, 1];
 * its probability is the integral of the Gaussian over the value's bin. The outermost bins reach to
 * infinity.
 *
 * The mass of a bin is `σ(p) − σ(q) = σ(p) σ(−q) (1 − e^(q−p))` for the logits p and q of its edges.
 * Here p − q is computed from the bin's width, because the difference of two almost equal numbers would
 * leave nothing in float32.
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
  checkTensors('discretizedGaussianLogLikelihood', { x, mean, logScale });
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

/**
 * The logarithm of the density of a Gaussian at x, in nats: `−½ (log 2π + ((x − mean)/scale)²) − log scale`.
 *
 * @param x any shape
 * @param mean Like x.
 * @param logScale Logarithm of the deviation, like x.
 * @example
 * gaussianLogDensity(scalar(0), scalar(0), scalar(0)); // -0.919
 */
export function gaussianLogDensity(x: Tensor, mean: Tensor, logScale: Tensor): Tensor {
  checkTensors('gaussianLogDensity', { x, mean, logScale });
  const squares = x.sub(mean).mul(logScale.neg().exp()).square();
  return squares
    .add(Math.log(2 * Math.PI))
    .mul(-0.5)
    .sub(logScale);
}

/** An argument of {@link normalKl} as a tensor. */
function asTensor(name: string, x: TensorOrNumber): Tensor {
  if (x instanceof Tensor) return x;
  checkFinite('normalKl', name, x);
  return scalar(x);
}
