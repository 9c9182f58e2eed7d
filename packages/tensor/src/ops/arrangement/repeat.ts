// repeat: each element several times in a row.

import { checkTensors, kindOf } from '../../arguments.ts';
import { tensor } from '../../create.ts';
import { formatShape, ShapeError, ValueError } from '../../errors.ts';
import { normalizeAxis } from '../../array/shape.ts';
import type { Tensor } from '../../tensor.ts';
import { indexSelect } from '../indexing/gather.ts';

/**
 * x with each element along `axis` repeated: `[1, 2]` twice is `[1, 1, 2, 2]`, as NumPy's `repeat` and
 * PyTorch's `repeat_interleave`. PyTorch's `repeat`, which repeats the tensor as a whole, is `tile`.
 *
 * @param x Any shape and dtype.
 * @param counts Numbers of repetitions: one whole number of at least 0, or one per element of the axis.
 * @param axis Default `null`: x is flattened first.
 * @throws AxisError if the axis does not exist, ShapeError if there are several counts but not one per
 *   element.
 * @example
 * repeat(tensor([1, 2]), 2); // [1, 1, 2, 2]
 * repeat(tensor([[1, 2], [3, 4]]), [1, 2], 0); // [[1, 2], [3, 4], [3, 4]]
 */
export function repeat(
  x: Tensor,
  counts: number | readonly number[],
  axis: number | null = null,
): Tensor {
  checkTensors('repeat', { x });
  if (axis === null) return repeat(x.flatten(), counts, 0);
  const at = normalizeAxis('repeat', axis, x.rank);
  const list = [counts].flat();
  const odd = list.find((count) => !Number.isSafeInteger(count) || count < 0);
  if (odd !== undefined) {
    throw new ValueError(
      'repeat',
      `counts must be whole numbers of at least 0, but one is ${kindOf(odd)}.`,
    );
  }
  const n = x.shape[at];
  if (list.length === 1) {
    const [count] = list;
    const inserted = x.shape.flatMap((size, i) => (i === at ? [size, count] : [size]));
    const shape = x.shape.map((size, i) => (i === at ? n * count : size));
    return x
      .unsqueeze(at + 1)
      .expand(inserted)
      .reshape(shape);
  }
  if (list.length !== n) {
    throw new ShapeError(
      'repeat',
      `${list.length} counts for the ${n} elements along axis ${axis} of ${formatShape(x.shape)}: one each expected.`,
      [x.shape],
    );
  }
  const index = list.flatMap((count, i) => new Array<number>(count).fill(i));
  return indexSelect(x, tensor(Int32Array.from(index)), at);
}
