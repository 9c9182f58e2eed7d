import { formatShape, ShapeError, ValueError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';

/** Repeats every pixel of x `[B, C, H, W]` `factor` times in both directions: `[B, C, H·factor, W·factor]`. */
export function upsampleNearest2d(x: Tensor, factor: number): Tensor {
  if (x.rank !== 4) {
    throw new ShapeError('upsampleNearest2d', `[B, C, H, W] expected, but got ${formatShape(x.shape)}.`, [x.shape]);
  }
  if (!Number.isInteger(factor) || factor < 1) {
    throw new ValueError('upsampleNearest2d', `factor must be a whole number of at least 1, but got ${factor}.`);
  }
  const [batch, channels, height, width] = x.shape;
  return x
    .reshape([batch, channels, height, 1, width, 1])
    .expand([batch, channels, height, factor, width, factor])
    .reshape([batch, channels, height * factor, width * factor]);
}
