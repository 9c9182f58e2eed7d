// The Hessian of a function: the Jacobian of its gradient.

import { checkFunction, checkOptions, type Tensor } from '@tessera/tensor';
import { perArgnum, type Argnums } from './argnums.ts';
import { grad } from './grad.ts';
import { jacobian, type JacobianOptions } from './jacobian.ts';

/** A matrix for one argument; for a list of them a list of rows, `H[i][j]` for the arguments i and j of the list. */
export type Hessians<N extends Argnums> = N extends number
  ? Tensor
  : { -readonly [I in keyof N]: { -readonly [J in keyof N]: Tensor } };

/**
 * The matrix of all second derivatives of a scalar function of a tensor, as a function:
 * `H[i…, j…] = ∂²f / ∂x[i…] ∂x[j…]`. It is the Jacobian of the gradient, so it costs as many sweeps as x has
 * elements; for one product with H use `hvp`.
 *
 * @param f A synchronous function to a float32 scalar, of which the chosen arguments are float32 tensors.
 * @returns From the arguments of f to H `[i…, j…]`. With a list of argnums: to the blocks `H[i][j]`, of
 * which the first axes belong to argument i and the last to argument j.
 * @throws As {@link jacobian} and `grad`.
 * @example
 * hessian((x: Tensor) => x.pow(3).sum())(tensor([1, 2])); // [[6, 0], [0, 12]]
 *
 * const f = (x: Tensor, y: Tensor) => x.mul(y).sum();
 * const [[xx, xy]] = hessian(f, { argnums: [0, 1] })(tensor([1, 2]), tensor([3, 4]));
 * xx; // [[0, 0], [0, 0]]
 * xy; // [[1, 0], [0, 1]]
 */
export function hessian(f: (x: Tensor) => Tensor): (x: Tensor) => Tensor;
export function hessian<P extends readonly unknown[], const N extends Argnums = 0>(
  f: (...args: P) => Tensor,
  options?: JacobianOptions<N>,
): (...args: P) => Hessians<NoInfer<N>>;
export function hessian<P extends readonly unknown[]>(
  f: (...args: P) => Tensor,
  options: JacobianOptions = {},
): (...args: P) => unknown {
  checkFunction('hessian', f);
  checkOptions('hessian', options, ['argnums']);
  const { argnums = 0 } = options;
  return (...args) => {
    const rows = [argnums].flat().map((row) => {
      const slope = grad(f, row) as (...at: P) => Tensor;
      return jacobian(slope, { argnums })(...args);
    });
    return perArgnum(argnums, rows);
  };
}
