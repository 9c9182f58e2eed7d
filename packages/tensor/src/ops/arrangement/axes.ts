// Joins several axes into one for functions that fold a single axis, and puts them back.

import { normalizeAxes, sizeOf } from '../../array/shape.ts';
import type { Axes, Tensor } from '../../tensor.ts';

/** A tensor whose reduced axes were joined. */
export interface Joined {
  /** `[...kept, n]`: the kept axes in order, then the joined ones as one. */
  readonly joined: Tensor;
  /** The shape after the reduction, with size 1 for every joined axis. */
  readonly kept: readonly number[];
  /** The shape after the reduction, without the joined axes. */
  readonly dropped: readonly number[];
}

/** Moves `axes` (`null` for all) to the end and joins them into one, for functions that fold one axis. */
export function joinAxes(op: string, x: Tensor, axes: Axes): Joined {
  const list = normalizeAxes(op, axes, x.rank);
  const rest = x.shape.map((_, i) => i).filter((i) => !list.includes(i));
  const dropped = rest.map((i) => x.shape[i]);
  const count = sizeOf(list.map((i) => x.shape[i]));
  return {
    joined: x.permute([...rest, ...list]).reshape([...dropped, count]),
    kept: x.shape.map((n, i) => (list.includes(i) ? 1 : n)),
    dropped,
  };
}
