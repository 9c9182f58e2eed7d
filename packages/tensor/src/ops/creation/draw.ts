// permutation and categorical: random orders and random classes.

import { checkOptions, checkTensors, kindOf } from '../../arguments.ts';
import { formatShape, ShapeError, ValueError } from '../../errors.ts';
import { randomBits } from '../../random.ts';
import {
  broadcastShapes,
  checkShape,
  normalizeAxis,
  sameShape,
  type Shape,
} from '../../array/shape.ts';
import type { Tensor } from '../../tensor.ts';
import { indexSelect } from '../indexing/gather.ts';
import { argmax } from '../reduction/reduction.ts';
import { argsort } from '../indexing/sort.ts';

/** Options of {@link categorical}. */
export interface CategoricalOptions {
  /** The axis of the classes. Default: the last one. */
  readonly axis?: number;
  /** The shape of the result, to which the logits' shape without the axis broadcasts. Default: the latter. */
  readonly shape?: Shape;
}

/**
 * Puts the numbers `0 … n − 1`, or the entries of x along its first dimension, in random order. All orders
 * are equally likely.
 *
 * The order is that of random 64-bit words. Two of them are equal once in about 2⁶⁴/n² draws.
 *
 * @param random A key.
 * @param items The count n, or a tensor of at least one dimension.
 * @returns int32 `[n]`, or a tensor of the shape and dtype of `items`.
 * @throws ValueError if the count is not a whole number of at least 0, ShapeError for a scalar tensor.
 * @example
 * permutation(key(0), 5).sum(); // 10
 * permutation(key(1), tensor([[1, 2], [3, 4]])); // float32[2, 2]
 */
export function permutation(random: Tensor, items: number | Tensor): Tensor {
  if (typeof items !== 'number') {
    checkTensors('permutation', { items });
    if (items.rank > 0) return indexSelect(items, permutation(random, items.shape[0]), 0);
    throw new ShapeError('permutation', 'a scalar has no entries. Pass a number of them.', [[]]);
  }
  if (!Number.isSafeInteger(items) || items < 0) {
    throw new ValueError(
      'permutation',
      `takes a tensor or a whole number of at least 0, but got ${kindOf(items)}.`,
    );
  }
  const [high, low] = randomBits('permutation', random, [2, items], 32).split([1, 1], 0);
  const byLow = argsort(low.select(0, 0));
  return indexSelect(byLow, argsort(indexSelect(high.select(0, 0), byLow, 0)), 0);
}

/**
 * Draws class numbers with probabilities `softmax(logits)`: the index of the largest of `logits + g`, where g
 * is independent Gumbel noise, `−ln(−ln u)`.
 *
 * A class with logit −∞ is never drawn. If all logits are −∞, or one is NaN, the result is −1. The noise has
 * a resolution of 2⁻²⁴: rarer events are not drawn in the right proportion.
 *
 * Source: Gumbel 1954, "Statistical theory of extreme values and some practical applications".
 *
 * @param random A key.
 * @param logits `[..., classes]`, logarithms of probabilities up to a constant.
 * @returns int32, with the logits' shape without the axis, or with `shape`; no gradient passes.
 * @throws AxisError if the axis does not exist, ShapeError if there are no classes or the shapes do not
 * broadcast.
 * @example
 * categorical(key(0), tensor([[0, -Infinity], [-Infinity, 3]])); // [0, 1]
 * categorical(key(0), tensor([0.5, 0.5]).log(), { shape: [4] }); // int32[4]
 */
export function categorical(
  random: Tensor,
  logits: Tensor,
  options: CategoricalOptions = {},
): Tensor {
  checkTensors('categorical', { logits });
  checkOptions('categorical', options, ['axis', 'shape']);
  const at = normalizeAxis('categorical', options.axis ?? -1, logits.rank);
  const batch = logits.shape.filter((_, i) => i !== at);
  const shape = options.shape ?? batch;
  checkShape('categorical', shape);
  if (!sameShape(broadcastShapes('categorical', batch, shape), shape)) {
    throw new ShapeError(
      'categorical',
      `logits ${formatShape(logits.shape)} without axis ${at} do not broadcast to ${formatShape(shape)}.`,
      [logits.shape, shape],
    );
  }
  const rest = logits.shape.map((_, i) => i).filter((i) => i !== at);
  const last = logits.cast('float32').permute([...rest, at]); // [..., classes]
  const drawn = [...shape, logits.shape[at]];
  // 23 bits and a half: never 0 and never 1.
  const uniform = randomBits('categorical', random, drawn, 23)
    .cast('float32')
    .add(0.5)
    .mul(2 ** -23);
  const scores = last.expand(drawn).sub(uniform.log().neg().log());
  const isPossible = scores.max(-1).greater(-Infinity);
  return isPossible.where(argmax(scores, -1), -1);
}
