// Loss and gradient of a batch as the means of those of its micro-batches, one after the other.

import { valueAndGrad, type ValueAndGrad } from '@tessera/autograd';
import { foldIn, tree, ValueError, type Tensor } from '@tessera/tensor';
import { apply, primitives } from '@tessera/tensor/extend';
import type { Loss } from './step.ts';

/**
 * Loss and gradient of a batch, computed for `count` micro-batches one after the other. Each sum of gradients stands
 * behind a barrier: otherwise the compiler would add up all of them at once, and keep them all until then.
 */
export function accumulated<M, B>(
  loss: Loss<M, B>,
  count: number,
): (model: M, batch: B, key: Tensor) => ValueAndGrad<M> {
  return (model, batch, key) => {
    let total: ValueAndGrad<M> | undefined;
    for (const partOf of micro(loss, model, batch, key, count)) {
      // The mean is taken here, of few numbers: the gradients of the parts only have to be added.
      const part = valueAndGrad((each: M) => partOf(each).div(count))(model);
      total = total === undefined ? part : sum(behindBarrier(total), part);
    }
    return total as ValueAndGrad<M>;
  };
}

/** The loss of each micro-batch. */
function micro<M, B>(
  loss: Loss<M, B>,
  model: M,
  batch: B,
  key: Tensor,
  count: number,
): ((model: M) => Tensor)[] {
  const { parts } = loss;
  if (parts === undefined) {
    return cut(batch, count).map((part, i) => (each) => loss(each, part, foldIn(key, i)));
  }
  return cut(parts.draw(model, batch, key), count).map(
    (part) => (each) => parts.lossOf(each, part),
  );
}

/** Cuts a tree of tensors into `count` parts along their first axis. */
function cut<T>(batch: T, count: number): T[] {
  const rows = rowsOf(tree.leaves(batch), count) / count;
  return Array.from({ length: count }, (_, i) =>
    tree.map((x) => x.slice([[i * rows, (i + 1) * rows]]), batch),
  );
}

/** The first axis of all tensors. Throws a ValueError unless it is the same, and a multiple of `count`. */
function rowsOf(leaves: readonly Tensor[], count: number): number {
  const sizes = [...new Set(leaves.map(({ shape }) => shape.at(0)))];
  const [rows] = sizes;
  if (sizes.length !== 1 || rows === undefined) {
    const found = sizes.map((size) => size ?? 'none').join(', ');
    throw new ValueError(
      'trainStep',
      `accumulate: ${count} cuts the batch along its first axis, so all its tensors need the same one, but they have ${found}.`,
    );
  }
  if (rows % count === 0) return rows;
  throw new ValueError(
    'trainStep',
    `accumulate: ${count} does not divide the batch of ${rows}. Choose a divisor of ${rows}.`,
  );
}

function behindBarrier<T>(root: T): T {
  return tree.map((x) => apply(primitives.barrier, [x], {})[0], root);
}

function sum<T>(a: T, b: T): T {
  const others = tree.leaves(b);
  let next = 0;
  return tree.map((x) => {
    const other = others[next++];
    return x.dtype === 'float32' ? x.add(other) : x; // others are not trained, and have zeros here
  }, a);
}
