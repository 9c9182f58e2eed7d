// gelu, geluErf, silu and softplus: activation functions of neural networks.

import { checkTensors } from '../../arguments.ts';
import type { Tensor } from '../../tensor.ts';
import { log1p } from './exponential.ts';

/** Beyond ±110 every gate here is 0 or 1 in float32, and x times the gate rounds to 0 or x. */
const REACH = 110;

/**
 * `x · gate(x)` for a gate that rises from 0 to 1. Far from 0 the product is 0 or x, and its derivatives are
 * those of 0 and x; the formula alone would give ∞ · 0 there.
 */
function gated(x: Tensor, gate: (x: Tensor) => Tensor): Tensor {
  const isLow = x.less(-REACH);
  const raised = isLow.where(-REACH, x);
  return isLow.where(0, x.mul(gate(raised.greater(REACH).where(REACH, raised))));
}

/**
 * `x · sigmoid(x)`, also called swish.
 *
 * Source: Elfwing et al. 2017, "Sigmoid-weighted linear units", equation 6.
 *
 * @example
 * silu(tensor([-1, 0, 1])); // [-0.2689, 0, 0.7311]
 */
export function silu(x: Tensor): Tensor {
  checkTensors('silu', { x });
  return gated(x, (y) => y.sigmoid());
}

/** Twice the √(2/π) of GELU, because (1 + tanh u) / 2 is σ(2u). */
const GELU_SLOPE = 2 * Math.sqrt(2 / Math.PI);

/**
 * The tanh approximation of GELU, `½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))`, which DiT uses.
 * It is computed as `x σ(2√(2/π) (x + 0.044715 x³))`, which is the same function. The sum 1 + tanh would cancel
 * where x is far below 0; the sigmoid does not.
 *
 * Source: Hendrycks & Gimpel 2016, "Gaussian error linear units", section 2.
 *
 * @example
 * gelu(tensor([-1, 0, 1])); // [-0.1588, 0, 0.8412]
 */
export function gelu(x: Tensor): Tensor {
  checkTensors('gelu', { x });
  return gated(x, (y) => {
    const slope = y
      .mul(y)
      .mul(0.044715 * GELU_SLOPE)
      .add(GELU_SLOPE);
    return y.mul(slope).sigmoid();
  });
}

/**
 * The exact GELU: `½ x (1 + erf(x / √2))`.
 *
 * @example
 * geluErf(tensor([-1, 0, 1])); // [-0.1587, 0, 0.8413]
 */
export function geluErf(x: Tensor): Tensor {
  checkTensors('geluErf', { x });
  return gated(x, (y) => y.mul(Math.SQRT1_2).erf().add(1).mul(0.5));
}

/**
 * `ln(1 + e^x)`, without overflow and accurate for small results: `max(x, 0) + log1p(e^−|x|)`. The sign of x
 * chooses between two formulas. Each of them is ln(1 + e^x) for all x, so derivatives of any order are right
 * at 0 too.
 *
 * @example
 * softplus(tensor([0, 100])); // [0.6931, 100]
 */
export function softplus(x: Tensor): Tensor {
  checkTensors('softplus', { x });
  const isPositive = x.greater(0);
  return isPositive.where(x, 0).add(log1p(isPositive.where(x.neg(), x).exp()));
}
