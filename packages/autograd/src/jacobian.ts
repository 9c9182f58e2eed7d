// jacobian, the matrix of all first derivatives, and hvp, the Hessian times a vector.

import {
  checkFunction,
  checkOptions,
  DTypeError,
  eye,
  stack,
  StateError,
  Tensor,
  zeros,
} from '@tessera/tensor';
import { chooseArguments, perArgnum, type Argnums } from './argnums.ts';
import { alignDirection } from './direction.ts';
import { grad, vjp } from './grad.ts';
import { namedLeaves } from './leaves.ts';

/** Options of {@link jacobian}. */
export interface JacobianOptions<N extends Argnums = Argnums> {
  /** Which argument to differentiate with respect to, from 0, or a list of them. Default 0. */
  readonly argnums?: N;
}

/** A matrix for one argument, a list of matrices for a list of arguments. */
export type Jacobians<N extends Argnums> = N extends number
  ? Tensor
  : { -readonly [K in keyof N]: Tensor };

/**
 * The matrix of all first derivatives of a function of a tensor to a tensor, as a function:
 * `J[i…, j…] = ∂f(x)[i…] / ∂x[j…]`. It nests: `jacobian(jacobian(f))` holds the second derivatives.
 *
 * It pulls back one unit cotangent for each element of the value, so it costs as many sweeps as f has
 * results. For one product with J use `vjp`, for one with a Hessian {@link hvp}.
 *
 * @param f A synchronous function to a float32 tensor, of which the chosen arguments are float32 tensors.
 * @returns From the arguments of f to J `[i…, j…]`, i being the axes of f(x) and j those of the argument x;
 * with a list of argnums to a list of such matrices, which the same sweeps give.
 * @throws StateError if f does not return a tensor, DTypeError if x or f(x) is not float32, ValueError if
 * argnums names no argument.
 * @example
 * jacobian((x: Tensor) => x.square())(tensor([1, 2])); // [[2, 0], [0, 4]]
 *
 * const f = (a: Tensor, x: Tensor) => a.matmul(x);
 * const [toA, toX] = jacobian(f, { argnums: [0, 1] })(ones([2, 3]), ones([3]));
 * toA.shape; // [2, 2, 3]
 * toX.shape; // [2, 3]
 */
export function jacobian(f: (x: Tensor) => Tensor): (x: Tensor) => Tensor;
export function jacobian<P extends readonly unknown[], const N extends Argnums = 0>(
  f: (...args: P) => Tensor,
  options?: JacobianOptions<N>,
): (...args: P) => Jacobians<NoInfer<N>>;
export function jacobian<P extends readonly unknown[]>(
  f: (...args: P) => Tensor,
  options: JacobianOptions = {},
): (...args: P) => unknown {
  checkFunction('jacobian', f);
  checkOptions('jacobian', options, ['argnums']);
  const { argnums = 0 } = options;
  return (...args) => {
    const { f: ofChosen, chosen } = chooseArguments('jacobian', f, argnums, args);
    const { value, pullback } = vjp(ofChosen, ...chosen);
    for (const x of chosen) checkFloat('the argument', x);
    checkFloat('the value', value);
    const units = eye(value.size).reshape([value.size, ...value.shape]);
    const rows = Array.from({ length: value.size }, (_, i) => pullback(units.select(0, i)));
    const matrices = (chosen as readonly Tensor[]).map((x, k) => {
      const shape = [...value.shape, ...x.shape];
      const own = rows.map((row) => row[k] as Tensor);
      return own.length === 0 ? zeros(shape) : stack(own, 0).reshape(shape);
    });
    return perArgnum(argnums, matrices);
  };
}

/**
 * The product of the Hessian of a scalar function with a vector, `H v = ∇ ⟨∇f(x), v⟩`, without the
 * Hessian: for the price of about two gradients.
 *
 * Source: Pearlmutter 1994, "Fast exact multiplication by the Hessian".
 *
 * @param f A synchronous function of a tree to a float32 scalar.
 * @param x Where.
 * @param v A tree like x.
 * @returns A tree like x, with zeros in the leaves that are not trained.
 * @throws StateError or ShapeError if v is not like x; as `grad` for f.
 * @example
 * hvp((x: Tensor) => x.pow(3).sum(), tensor([1, 2]), tensor([1, 1])); // [6, 12]: 6 x v
 */
export function hvp<T>(f: (x: T) => Tensor, x: T, v: T): T {
  const direction = alignDirection('hvp', x, v, { point: 'x', direction: 'v' });
  const slope = (at: T): Tensor => {
    const leaves = namedLeaves(grad(f)(at));
    const products = leaves.flatMap(({ tensor, trainable }, i) =>
      trainable ? [tensor.mul(direction[i]).sum()] : [],
    );
    return products.reduce((sum, product) => sum.add(product), zeros([]));
  };
  return grad(slope)(x);
}

function checkFloat(what: string, x: unknown): void {
  if (!(x instanceof Tensor)) {
    throw new StateError(
      'jacobian',
      `${what} must be a tensor. Take the parts of a tree one by one.`,
    );
  }
  if (x.dtype !== 'float32') {
    throw new DTypeError(
      'jacobian',
      `${what} must be float32, but is ${x.dtype}: it has no gradient.`,
      [x.dtype],
    );
  }
}
