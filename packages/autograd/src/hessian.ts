// The Hessian of a function: the Jacobian of its gradient.

import { checkFunction, checkOptions, type Tensor } from '@tessera/tensor';
import { perArgnum, type Argnums } from './argnums.ts';
import { grad } from './grad.ts';
import { jacobian, type JacobianOptions } from './jacobian.ts';

/**
 * The Hessian: for one argnum a matrix, for a list of argnums a list of rows of matrices. `H[i][j]` belongs
 * to the arguments i and j of the list.
 */
export type Hessians<N extends Argnums> = N extends number
  ? Tensor
  : { -readonly [I in keyof N]: { -readonly [J in keyof N]: Tensor } };

/**
 * Makes a function that gives all second derivatives of a scalar function f of a tensor x:
 * `H[i…, j…] = ∂²f / ∂x[i…] ∂x[j…]`. H is the Jacobian of the gradient, so it costs as many sweeps as x has
 * elements. For one product with H use `hvp`.
 *
 * @param f A synchronous function to a float32 scalar. Its chosen arguments are float32 tensors.
 * @returns A function of the arguments of f that gives H `[i…, j…]`. With a list of argnums it gives the
 * blocks `H[i][j]`: the first axes of a block belong to argument i of the list, the last ones to argument j.
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
