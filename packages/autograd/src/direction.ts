// Tangents and directions: trees that must match the point that they start from.

import { formatSpec, ShapeError, StateError, tree, type Tensor } from '@tessera/tensor';

/**
 * The leaves of a direction in the order of those of the point that it starts from.
 *
 * @param names What the point and the direction are called.
 * @throws StateError or ShapeError if the direction is not a tree like the point.
 */
export function alignDirection(
  op: string,
  point: unknown,
  direction: unknown,
  names: { readonly point: string; readonly direction: string },
): readonly Tensor[] {
  const [x, given] = [tree.leaves(point), tree.leaves(direction)];
  if (given.length !== x.length) {
    throw new StateError(
      op,
      `${names.direction} has ${given.length} tensors, but ${names.point} has ${x.length}. ` +
        `Pass a tree of the structure of ${names.point}.`,
    );
  }
  const v = tree.align(op, point, direction);
  const odd = x.findIndex((leaf, i) => formatSpec(leaf) !== formatSpec(v[i]));
  if (odd < 0) return v;
  throw new ShapeError(
    op,
    `${names.direction} is like ${names.point}: tensor ${odd} of ${names.point} is ` +
      `${formatSpec(x[odd])}, of ${names.direction} ${formatSpec(v[odd])}.`,
    [x[odd].shape, v[odd].shape],
  );
}
