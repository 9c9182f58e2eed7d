// What x.matmul(y) does: NumPy's rules for vectors and batches, then the matmul primitive.

import { isTensor, kindOf } from '../arguments.ts';
import { formatShape, ShapeError, ValueError } from '../errors.ts';
import { apply } from '../interpreter.ts';
import { matmul as primitives } from '../primitives/matmul.ts';
import { broadcastShapes, sizeOf, type Shape } from '../array/shape.ts';
import type { Tensor } from '../tensor.ts';

/** NumPy's matrix product over the primitive: vectors, broadcast batches, one matrix for all rows. */
export function matmul(a: Tensor, b: Tensor): Tensor {
  if (!isTensor(b)) {
    throw new ValueError('matmul', `takes tensors, but got ${kindOf(b)}. For numbers use mul.`);
  }
  if (a.rank === 0 || b.rank === 0) {
    throw new ShapeError(
      'matmul',
      `a is ${formatShape(a.shape)}, b is ${formatShape(b.shape)}: scalars have no inner dimension. Use mul.`,
      [a.shape, b.shape],
    );
  }
  checkInnerDimensions(a.shape, b.shape);
  if (a.rank === 1) return matmul(a.unsqueeze(0), b).squeeze(b.rank === 1 ? 0 : -2);
  if (b.rank === 1) return matmul(a, b.unsqueeze(1)).squeeze(-1);
  if (b.rank === 2 && a.rank > 2) {
    const rows = a.reshape([sizeOf(a.shape.slice(0, -1)), a.shape[a.rank - 1]]);
    return matmul(rows, b).reshape([...a.shape.slice(0, -1), b.shape[1]]);
  }
  const batch = broadcastShapes(
    `matmul (batch dimensions of ${formatShape(a.shape)} and ${formatShape(b.shape)})`,
    a.shape.slice(0, -2),
    b.shape.slice(0, -2),
  );
  const left = a.expand([...batch, ...a.shape.slice(-2)]);
  const right = b.expand([...batch, ...b.shape.slice(-2)]);
  return apply(primitives.matmul, [left, right], {})[0];
}

function checkInnerDimensions(a: Shape, b: Shape): void {
  const k = a[a.length - 1];
  const k2 = b[Math.max(0, b.length - 2)];
  if (k === k2) return;
  const hint =
    b.length > 1 && k === b[b.length - 1]
      ? ' Did you mean b.transpose(-1, -2)?'
      : k2 === a[a.length - 2]
        ? ' Did you mean a.transpose(-1, -2)?'
        : ' The last size of a must equal the second-to-last of b, or the only one of a vector.';
  throw new ShapeError(
    'matmul',
    `inner dimensions differ: a is ${formatShape(a)} (K = ${k}), b is ${formatShape(b)} (K = ${k2}).${hint}`,
    [a, b],
  );
}
