// jacobian, the matrix of all first derivatives, and hvp, the Hessian times a vector.

import {
  formatSpec,
  DTypeError,
  eye,
  ShapeError,
  stack,
  StateError,
  Tensor,
  tree,
  zeros,
} from '@tessera/tensor';
import { grad, vjp } from './grad.ts';
import { namedLeaves } from './leaves.ts';

/**
 * The matrix of all first derivatives of a function of a tensor to a tensor, as a function:
 * `J[i…, j…] = ∂f(x)[i…] / ∂x[j…]`. It nests: `jacobian(jacobian(f))` holds the second derivatives.
 *
 * It pulls back one unit cotangent for each element of the value, so it costs as many sweeps as f has
 * results. For one product with J use `vjp`, for one with a Hessian {@link hvp}.
 *
 * @param f A synchronous function of a float32 tensor to a float32 tensor.
 * @returns From x `[j…]` to J `[i…, j…]`, i being the axes of f(x).
 * @throws StateError if f does not return a tensor, DTypeError if x or f(x) is not float32.
 * @example
 * jacobian((x: Tensor) => x.square())(tensor([1, 2])); // [[2, 0], [0, 4]]
 */
export function jacobian(f: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  return (x) => {
    const { value, pullback } = vjp(f, x);
    checkFloat('the argument', x);
    checkFloat('the value', value);
    const units = eye(value.size).reshape([value.size, ...value.shape]);
    const rows = Array.from({ length: value.size }, (_, i) => pullback(units.select(0, i))[0]);
    const shape = [...value.shape, ...x.shape];
    return rows.length === 0 ? zeros(shape) : stack(rows, 0).reshape(shape);
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
  const direction = alignDirection(x, v);
  const slope = (at: T): Tensor => {
    const leaves = namedLeaves(grad(f)(at));
    const products = leaves.flatMap(({ tensor, trainable }, i) =>
      trainable ? [tensor.mul(direction[i]).sum()] : [],
    );
    return products.reduce((sum, product) => sum.add(product), zeros([]));
  };
  return grad(slope)(x);
}

/** The leaves of a direction in the order of those of x. */
function alignDirection(at: unknown, direction: unknown): readonly Tensor[] {
  const [x, given] = [tree.leaves(at), tree.leaves(direction)];
  if (given.length !== x.length) {
    throw new StateError(
      'hvp',
      `v has ${given.length} tensors, but x has ${x.length}. Pass a tree of the structure of x.`,
    );
  }
  const v = tree.align('hvp', at, direction);
  const odd = x.findIndex((leaf, i) => formatSpec(leaf) !== formatSpec(v[i]));
  if (odd < 0) return v;
  throw new ShapeError(
    'hvp',
    `v is like x: tensor ${odd} of x is ${formatSpec(x[odd])}, of v ${formatSpec(v[odd])}.`,
    [x[odd].shape, v[odd].shape],
  );
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
