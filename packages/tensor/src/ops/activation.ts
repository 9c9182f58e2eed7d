import { checkTensors } from '../arguments.ts';
import type { Tensor } from '../tensor.ts';
import { log1p } from './exponential.ts';

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
  return x.mul(x.sigmoid());
}

/**
 * The tanh approximation of GELU, `½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))`, which DiT uses.
 *
 * Source: Hendrycks & Gimpel 2016, "Gaussian error linear units", section 2.
 *
 * @example
 * gelu(tensor([-1, 0, 1])); // [-0.1588, 0, 0.8412]
 */
export function gelu(x: Tensor): Tensor {
  checkTensors('gelu', { x });
  const inner = x
    .mul(x)
    .mul(x)
    .mul(0.044715)
    .add(x)
    .mul(Math.sqrt(2 / Math.PI));
  return x.mul(0.5).mul(inner.tanh().add(1));
}

/**
 * GELU exactly: `½ x (1 + erf(x / √2))`.
 *
 * @example
 * geluErf(tensor([-1, 0, 1])); // [-0.1587, 0, 0.8413]
 */
export function geluErf(x: Tensor): Tensor {
  checkTensors('geluErf', { x });
  return x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1));
}

/**
 * `ln(1 + e^x)`, without overflow and with all digits where it is small: `max(x, 0) + log1p(e^−|x|)`.
 *
 * @example
 * softplus(tensor([0, 100])); // [0.6931, 100]
 */
export function softplus(x: Tensor): Tensor {
  checkTensors('softplus', { x });
  return x.maximum(0).add(log1p(x.abs().neg().exp()));
}
