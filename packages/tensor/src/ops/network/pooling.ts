// maxPool2d and avgPool2d: the largest element or the mean of each window of an image.

import { checkOptions, checkTensors } from '../../arguments.ts';
import { ones } from '../../create.ts';
import { formatShape, ShapeError, ValueError } from '../../errors.ts';
import { checkGeometry, conv2dOutputSize, type Conv2dGeometry } from '../../primitives/conv2d.ts';
import type { Tensor } from '../../tensor.ts';
import { geometryOf, pair, type Size2d } from '../product/conv2d.ts';

/** Options of {@link maxPool2d}. */
export interface MaxPool2dOptions {
  /** Distance between windows. Default: the kernel, so that windows do not overlap. */
  readonly stride?: Size2d;
  /** Rows and columns added on every side, at most half a window; they are never the largest. Default 0. */
  readonly padding?: Size2d;
  /** Distance between elements of a window. Default 1. */
  readonly dilation?: Size2d;
}

/** Options of {@link avgPool2d}. */
export interface AvgPool2dOptions {
  /** Distance between windows. Default: the kernel, so that windows do not overlap. */
  readonly stride?: Size2d;
  /** Zeros on every side, at most half a window. Default 0. */
  readonly padding?: Size2d;
  /** Whether these zeros count as elements of the mean. Default true. */
  readonly countIncludePad?: boolean;
}

/**
 * The largest element of each window: x `[..., H, W]` gives `[..., OH, OW]` with
 * `OH = ⌊(H + 2·padding − dilation·(kh − 1) − 1) / stride⌋ + 1`.
 *
 * A window with NaN gives NaN. The gradient goes to one element per window, on ties the first in row-major
 * order.
 *
 * @param kernel Height and width of a window.
 * @throws ShapeError if x is not an image or smaller than a window, ValueError for bad attributes.
 * @example
 * maxPool2d(tensor([[1, 2, 3, 4], [5, 6, 7, 8]]), 2); // [[6, 8]]
 */
export function maxPool2d(x: Tensor, kernel: Size2d, options: MaxPool2dOptions = {}): Tensor {
  checkOptions('maxPool2d', options, ['stride', 'padding', 'dilation']);
  return fold('maxPool2d', x, kernel, options, -Infinity, (best, next) =>
    next.greater(best).or(next.notEqual(next)).where(next, best),
  );
}

/**
 * The mean of each window: x `[..., H, W]` gives `[..., OH, OW]` with
 * `OH = ⌊(H + 2·padding − kh) / stride⌋ + 1`.
 *
 * @param kernel Height and width of a window.
 * @throws ShapeError if x is not an image or smaller than a window, ValueError for bad attributes.
 * @example
 * avgPool2d(tensor([[1, 2, 3, 4], [5, 6, 7, 8]]), 2); // [[3.5, 5.5]]
 */
export function avgPool2d(x: Tensor, kernel: Size2d, options: AvgPool2dOptions = {}): Tensor {
  checkOptions('avgPool2d', options, ['stride', 'padding', 'countIncludePad']);
  const { countIncludePad = true, ...geometry } = options;
  const sum = (image: Tensor): Tensor =>
    fold('avgPool2d', image, kernel, geometry, 0, (total, next) => total.add(next));
  const [height, width] = pair(kernel);
  return sum(x).div(countIncludePad ? height * width : sum(ones(x.shape.slice(-2))));
}

/** Folds each window, first along its rows, then the results, in row-major order: kh + kw steps. */
function fold(
  op: string,
  x: Tensor,
  kernel: Size2d,
  options: MaxPool2dOptions,
  outside: number,
  combine: (folded: Tensor, next: Tensor) => Tensor,
): Tensor {
  checkTensors(op, { x });
  const size = pair(kernel);
  const geometry = geometryOf({ stride: kernel, ...options });
  const output = outputSize(op, x, size, geometry);
  const margins = x.shape.map((_, i): [number, number] => {
    const padding = geometry.padding[i - (x.rank - 2)] ?? 0;
    return [padding, padding];
  });
  return [1, 0].reduce(
    (y, direction) => {
      const axis = x.rank - 2 + direction;
      const step = geometry.stride[direction];
      const taps = Array.from({ length: size[direction] }, (_, u) => {
        const start = u * geometry.dilation[direction];
        const stop = start + (output[direction] - 1) * step + 1;
        return y.slice(y.shape.map((_n, i) => (i === axis ? [start, stop, step] : null)));
      });
      return taps.reduce(combine);
    },
    x.cast('float32').pad(margins, outside),
  );
}

function outputSize(
  op: string,
  { rank, shape }: Tensor,
  kernel: readonly [number, number],
  geometry: Conv2dGeometry,
): readonly number[] {
  const { padding, dilation } = geometry;
  const reach = kernel.map((n, i) => (Number.isInteger(n) ? dilation[i] * (n - 1) + 1 : 0));
  if (!kernel.every((n, i) => Number.isInteger(n) && n >= 1 && 2 * padding[i] <= reach[i])) {
    throw new ValueError(
      op,
      `kernel ${formatShape(kernel)} must be whole numbers of at least 1, and padding ` +
        `${formatShape(padding)} at most half of the span of a window, ${formatShape(reach)}.`,
    );
  }
  checkGeometry(op, geometry);
  const size = rank < 2 ? [] : conv2dOutputSize(shape.slice(-2), kernel, geometry);
  if (size.length === 2 && size.every((n) => n >= 1)) return size;
  throw new ShapeError(
    op,
    `a ${kernel.join('×')} window with padding ${formatShape(padding)} and dilation ${formatShape(dilation)} ` +
      `does not fit into x ${formatShape(shape)}: [..., H, W] of its size or larger expected.`,
    [shape],
  );
}
