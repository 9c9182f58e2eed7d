// upsampleNearest2d and upsampleBilinear2d: images resized.

import { checkOptions, checkTensors, kindOf } from '../../arguments.ts';
import { tensor } from '../../create.ts';
import { formatShape, ShapeError, ValueError } from '../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import { indexSelect } from '../indexing/gather.ts';

/** A whole factor for both directions, or the new height and width. */
export type UpsampleTarget = number | { readonly size: readonly [number, number] };

/** Options of {@link upsampleBilinear2d}. */
export interface UpsampleBilinear2dOptions {
  /**
   * Whether the centres of the corner pixels stay in place. If not, the outer edges of the images do. Default
   * false.
   */
  readonly alignCorners?: boolean;
}

/**
 * Resizes an image by repeating pixels: `y[…, i, j] = x[…, ⌊i·H/OH⌋, ⌊j·W/OW⌋]`.
 *
 * @param x `[..., H, W]`, any dtype.
 * @param target A factor: `[..., H·factor, W·factor]`; or a size, also a smaller one: `[..., OH, OW]`.
 * @throws ShapeError if x is not an image, ValueError if the target is not made of whole numbers ≥ 1.
 * @example
 * upsampleNearest2d(tensor([[1, 2]]), 2); // [[1, 1, 2, 2], [1, 1, 2, 2]]
 * upsampleNearest2d(tensor([[1, 2]]), { size: [1, 3] }); // [[1, 1, 2]]
 */
export function upsampleNearest2d(x: Tensor, target: UpsampleTarget): Tensor {
  const size = outputSize('upsampleNearest2d', x, target);
  const lead = x.shape.slice(0, -2);
  const [height, width] = x.shape.slice(-2);
  const repeats = size.map((n, i) => n / x.shape[lead.length + i]);
  if (repeats.every(Number.isInteger)) {
    return x
      .reshape([...lead, height, 1, width, 1])
      .expand([...lead, height, repeats[0], width, repeats[1]])
      .reshape([...lead, ...size]);
  }
  return alongBoth(x, size, (y, axis, n, out) =>
    take(
      y,
      axis,
      Array.from({ length: out }, (_, i) => Math.floor((i * n) / out)),
    ),
  );
}

/**
 * Resizes an image by linear interpolation in both directions, without antialiasing.
 *
 * Pixel i of n is read at `(i + ½)·H/OH − ½` (at least 0), between two neighbours; with `alignCorners` at
 * `i·(H − 1)/(OH − 1)`.
 *
 * @param x `[..., H, W]`.
 * @param target A factor: `[..., H·factor, W·factor]`; or a size: `[..., OH, OW]`.
 * @returns float32.
 * @throws ShapeError if x is not an image, ValueError if the target is not made of whole numbers ≥ 1.
 * @example
 * upsampleBilinear2d(tensor([[0, 1]]), { size: [1, 3] }, { alignCorners: true }); // [[0, 0.5, 1]]
 */
export function upsampleBilinear2d(
  x: Tensor,
  target: UpsampleTarget,
  options: UpsampleBilinear2dOptions = {},
): Tensor {
  checkOptions('upsampleBilinear2d', options, ['alignCorners']);
  const size = outputSize('upsampleBilinear2d', x, target);
  return alongBoth(x.cast('float32'), size, (y, axis, n, out) => {
    const places = Array.from({ length: out }, (_, i) =>
      options.alignCorners
        ? (i * (n - 1)) / Math.max(out - 1, 1)
        : Math.max(((i + 0.5) * n) / out - 0.5, 0),
    );
    const low = places.map(Math.floor);
    const high = low.map((index) => Math.min(index + 1, n - 1));
    const share = tensor(Float32Array.from(places, (place, i) => place - low[i]));
    const weight = axis === y.rank - 1 ? share : share.unsqueeze(1);
    return take(y, axis, low)
      .mul(weight.neg().add(1))
      .add(take(y, axis, high).mul(weight));
  });
}

/** Resizes the width, then the height; leaves out one that does not change. */
function alongBoth(
  x: Tensor,
  size: readonly number[],
  resize: (x: Tensor, axis: number, from: number, to: number) => Tensor,
): Tensor {
  return [1, 0].reduce((y, direction) => {
    const axis = x.rank - 2 + direction;
    return x.shape[axis] === size[direction] ? y : resize(y, axis, x.shape[axis], size[direction]);
  }, x);
}

function take(x: Tensor, axis: number, indices: readonly number[]): Tensor {
  return indexSelect(x, tensor(Int32Array.from(indices)), axis);
}

function outputSize(op: string, x: Tensor, target: UpsampleTarget): readonly number[] {
  checkTensors(op, { x });
  const { rank, shape } = x;
  const image = shape.slice(-2);
  if (rank < 2 || image.includes(0)) {
    throw new ShapeError(op, `[..., H, W] with pixels expected, but got ${formatShape(shape)}.`, [
      shape,
    ]);
  }
  const given: unknown = typeof target === 'object' ? target?.size : [target];
  const count = typeof target === 'object' ? 2 : 1;
  if (
    !Array.isArray(given) ||
    given.length !== count ||
    !given.every((n) => Number.isInteger(n) && n >= 1)
  ) {
    throw new ValueError(
      op,
      `factor and size must be whole numbers of at least 1, but got ` +
        `${Array.isArray(given) ? formatShape(given) : kindOf(target)}. Write 2, or { size: [8, 8] }.`,
    );
  }
  return typeof target === 'number' ? image.map((n) => n * target) : (given as number[]);
}
